#include "control/snapshot/state_writer.h"

#include <algorithm>
#include <utility>

namespace flagmesh::snapshot {
namespace {

namespace limits = published_limits;
using merkle::LeafKind;
using merkle::SortedTree;

uint64_t count_flags(const SortedTree& tree) {
  const bool has_metadata = tree.size() > 0 && tree.key(0).empty();
  return tree.size() - (has_metadata ? 1 : 0);
}

merkle::TenantSummary summary_of(const std::string& name, const SortedTree& tree) {
  return {name, count_flags(tree), tree.root()};
}

std::vector<merkle::Hash> leaves_of(const merkle::EpochLog& log, uint64_t after, uint64_t upto) {
  std::vector<merkle::Hash> leaves;
  leaves.reserve(upto - after);
  for (uint64_t epoch = after + 1; epoch <= upto; epoch++) {
    leaves.push_back(log.leaf(epoch));
  }
  return leaves;
}

Status check_manifest(const std::string& manifest, const std::string& tenant) {
  if (manifest.size() <= limits::kManifestBytes) return {};
  return fail("too_large", "the state needs more chunks than readers take",
              "tenant '" + tenant + "'");
}

}  // namespace

Status StateWriter::check(const EntryChange& change) const {
  if (!merkle::is_tenant_name(change.tenant)) {
    return fail("bad_tenant", "'" + change.tenant + "' is no name of a tenant");
  }
  if (change.key.size() > limits::kKeyBytes) {
    return fail("too_large", "a key of " + std::to_string(change.key.size()) + " bytes");
  }
  if (change.json && change.json->size() > merkle::kLeafJsonBytes) {
    return fail("too_large",
                "flag '" + change.key + "' has " + std::to_string(change.json->size()) + " bytes");
  }
  return {};
}

Status StateWriter::stage(const std::vector<EntryChange>& changes) {
  std::map<std::string, size_t> added;
  for (const EntryChange& change : changes) {
    if (Status good = check(change); !good) return good;
    added[change.tenant] += change.json ? 1 : 0;
  }
  size_t more_tenants = 0;
  for (const auto& [name, count] : added) {
    const auto at = tenants_.find(name);
    more_tenants += at == tenants_.end() ? 1 : 0;
    const size_t had = at == tenants_.end() ? 0 : at->second.entries.size();
    if (had + count > limits::kEntries) {
      return fail("too_large", "more flags than a tenant may have", "tenant '" + name + "'");
    }
  }
  if (tenants_.size() + more_tenants > limits::kTenants) {
    return fail("bad_tenant", "more tenants than a state may have");
  }
  std::map<std::string, std::vector<SortedTree::Change>> leaves;
  for (const EntryChange& change : changes) {
    put(change.tenant, tenant(change.tenant), change, leaves[change.tenant]);
  }
  for (auto& [name, changed] : leaves) rehash(name, tenant(name), std::move(changed));
  return {};
}

Status StateWriter::stage_tenant(const std::string& name) {
  if (!merkle::is_tenant_name(name)) {
    return fail("bad_tenant", "'" + name + "' is no name of a tenant");
  }
  if (!tenants_.contains(name) && tenants_.size() == limits::kTenants) {
    return fail("bad_tenant", "more tenants than a state may have");
  }
  rehash(name, tenant(name), {});
  return {};
}

StateWriter::Tenant& StateWriter::tenant(const std::string& name) {
  const auto [at, is_new] = tenants_.try_emplace(name);
  if (is_new) {
    at->second.is_new = true;
    if (secrets_) at->second.secret = secrets_(name);
  }
  return at->second;
}

void StateWriter::put(const std::string& name, Tenant& tenant, const EntryChange& change,
                      std::vector<SortedTree::Change>& leaves) {
  const LeafKind kind = change.key.empty() ? LeafKind::kMetadata : LeafKind::kFlag;
  std::optional<StateEntry> now;
  if (change.json) {
    now = StateEntry{change.key, tenant.secret.opening(kind, name, change.key, *change.json),
                     *change.json};
  }
  const auto at = tenant.entries.find(change.key);
  std::optional<StateEntry> old;
  if (at != tenant.entries.end()) old = at->second;
  if (old == now) return;
  tenant.next_chunks.reset();
  leaves.push_back({change.key, now ? std::optional(now->leaf()) : std::nullopt});
  const auto [before, first] = tenant.before.try_emplace(change.key, std::move(old));
  if (!first && before->second == now) tenant.before.erase(before);
  if (now) {
    tenant.entries.insert_or_assign(change.key, *std::move(now));
  } else {
    tenant.entries.erase(at);
  }
}

void StateWriter::rehash(const std::string& name, Tenant& tenant,
                         std::vector<SortedTree::Change> leaves) {
  tenant.tree.apply(std::move(leaves));
  const std::string json = summary_of(name, tenant.tree).json();
  state_.put(name, merkle::make_leaf_hash(tenant.secret, LeafKind::kTenant, name, {}, json));
}

bool StateWriter::staged() const {
  return std::any_of(tenants_.begin(), tenants_.end(), [](const auto& named) {
    return named.second.is_new || !named.second.before.empty();
  });
}

void StateWriter::commit(uint64_t size) {
  for (auto& [name, tenant] : tenants_) {
    if (!tenant.next_chunks && (!head_known_ || !tenant.before.empty())) {
      tenant.next_chunks = rechunk(tenant).chunks;
    }
    if (tenant.next_chunks) tenant.chunks = *std::move(tenant.next_chunks);
    tenant.next_chunks.reset();
    tenant.before.clear();
    tenant.is_new = false;
  }
  head_size_ = size;
  head_known_ = true;
}

void StateWriter::discard() {
  std::erase_if(tenants_, [this](const auto& named) {
    if (named.second.is_new) state_.erase(named.first);
    return named.second.is_new;
  });
  for (auto& [name, tenant] : tenants_) {
    if (tenant.before.empty()) continue;
    std::vector<SortedTree::Change> leaves;
    for (auto& [key, entry] : tenant.before) {
      leaves.push_back({key, entry ? std::optional(entry->leaf()) : std::nullopt});
      if (entry) {
        tenant.entries.insert_or_assign(key, *std::move(entry));
      } else {
        tenant.entries.erase(key);
      }
    }
    tenant.before.clear();
    tenant.next_chunks.reset();
    rehash(name, tenant, std::move(leaves));
  }
}

std::vector<EntryChange> StateWriter::staged_changes() const {
  std::vector<EntryChange> changes;
  for (const auto& [name, tenant] : tenants_) {
    for (const auto& [key, before] : tenant.before) {
      const auto at = tenant.entries.find(key);
      changes.push_back({name, key, std::nullopt});
      if (at != tenant.entries.end()) changes.back().json = at->second.json;
    }
  }
  return changes;
}

Status StateWriter::adopt_head(const std::vector<EntryChange>& entries,
                               const merkle::Hash& state_root) {
  std::map<std::pair<std::string, std::string>, std::optional<std::string>> to_head;
  std::map<std::pair<std::string, std::string>, std::optional<std::string>> to_wanted;
  for (const auto& [name, tenant] : tenants_) {
    for (const auto& [key, entry] : tenant.entries) {
      to_head[{name, key}] = std::nullopt;
      to_wanted[{name, key}] = entry.json;
    }
  }
  for (const EntryChange& entry : entries) {
    to_head[{entry.tenant, entry.key}] = entry.json;
    to_wanted.try_emplace({entry.tenant, entry.key}, std::nullopt);
  }
  const auto list = [](const auto& changes) {
    std::vector<EntryChange> out;
    for (const auto& [where, json] : changes) out.push_back({where.first, where.second, json});
    return out;
  };
  if (Status staged = stage(list(to_head)); !staged) return staged;
  const bool right = this->state_root() == state_root;
  if (right) commit(head_size_);
  if (Status staged = stage(list(to_wanted)); !staged) return staged;
  if (right) return {};
  return fail("wrong_state", "the flags in force do not hash to their root here", {},
              "is tenant_secret the one that they were published with?");
}

Status StateWriter::jump_to(uint64_t size, const std::vector<EntryChange>& entries,
                            const merkle::Hash& state_root) {
  std::map<std::pair<std::string, std::string>, std::optional<std::string>> changes;
  for (const auto& [name, tenant] : tenants_) {
    for (const auto& [key, entry] : tenant.entries) changes[{name, key}] = std::nullopt;
  }
  for (const EntryChange& entry : entries) changes[{entry.tenant, entry.key}] = entry.json;
  std::vector<EntryChange> list;
  for (const auto& [where, json] : changes) list.push_back({where.first, where.second, json});
  if (Status staged = stage(list); !staged) return staged;
  if (this->state_root() == state_root) {
    commit(size);
    return {};
  }
  head_size_ = size;
  head_known_ = false;
  return fail("wrong_state", "the flags in force do not hash to their root here", {},
              "is tenant_secret the one that they were published with?");
}

uint64_t StateWriter::flags() const {
  uint64_t flags = 0;
  for (const auto& [name, tenant] : tenants_) flags += count_flags(tenant.tree);
  return flags;
}

const SortedTree* StateWriter::tree(std::string_view tenant) const {
  const auto at = tenants_.find(tenant);
  return at == tenants_.end() ? nullptr : &at->second.tree;
}

const StateEntry* StateWriter::entry(std::string_view tenant, std::string_view key) const {
  const auto at = tenants_.find(tenant);
  if (at == tenants_.end()) return nullptr;
  const auto entry = at->second.entries.find(key);
  return entry == at->second.entries.end() ? nullptr : &entry->second;
}

std::vector<StateEntry> StateWriter::entries(std::string_view tenant) const {
  std::vector<StateEntry> entries;
  const auto at = tenants_.find(tenant);
  if (at == tenants_.end()) return entries;
  for (const auto& [key, entry] : at->second.entries) entries.push_back(entry);
  return entries;
}

TenantProof StateWriter::proof(std::string_view name) const {
  const auto& [key, tenant] = *tenants_.find(name);
  return prove(key, tenant, tenant.tree, state_);
}

TenantProof StateWriter::prove(const std::string& name, const Tenant& tenant,
                               const SortedTree& tree, const SortedTree& state) {
  const merkle::TenantSummary summary = summary_of(name, tree);
  TenantProof proof;
  proof.opening = tenant.secret.opening(LeafKind::kTenant, name, {}, summary.json());
  proof.root = summary.root;
  proof.flags = summary.flags;
  proof.index = *state.find(name);
  proof.tenants = state.size();
  proof.path = state.inclusion(proof.index);
  return proof;
}

SortedTree StateWriter::tree_at_head(const Tenant& tenant) {
  SortedTree tree = tenant.tree;
  std::vector<SortedTree::Change> back;
  for (const auto& [key, before] : tenant.before) {
    back.push_back({key, before ? std::optional(before->leaf()) : std::nullopt});
  }
  tree.apply(std::move(back));
  return tree;
}

SortedTree StateWriter::state_at_head() const {
  SortedTree state = state_;
  for (const auto& [name, tenant] : tenants_) {
    if (tenant.is_new) {
      state.erase(name);
    } else if (!tenant.before.empty()) {
      const std::string json = summary_of(name, tree_at_head(tenant)).json();
      state.put(name, merkle::make_leaf_hash(tenant.secret, LeafKind::kTenant, name, {}, json));
    }
  }
  return state;
}

std::optional<TenantProof> StateWriter::prove_tenant_at_head(std::string_view name) const {
  const auto found = tenants_.find(name);
  if (!head_known_ || found == tenants_.end() || found->second.is_new) return std::nullopt;
  return prove(found->first, found->second, tree_at_head(found->second), state_at_head());
}

std::optional<StateWriter::ProvenEntry> StateWriter::prove_at_head(std::string_view name,
                                                                   std::string_view key) const {
  const auto found = tenants_.find(name);
  if (!head_known_ || found == tenants_.end() || found->second.is_new) return std::nullopt;
  const Tenant& tenant = found->second;
  const SortedTree tree = tree_at_head(tenant);
  const std::optional<uint64_t> index = tree.find(key);
  if (!index) return std::nullopt;
  const auto staged = tenant.before.find(key);
  const StateEntry& entry =
      staged != tenant.before.end() ? *staged->second : tenant.entries.find(key)->second;
  return ProvenEntry{entry, *index, tree.size(), tree.inclusion(*index),
                     prove(found->first, tenant, tree, state_at_head())};
}

bool StateWriter::is_whole(const merkle::EpochLog& log) const {
  return !head_known_ || log.size() - head_size_ - 1 > limits::kSkippedEpochs;
}

LogStep StateWriter::log_step(const merkle::EpochLog& log) const {
  LogStep step;
  step.from = std::max(head_size_,
                       log.size() - 1 - std::min<uint64_t>(log.size() - 1, limits::kSkippedEpochs));
  step.skipped = leaves_of(log, step.from, log.size() - 1);
  step.record = log.last();
  return step;
}

TenantChange StateWriter::change_of(const std::string& name, const Tenant& tenant) const {
  TenantChange change{name, proof(name), {}, {}};
  if (!head_known_) {
    for (const auto& [key, entry] : tenant.entries) change.changed.push_back(entry);
    return change;
  }
  for (const auto& [key, before] : tenant.before) {
    const auto at = tenant.entries.find(key);
    if (at != tenant.entries.end()) {
      change.changed.push_back(at->second);
    } else {
      change.gone.push_back(key);
    }
  }
  return change;
}

Candidate StateWriter::candidate(const merkle::EpochLog& log, std::string note) const {
  Candidate candidate;
  candidate.note = std::move(note);
  candidate.log = log_step(log);
  if (!head_known_) candidate.before = log.compact_range(log.size() - 1);
  for (const auto& [name, tenant] : tenants_) candidate.tenants.push_back(change_of(name, tenant));
  return candidate;
}

Result<Publication> StateWriter::publication(const merkle::EpochLog& log, std::string head) {
  Publication publication;
  publication.head = std::move(head);
  publication.size = log.size();
  publication.root = log.root();
  publication.replaced_size = head_size_;
  if (head_size_ > 0) publication.replaced_root = log.root_at(head_size_);
  publication.tile.first = head_known_ ? head_size_ : 0;
  publication.tile.leaves = leaves_of(log, publication.tile.first, log.size());
  const LogStep step = log_step(log);
  const merkle::CompactRange range = log.compact_range(log.size() - 1);
  for (auto& [name, tenant] : tenants_) {
    Publication::Tenant& out = publication.tenants.emplace_back();
    out.name = name;
    const TenantChange change = change_of(name, tenant);
    if (!is_whole(log)) out.delta = Delta{step, change}.encode();
    if (out.delta.size() > limits::kDeltaBytes) out.delta.clear();
    Rechunked rechunked = rechunk(tenant);
    Manifest manifest{range, step.record, change.proof, {}};
    for (const auto& [key, chunk] : rechunked.chunks) manifest.chunks.push_back(chunk);
    out.manifest = manifest.encode();
    if (Status fits = check_manifest(out.manifest, name); !fits) {
      return std::unexpected(fits.error());
    }
    out.chunks = std::move(rechunked.fresh);
    out.stale = std::move(rechunked.stale);
    tenant.next_chunks = std::move(rechunked.chunks);
  }
  return publication;
}

Result<Publication> StateWriter::everything(const merkle::EpochLog& log, std::string head,
                                            std::optional<std::string> replaces) {
  const std::vector<EntryChange> redo = staged_changes();
  std::vector<std::string> new_tenants;
  for (const auto& [name, tenant] : tenants_) {
    if (tenant.is_new) new_tenants.push_back(name);
  }
  discard();
  Publication publication;
  publication.head = std::move(head);
  publication.size = head_size_;
  publication.root = log.root_at(head_size_);
  publication.replaces_text = std::move(replaces);
  publication.tile.leaves = leaves_of(log, 0, head_size_);
  const merkle::CompactRange range = log.compact_range(head_size_ - 1);
  Status fits;
  for (const auto& [name, tenant] : tenants_) {
    Manifest manifest{range, log.record(head_size_), proof(name), {}};
    for (const auto& [key, chunk] : tenant.chunks) manifest.chunks.push_back(chunk);
    publication.tenants.push_back({name, {}, manifest.encode(), encode_all(tenant), {}});
    if (fits) fits = check_manifest(publication.tenants.back().manifest, name);
  }
  // What was staged was within the limits before.
  for (const std::string& name : new_tenants) (void)stage_tenant(name);
  (void)stage(redo);
  if (!fits) return std::unexpected(fits.error());
  return publication;
}

}  // namespace flagmesh::snapshot
