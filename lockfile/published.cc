#include "lockfile/published.h"

#include "lockfile/lines.h"
#include "merkle/encoding.h"

namespace flagmesh::lockfile {

namespace {

// index " " tenants " " proof
Status read_tenant_proof(std::string_view line, Published& published) {
  size_t first = line.find(' ');
  size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) return fail("bad_published", "a proof without its place");
  Result<uint64_t> index = merkle::parse_decimal(line.substr(0, first));
  Result<uint64_t> tenants = merkle::parse_decimal(line.substr(first + 1, second - first - 1));
  if (!index || !tenants) return fail("bad_published", "a proof whose place is not two numbers");
  Result<merkle::Proof> proof = merkle::parse_proof(line.substr(second + 1));
  if (!proof) return std::unexpected(proof.error());
  published.tenant_index = *index;
  published.tenants = *tenants;
  published.tenant_proof = std::move(*proof);
  return {};
}

Result<merkle::EpochRecord> read_record(std::string_view text) {
  Result<std::string> bytes = merkle::base64_decode(text);
  if (!bytes) return std::unexpected(bytes.error());
  return merkle::EpochRecord::parse(*bytes);
}

}  // namespace

std::string Published::text() const {
  std::string text(kPublishedLine);
  text += "tenant-opening " + tenant_opening.hex() + '\n';
  text += "tenant-proof " + std::to_string(tenant_index) + ' ' + std::to_string(tenants) + ' ' +
          merkle::format_proof(tenant_proof) + '\n';
  text += "record " + merkle::base64_encode(record.serialize()) + '\n';
  text += "log-proof " + merkle::format_proof(log_proof) + '\n';
  return text += checkpoint.str();
}

Result<Published> Published::parse(std::string_view text) {
  Lines lines(text, "bad_published");
  if (!text.starts_with(kPublishedLine)) return lines.refuse("an unknown end of the lock file");
  Result<std::string_view> line = lines.take();
  Published published;

  if (line = lines.take("tenant-opening"); !line) return std::unexpected(line.error());
  Result<merkle::Hash> opening = merkle::Hash::from_hex(*line);
  if (!opening) return lines.refuse(opening.error().message);
  published.tenant_opening = *opening;

  if (line = lines.take("tenant-proof"); !line) return std::unexpected(line.error());
  if (Status status = read_tenant_proof(*line, published); !status)
    return lines.refuse(status.error().message);

  if (line = lines.take("record"); !line) return std::unexpected(line.error());
  Result<merkle::EpochRecord> record = read_record(*line);
  if (!record) return lines.refuse(record.error().message);
  published.record = *record;

  if (line = lines.take("log-proof"); !line) return std::unexpected(line.error());
  Result<merkle::Proof> proof = merkle::parse_proof(*line);
  if (!proof) return lines.refuse(proof.error().message);
  published.log_proof = std::move(*proof);

  Result<merkle::Note> checkpoint = merkle::Note::parse(lines.rest());
  if (!checkpoint) return lines.refuse(checkpoint.error().message);
  published.checkpoint = std::move(*checkpoint);
  return published;
}

Result<merkle::Checkpoint> check_published(const Published& published,
                                           const merkle::TenantSummary& summary) {
  const merkle::Hash leaf =
      merkle::leaf_hash(merkle::leaf_data(published.tenant_opening, summary.json()));
  Status in_state = merkle::verify_inclusion(leaf, published.tenant_index, published.tenants,
                                             published.tenant_proof, published.record.state_root);
  if (!in_state) return std::unexpected(in_state.error());
  Result<merkle::Checkpoint> checkpoint = merkle::Checkpoint::parse(published.checkpoint.text);
  if (!checkpoint) return checkpoint;
  Status in_log = merkle::verify_inclusion(published.record.leaf(), published.record.epoch - 1,
                                           checkpoint->size, published.log_proof, checkpoint->root);
  if (!in_log) return std::unexpected(in_log.error());
  return checkpoint;
}

}  // namespace flagmesh::lockfile
