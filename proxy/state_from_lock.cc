#include "proxy/state_from_lock.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "control/config/trust_material.h"
#include "lockfile/flag_files.h"
#include "lockfile/verify.h"
#include "merkle/encoding.h"
#include "proxy/cli_support.h"

namespace flagmesh {
namespace {

namespace bounds = snapshot::published_limits;

Result<lockfile::FlagSetInput> load_files(const config::FlagsConfig& flags) {
  std::vector<lockfile::FileText> texts;
  for (const std::string& path : config::flag_files(flags)) {
    Result<std::string> text = cli::read_file(path);
    if (!text) return std::unexpected(text.error());
    texts.push_back({path, std::move(*text)});
  }
  const auto secret = config::SecretSource::read(flags.tenant_secret);
  if (!secret) return std::unexpected(secret.error());
  lockfile::LoadedFlags loaded = lockfile::load_flag_files(
      texts, flags.tenant, secret->present() ? secret->of(flags.tenant) : merkle::TenantSecret());
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    if (diagnostic.severity == Severity::kError) {
      return fail("bad_flag_files", diagnostic.message, diagnostic.file, diagnostic.mend);
    }
  }
  return std::move(loaded.input);
}

// The lock may name its files by other paths than this configuration: what they say is what counts.
Status check_files(const lockfile::Lock& lock, const lockfile::FlagSetInput& input) {
  using Kind = lockfile::Difference::Kind;
  const auto differences = lockfile::verify(lock, input);
  if (!differences) return std::unexpected(differences.error());
  for (const lockfile::Difference& difference : *differences) {
    if (difference.kind == Kind::kFlagDiffers || difference.kind == Kind::kFlagMissing ||
        difference.kind == Kind::kFlagNotLocked || difference.kind == Kind::kMetadata) {
      return fail("differs", difference.message(), {}, "flagmesh verify shows all differences");
    }
  }
  return {};
}

// The leaves before the last one: the path of the last leaf has just the hashes that cover them,
// the smallest first.
Result<merkle::CompactRange> range_before(const lockfile::Published& published) {
  std::string bytes(1, '\x01');
  merkle::append_u64(bytes, published.record.epoch - 1);
  for (auto hash = published.log_proof.rbegin(); hash != published.log_proof.rend(); ++hash) {
    bytes.append(hash->view());
  }
  return merkle::CompactRange::parse(bytes);
}

std::vector<snapshot::StateEntry> entries_of(const lockfile::FlagSetInput& input) {
  using merkle::LeafKind;
  std::vector<snapshot::StateEntry> entries;
  const auto add = [&](LeafKind kind, const std::string& key, const std::string& json) {
    entries.push_back({key, input.secret.opening(kind, input.tenant, key, json), json});
  };
  if (!input.metadata_json.empty()) add(LeafKind::kMetadata, {}, input.metadata_json);
  for (const lockfile::FlagInput& flag : input.flags) add(LeafKind::kFlag, flag.key, flag.json);
  std::ranges::sort(entries, {}, &snapshot::StateEntry::key);
  return entries;
}

void add_chunk(std::vector<snapshot::StateEntry>& entries, snapshot::StoredTrust& stored) {
  if (entries.empty()) return;
  std::string chunk = snapshot::encode_chunk(entries);
  stored.manifest.chunks.push_back({merkle::sha256(chunk), static_cast<uint32_t>(chunk.size())});
  stored.chunks.push_back(std::move(chunk));
  entries.clear();
}

}  // namespace

Result<snapshot::StoredTrust> state_from_lock(const config::FlagsConfig& flags) {
  const auto text = cli::read_file(flags.lock);
  if (!text) return std::unexpected(text.error());
  const auto file = lockfile::LockFile::parse(*text);
  if (!file) return std::unexpected(file.error());
  if (!file->published) {
    return fail("not_published", "the lock does not say where it was published", flags.lock,
                "flagmesh prove --lock FILE adds that");
  }
  const lockfile::Published& published = *file->published;
  const auto input = load_files(flags);
  if (!input) return std::unexpected(input.error());
  if (Status same = check_files(file->lock, *input); !same) return std::unexpected(same.error());
  const merkle::TenantSummary summary{file->lock.tenant, file->lock.flag_count(),
                                      file->lock.tenant_root};
  const auto checkpoint = lockfile::check_published(published, summary);
  if (!checkpoint) return std::unexpected(checkpoint.error());
  if (checkpoint->size != published.record.epoch) {
    return fail("not_published", "the lock's checkpoint is of a later epoch than the lock",
                flags.lock, "flagmesh prove --lock FILE, while the lock is in force");
  }
  const auto before = range_before(published);
  if (!before) return std::unexpected(before.error());
  snapshot::StoredTrust stored;
  stored.head = stored.base_head = published.checkpoint.str();
  stored.manifest = {*before,
                     published.record,
                     {published.tenant_opening, summary.root, summary.flags, published.tenant_index,
                      published.tenants, published.tenant_proof},
                     {}};
  std::vector<snapshot::StateEntry> chunk;
  size_t bytes = 0;
  for (snapshot::StateEntry& entry : entries_of(*input)) {
    bytes += entry.json.size() + entry.key.size();
    chunk.push_back(std::move(entry));
    if (bytes < bounds::kChunkFullBytes) continue;
    add_chunk(chunk, stored);
    bytes = 0;
  }
  add_chunk(chunk, stored);
  return stored;
}

}  // namespace flagmesh
