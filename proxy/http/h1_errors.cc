#include "proxy/http/h1_errors.h"

namespace flagmesh::http {

uint16_t status_of(H1Error error) {
  switch (error) {
    case H1Error::kTargetTooLong:
      return 414;
    case H1Error::kHeadersTooLarge:
    case H1Error::kTrailersTooLarge:
      return 431;
    case H1Error::kUnknownTransferEncoding:
    case H1Error::kConnectRefused:
      return 501;
    case H1Error::kUnsupportedVersion:
      return 505;
    default:
      return 400;
  }
}

std::string_view reason_of(H1Error error) {
  switch (error) {
    case H1Error::kNone:
      return "";
    case H1Error::kBadMethod:
      return "bad_method";
    case H1Error::kBadTarget:
      return "bad_target";
    case H1Error::kTargetTooLong:
      return "target_too_long";
    case H1Error::kBadVersion:
      return "bad_version";
    case H1Error::kUnsupportedVersion:
      return "unsupported_version";
    case H1Error::kBadHeaderName:
      return "bad_header_name";
    case H1Error::kBadHeaderValue:
      return "bad_header_value";
    case H1Error::kSpaceBeforeColon:
      return "space_before_colon";
    case H1Error::kObsFold:
      return "obs_fold";
    case H1Error::kBareCr:
      return "bare_cr";
    case H1Error::kBareLf:
      return "bare_lf";
    case H1Error::kHeadersTooLarge:
      return "headers_too_large";
    case H1Error::kMissingHost:
      return "missing_host";
    case H1Error::kRepeatedHost:
      return "repeated_host";
    case H1Error::kBadHost:
      return "bad_host";
    case H1Error::kLengthAndTransferEncoding:
      return "length_and_transfer_encoding";
    case H1Error::kBadContentLength:
      return "bad_content_length";
    case H1Error::kDifferingContentLength:
      return "differing_content_length";
    case H1Error::kBadTransferEncoding:
      return "bad_transfer_encoding";
    case H1Error::kUnknownTransferEncoding:
      return "unknown_transfer_encoding";
    case H1Error::kConnectRefused:
      return "connect_refused";
    case H1Error::kBadChunkSize:
      return "bad_chunk_size";
    case H1Error::kBadChunkExtension:
      return "bad_chunk_extension";
    case H1Error::kBadChunkEnd:
      return "bad_chunk_end";
    case H1Error::kChunkLineTooLong:
      return "chunk_line_too_long";
    case H1Error::kBadTrailer:
      return "bad_trailer";
    case H1Error::kTrailersTooLarge:
      return "trailers_too_large";
    case H1Error::kBadStatusLine:
      return "bad_status_line";
    case H1Error::kUnexpectedSwitch:
      return "unexpected_switch";
    case H1Error::kTruncated:
      return "truncated";
    case H1Error::kBadPseudoHeader:
      return "bad_pseudo_header";
    case H1Error::kConnectionField:
      return "connection_field";
    case H1Error::kAuthorityConflict:
      return "authority_conflict";
    case H1Error::kLengthMismatch:
      return "content_length_mismatch";
  }
  return "unknown";
}

}  // namespace flagmesh::http
