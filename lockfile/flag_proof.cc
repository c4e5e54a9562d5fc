#include "lockfile/flag_proof.h"

#include "control/flags/canonical_flag.h"
#include "lockfile/lines.h"
#include "merkle/encoding.h"
#include "merkle/state_tree.h"

namespace flagmesh::lockfile {

namespace {

constexpr std::string_view kFirstLine = "flagmesh proof 1";
constexpr const char* kCode = "bad_proof_file";

std::string text_of(const LeafPlace& place) {
  return std::to_string(place.index) + ' ' + std::to_string(place.leaves) + ' ' +
         merkle::format_proof(place.path);
}

Result<LeafPlace> read_place(Lines& lines, std::string_view word) {
  const Result<std::string_view> line = lines.take(word);
  if (!line) return std::unexpected(line.error());
  const size_t first = line->find(' ');
  const size_t second = first == line->npos ? first : line->find(' ', first + 1);
  if (second == line->npos) return lines.refuse("a proof without its place");
  const Result<uint64_t> index = merkle::parse_decimal(line->substr(0, first));
  const Result<uint64_t> leaves =
      merkle::parse_decimal(line->substr(first + 1, second - first - 1));
  if (!index || !leaves) return lines.refuse("a proof whose place is not two numbers");
  Result<merkle::Proof> path = merkle::parse_proof(line->substr(second + 1));
  if (!path) return lines.refuse(path.error().message);
  return LeafPlace{*index, *leaves, *std::move(path)};
}

Result<merkle::Hash> read_hash(Lines& lines, std::string_view word) {
  const Result<std::string_view> line = lines.take(word);
  if (!line) return std::unexpected(line.error());
  Result<merkle::Hash> hash = merkle::Hash::from_hex(*line);
  if (!hash) return lines.refuse(hash.error().message);
  return hash;
}

Result<merkle::EpochRecord> read_record(Lines& lines) {
  const Result<std::string_view> line = lines.take("record");
  if (!line) return std::unexpected(line.error());
  const Result<std::string> bytes = merkle::base64_decode(*line);
  if (!bytes) return lines.refuse(bytes.error().message);
  Result<merkle::EpochRecord> record = merkle::EpochRecord::parse(*bytes);
  if (!record) return lines.refuse(record.error().message);
  return record;
}

std::unexpected<Error> at_step(const char* step, const Error& why) {
  return fail(why.code, std::string(step) + ": " + why.message);
}

}  // namespace

std::string FlagProof::text() const {
  std::string text(kFirstLine);
  text += "\nflag " + json + "\nopening " + opening.hex();
  text += "\nflag-proof " + text_of(in_tenant);
  text += "\ntenant-flags " + std::to_string(tenant_flags);
  text += "\ntenant-opening " + tenant_opening.hex();
  text += "\ntenant-proof " + text_of(in_state);
  text += "\nrecord " + merkle::base64_encode(record.serialize()) + '\n';
  return text += in_log.text();
}

Result<FlagProof> FlagProof::parse(std::string_view text) {
  Lines lines(text, kCode);
  if (text.size() > kFlagProofBytes) return lines.refuse("a proof of more than 2 MiB");
  const Result<std::string_view> first = lines.take();
  if (!first) return std::unexpected(first.error());
  if (*first != kFirstLine) return lines.refuse("this is no proof of a flag");

  FlagProof proof;
  const Result<std::string_view> json = lines.take("flag");
  if (!json) return std::unexpected(json.error());
  proof.json = *json;
  const auto opening = read_hash(lines, "opening");
  if (!opening) return std::unexpected(opening.error());
  proof.opening = *opening;
  auto in_tenant = read_place(lines, "flag-proof");
  if (!in_tenant) return std::unexpected(in_tenant.error());
  proof.in_tenant = *std::move(in_tenant);
  const Result<std::string_view> flags = lines.take("tenant-flags");
  if (!flags) return std::unexpected(flags.error());
  const Result<uint64_t> count = merkle::parse_decimal(*flags);
  if (!count || *count > merkle::kMaxExactInteger) return lines.refuse("no number of flags");
  proof.tenant_flags = *count;
  const auto tenant_opening = read_hash(lines, "tenant-opening");
  if (!tenant_opening) return std::unexpected(tenant_opening.error());
  proof.tenant_opening = *tenant_opening;
  auto in_state = read_place(lines, "tenant-proof");
  if (!in_state) return std::unexpected(in_state.error());
  proof.in_state = *std::move(in_state);
  auto record = read_record(lines);
  if (!record) return std::unexpected(record.error());
  proof.record = *std::move(record);
  auto in_log = merkle::TlogProof::parse(lines.rest());
  if (!in_log) return lines.refuse("behind it: " + in_log.error().message);
  proof.in_log = *std::move(in_log);
  return proof;
}

Result<ProvenFlag> check_flag_proof(const FlagProof& proof) {
  const auto flag = flags::parse_canonical_flag(proof.json);
  if (!flag) return fail("bad_flag", "the flag: " + flag.error().message);
  const merkle::Hash leaf = merkle::leaf_hash(merkle::leaf_data(proof.opening, proof.json));
  const auto tenant_root = merkle::root_from_inclusion(
      leaf, proof.in_tenant.index, proof.in_tenant.leaves, proof.in_tenant.path);
  if (!tenant_root) return at_step("the flag under its tenant's root", tenant_root.error());
  const merkle::TenantSummary summary{flag->tenant, proof.tenant_flags, *tenant_root};
  const merkle::Hash tenant =
      merkle::leaf_hash(merkle::leaf_data(proof.tenant_opening, summary.json()));
  if (Status in = merkle::verify_inclusion(tenant, proof.in_state.index, proof.in_state.leaves,
                                           proof.in_state.path, proof.record.state_root);
      !in) {
    return at_step("the tenant under the epoch's state root", in.error());
  }
  if (proof.in_log.index + 1 != proof.record.epoch) {
    return fail("bad_index", "the log has another epoch in that place than the record says");
  }
  auto checkpoint = proof.in_log.check(proof.record.leaf());
  if (!checkpoint) return at_step("the epoch in the log", checkpoint.error());
  return ProvenFlag{flag->tenant, flag->key, *std::move(checkpoint)};
}

}  // namespace flagmesh::lockfile
