#include "control/snapshot/backup.h"

#include <utility>

#include "control/snapshot/byte_reader.h"
#include "control/snapshot/state_replica.h"
#include "merkle/compact_range.h"
#include "merkle/encoding.h"
#include "merkle/note.h"

namespace flagmesh::snapshot {
namespace {

namespace limits = published_limits;

constexpr std::string_view kFirstLine = "flagmesh-backup/v1\n";
constexpr uint64_t kLeaves = uint64_t{1} << 32;

void append_text(std::string& out, std::string_view text) {
  merkle::append_u32(out, static_cast<uint32_t>(text.size()));
  out += text;
}

std::string read_text(ByteReader& reader, size_t most, std::string_view what) {
  const uint32_t size = reader.u32();
  if (size > most) {
    reader.fail(what);
    return {};
  }
  return std::string(reader.take(size));
}

Backup::Tenant read_tenant(ByteReader& reader) {
  Backup::Tenant tenant;
  tenant.name = reader.take(reader.u8());
  tenant.manifest = read_text(reader, limits::kManifestBytes, "a manifest is too long");
  const uint32_t chunks =
      reader.count(reader.u32(), limits::kManifestBytes, 4, "there are too many chunks");
  for (uint32_t i = 0; i < chunks && reader.ok(); i++) {
    tenant.chunks.push_back(read_text(reader, limits::kChunkBytes, "a chunk is too long"));
  }
  return tenant;
}

Result<TenantChange> changes_of(const Backup::Tenant& tenant, const Manifest& manifest) {
  if (tenant.chunks.size() != manifest.chunks.size()) {
    return fail("bad_state", "there are not as many chunks as the manifest names",
                "tenant '" + tenant.name + "'");
  }
  TenantChange change{tenant.name, manifest.proof, {}, {}};
  for (size_t i = 0; i < tenant.chunks.size(); i++) {
    Status parsed = parse_chunk(tenant.chunks[i], manifest.chunks[i], change.changed);
    if (!parsed) return std::unexpected(parsed.error());
  }
  return change;
}

}  // namespace

std::string Backup::encode() const {
  std::string out(kFirstLine);
  append_text(out, head);
  merkle::append_u64(out, leaves.size());
  for (const merkle::Hash& leaf : leaves) out += leaf.view();
  merkle::append_u32(out, static_cast<uint32_t>(tenants.size()));
  for (const Tenant& tenant : tenants) {
    out += static_cast<char>(tenant.name.size());
    out += tenant.name;
    append_text(out, tenant.manifest);
    merkle::append_u32(out, static_cast<uint32_t>(tenant.chunks.size()));
    for (const std::string& chunk : tenant.chunks) append_text(out, chunk);
  }
  out += merkle::sha256(out).view();
  return out;
}

Result<Backup> Backup::parse(std::string_view bytes) {
  if (!bytes.starts_with(kFirstLine)) return fail("bad_backup", "this is no backup of flagmesh");
  if (bytes.size() < kFirstLine.size() + merkle::Hash::kSize) {
    return fail("bad_backup", "the backup is cut short");
  }
  const std::string_view body = bytes.substr(0, bytes.size() - merkle::Hash::kSize);
  if (merkle::sha256(body).view() != bytes.substr(body.size())) {
    return fail("bad_backup", "the backup is cut short or altered");
  }
  ByteReader reader(body.substr(kFirstLine.size()));
  Backup backup;
  backup.head = read_text(reader, merkle::kNoteBytes, "the head is too long");
  const uint64_t leaves = reader.u64();
  if (leaves > kLeaves || leaves > reader.left() / merkle::Hash::kSize) {
    return fail("bad_backup", "the log is longer than the backup");
  }
  backup.leaves.reserve(leaves);
  for (uint64_t i = 0; i < leaves; i++) backup.leaves.push_back(reader.hash());
  const uint32_t tenants = reader.count(reader.u32(), limits::kTenants, 9, "there are too many tenants");
  for (uint32_t i = 0; i < tenants && reader.ok(); i++) {
    backup.tenants.push_back(read_tenant(reader));
  }
  if (Status ended = reader.end("backup"); !ended) {
    return fail("bad_backup", ended.error().message, ended.error().place);
  }
  return backup;
}

Result<Publication> Backup::verified(const HeadVerifier& verifier) const {
  const Result<VerifiedHead> verified_head = verifier.verify_enough(head);
  if (!verified_head) return std::unexpected(verified_head.error());
  const merkle::Checkpoint& checkpoint = verified_head->checkpoint;
  merkle::CompactRange log;
  for (const merkle::Hash& leaf : leaves) log.append(leaf);
  if (log.size() != checkpoint.size || log.root() != checkpoint.root) {
    return fail("inconsistent_log", "the log's leaves are not those of the head");
  }
  Publication publication;
  publication.head = head;
  publication.size = checkpoint.size;
  publication.root = checkpoint.root;
  publication.tile.leaves = leaves;
  StateStep step;
  step.full = true;
  for (const Tenant& tenant : tenants) {
    Result<Manifest> manifest = Manifest::parse(tenant.manifest);
    if (!manifest) return std::unexpected(manifest.error());
    Result<TenantChange> changes = changes_of(tenant, *manifest);
    if (!changes) return std::unexpected(changes.error());
    Publication::Tenant& out = publication.tenants.emplace_back();
    out.name = tenant.name;
    out.manifest = tenant.manifest;
    for (size_t i = 0; i < tenant.chunks.size(); i++) {
      out.chunks.push_back({manifest->chunks[i].hash, tenant.chunks[i]});
    }
    step.log.record = manifest->record;
    if (!step.before) step.before = std::move(manifest->before);
    step.tenants.push_back(*std::move(changes));
  }
  StateReplica replica = StateReplica::of_all();
  if (Status taken = replica.take(checkpoint, step); !taken) return std::unexpected(taken.error());
  return publication;
}

}  // namespace flagmesh::snapshot
