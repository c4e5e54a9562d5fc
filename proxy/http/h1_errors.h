#pragma once

#include <cstdint>
#include <string_view>

namespace flagmesh::http {

// Why a message was refused. Each has a status for requests (in responses each means 502) and a
// stable token for logs and x-flagmesh-reason.
enum class H1Error : uint8_t {
  kNone,
  kBadMethod,
  kBadTarget,
  kTargetTooLong,       // 414
  kBadVersion,          // 400 for garbage
  kUnsupportedVersion,  // 505: HTTP/2.0 or 0.9 style on the line
  kBadHeaderName,
  kBadHeaderValue,
  kSpaceBeforeColon,
  kObsFold,
  kBareCr,
  kBareLf,
  kHeadersTooLarge,  // 431: bytes or number of fields
  kMissingHost,
  kRepeatedHost,
  kBadHost,
  kLengthAndTransferEncoding,
  kBadContentLength,
  kDifferingContentLength,
  kBadTransferEncoding,      // chunked absent, repeated or not last; in HTTP/1.0
  kUnknownTransferEncoding,  // 501
  kConnectRefused,           // 501
  kBadChunkSize,
  kBadChunkExtension,
  kBadChunkEnd,
  kChunkLineTooLong,
  kBadTrailer,
  kTrailersTooLarge,
  kBadStatusLine,
  kUnexpectedSwitch,  // 101 that nobody asked for
  kTruncated,
  // HTTP/2 only (RFC 9113 §8); is_malformed() there tells which are answered and which reset.
  kBadPseudoHeader,
  kConnectionField,
  kAuthorityConflict,
  kLengthMismatch,
};

// The status of the local reply to a client whose request had that error.
uint16_t status_of(H1Error error);

// "bad_content_length"; never empty but for kNone.
std::string_view reason_of(H1Error error);

}  // namespace flagmesh::http
