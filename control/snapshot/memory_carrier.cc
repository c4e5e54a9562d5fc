#include "control/snapshot/memory_carrier.h"

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <utility>

#include "proxy/base/time.h"

namespace flagmesh::snapshot {

namespace {

constexpr size_t kDeltasKept = 1000;
constexpr size_t kRepliesKept = 1000;
// Heads whose manifests and chunks are kept for readers that are at it.
constexpr size_t kHeadsKept = 16;

}  // namespace

// Where the bus finds a carrier; outlives it by what is posted already.
struct MemoryCarrier::Port {
  Post post;
  CarrierTopics topics;
  OnEvent on_event;  // of the owner's thread
  bool open = true;  // of the owner's thread: the carrier lives
};

// What Redis would hold. Everything under the mutex.
struct MemoryBus::Store {
  struct TenantStore {
    std::map<uint64_t, std::string> deltas;         // by size
    std::map<merkle::Hash, std::string> manifests;  // by log root
    std::map<merkle::Hash, std::string> chunks;
  };
  // What a head that was replaced leaves behind.
  struct Stale {
    merkle::Hash root;
    std::vector<std::pair<std::string, std::vector<merkle::Hash>>> chunks;  // by tenant
  };

  mutable std::mutex mutex;
  std::string head;
  uint64_t head_size = 0;
  merkle::Hash head_root;
  uint64_t reserved_size = 0;
  merkle::Hash reserved_root;
  std::string reserved;  // as it is read
  std::string candidate;
  std::map<std::string, TenantStore> tenants;
  std::map<merkle::Hash, std::vector<std::string>> names;  // of tenants, by log root
  std::vector<merkle::Hash> leaves;
  std::map<std::pair<uint64_t, merkle::Hash>, std::map<std::string, std::string>> cosignatures;
  std::deque<Stale> stale;
  std::deque<std::string> replies;
  // By tenant and router: the text and when it was said.
  std::map<std::pair<std::string, std::string>, std::pair<std::string, MonoMs>> reports;
  std::vector<std::weak_ptr<MemoryCarrier::Port>> ports;

  // Tells every carrier that listens. REQUIRES: the mutex is held.
  void tell(CarrierEvent event, bool CarrierTopics::*topic, const std::string& text) {
    std::erase_if(ports, [](const auto& port) { return port.expired(); });
    for (const auto& weak : ports) {
      const std::shared_ptr<MemoryCarrier::Port> port = weak.lock();
      if (port == nullptr || !(port->topics.*topic)) continue;
      port->post([port, event, text] {
        if (port->open) port->on_event(event, text);
      });
    }
  }

  Status publish(Publication publication);
  void keep(Publication& publication);
  void expire(const Publication& publication);
};

MemoryBus::MemoryBus() : store_(std::make_shared<Store>()) {}
MemoryBus::~MemoryBus() = default;

void MemoryBus::send_command(std::string text) {
  const std::lock_guard lock(store_->mutex);
  store_->tell(CarrierEvent::kCommand, &CarrierTopics::commands, text);
}

std::vector<std::string> MemoryBus::replies() const {
  const std::lock_guard lock(store_->mutex);
  return {store_->replies.begin(), store_->replies.end()};
}

Status MemoryBus::Store::publish(Publication publication) {
  const bool expected = publication.replaces_text
                            ? *publication.replaces_text == head
                            : publication.replaced_size == head_size &&
                                  (head_size == 0 || publication.replaced_root == head_root);
  if (!expected) return fail("head_moved", "the head is not the one that was to be replaced");
  expire(publication);
  keep(publication);
  head = std::move(publication.head);
  head_size = publication.size;
  head_root = publication.root;
  tell(CarrierEvent::kHead, &CarrierTopics::heads, std::to_string(head_size));
  return {};
}

void MemoryBus::Store::keep(Publication& publication) {
  std::vector<std::string>& all = names[publication.root];
  all.clear();
  for (Publication::Tenant& from : publication.tenants) {
    all.push_back(from.name);
    TenantStore& to = tenants[from.name];
    for (Publication::Chunk& chunk : from.chunks) {
      to.chunks.insert_or_assign(chunk.hash, std::move(chunk.bytes));
    }
    to.manifests.insert_or_assign(publication.root, std::move(from.manifest));
    if (from.delta.empty()) {
      to.deltas.clear();
    } else {
      to.deltas.insert_or_assign(publication.size, std::move(from.delta));
      if (to.deltas.size() > kDeltasKept) to.deltas.erase(to.deltas.begin());
    }
  }
  const Publication::Tile& tile = publication.tile;
  leaves.resize(std::min<uint64_t>(tile.first, leaves.size()));
  if (leaves.size() == tile.first) {
    leaves.insert(leaves.end(), tile.leaves.begin(), tile.leaves.end());
  }
}

void MemoryBus::Store::expire(const Publication& publication) {
  // What comes again is not stale, however old its mention is.
  for (const Publication::Tenant& tenant : publication.tenants) {
    for (Stale& old : stale) {
      for (auto& [name, chunks] : old.chunks) {
        if (name != tenant.name) continue;
        std::erase_if(chunks, [&](const merkle::Hash& hash) {
          return std::any_of(tenant.chunks.begin(), tenant.chunks.end(),
                             [&](const Publication::Chunk& chunk) { return chunk.hash == hash; });
        });
      }
    }
  }
  if (head_size == 0) return;
  Stale& now = stale.emplace_back(Stale{head_root, {}});
  for (const Publication::Tenant& tenant : publication.tenants) {
    if (!tenant.stale.empty()) now.chunks.emplace_back(tenant.name, tenant.stale);
  }
  if (stale.size() <= kHeadsKept) return;
  for (auto& [name, tenant] : tenants) tenant.manifests.erase(stale.front().root);
  names.erase(stale.front().root);
  for (const auto& [name, chunks] : stale.front().chunks) {
    for (const merkle::Hash& hash : chunks) tenants[name].chunks.erase(hash);
  }
  stale.pop_front();
}

MemoryCarrier::MemoryCarrier(MemoryBus& bus, Post post)
    : store_(bus.store_), port_(std::make_shared<Port>()) {
  port_->post = std::move(post);
}

MemoryCarrier::~MemoryCarrier() {
  port_->open = false;
  const std::lock_guard lock(store_->mutex);
  std::erase_if(store_->ports, [this](const auto& port) { return port.lock() == port_; });
}

template <class T>
void MemoryCarrier::finish(Done<T> done, Result<T> result) {
  port_->post([port = port_, done = std::move(done), result = std::move(result)]() mutable {
    if (port->open) done(std::move(result));
  });
}

void MemoryCarrier::start(CarrierTopics topics, OnEvent on_event) {
  port_->topics = topics;
  port_->on_event = std::move(on_event);
  {
    const std::lock_guard lock(store_->mutex);
    store_->ports.push_back(port_);
  }
  port_->post([port = port_] {
    if (port->open) port->on_event(CarrierEvent::kConnected, {});
  });
}

void MemoryCarrier::reserve(Reservation reservation, Done<void> done) {
  Status result;
  {
    const std::lock_guard lock(store_->mutex);
    const uint64_t size = reservation.size;
    const bool forced = reservation.replaces && *reservation.replaces == store_->reserved;
    const bool again = size == store_->reserved_size && reservation.root == store_->reserved_root;
    const bool next =
        size > store_->reserved_size + 1 || store_->reserved_size == 0 ||
        (size == store_->reserved_size + 1 && reservation.previous_root == store_->reserved_root);
    if (forced || again || next) {
      store_->reserved_size = size;
      store_->reserved_root = reservation.root;
      store_->reserved =
          std::to_string(size) + " " + reservation.root.base64() + "\n" + reservation.note;
    } else {
      result = fail("reserved", "another engine claimed epoch " +
                                    std::to_string(store_->reserved_size) + " of this log");
    }
  }
  finish(std::move(done), std::move(result));
}

void MemoryCarrier::read_reservation(Done<std::optional<std::string>> done) {
  std::optional<std::string> reserved;
  {
    const std::lock_guard lock(store_->mutex);
    if (!store_->reserved.empty()) reserved = store_->reserved;
  }
  finish<std::optional<std::string>>(std::move(done), std::move(reserved));
}

void MemoryCarrier::put_candidate(std::string candidate, Done<void> done) {
  {
    const std::lock_guard lock(store_->mutex);
    store_->candidate = std::move(candidate);
    store_->tell(CarrierEvent::kCandidate, &CarrierTopics::candidates, {});
  }
  finish(std::move(done), Status());
}

void MemoryCarrier::publish(Publication publication, Done<void> done) {
  Status result;
  {
    const std::lock_guard lock(store_->mutex);
    result = store_->publish(std::move(publication));
  }
  finish(std::move(done), std::move(result));
}

void MemoryCarrier::store(Publication publication, Done<void> done) {
  {
    const std::lock_guard lock(store_->mutex);
    store_->keep(publication);
  }
  finish(std::move(done), Status());
}

// Nothing gets lost in here.
void MemoryCarrier::audit(StateParts, Done<AuditReport> done) {
  finish<AuditReport>(std::move(done), AuditReport());
}

void MemoryCarrier::read_reports(const std::string& tenant, Done<std::vector<std::string>> done) {
  std::vector<std::string> texts;
  {
    const std::lock_guard lock(store_->mutex);
    const MonoMs now = mono_ms();
    std::erase_if(store_->reports,
                  [&](const auto& report) { return report.second.second + kReportMs < now; });
    for (const auto& [who, report] : store_->reports) {
      if (who.first == tenant) texts.push_back(report.first);
    }
  }
  finish<std::vector<std::string>>(std::move(done), std::move(texts));
}

void MemoryCarrier::report(const std::string& tenant, const std::string& router, std::string text,
                           Done<void> done) {
  {
    const std::lock_guard lock(store_->mutex);
    if (text.empty()) {
      store_->reports.erase({tenant, router});
    } else {
      store_->reports[{tenant, router}] = {std::move(text), mono_ms()};
    }
  }
  finish(std::move(done), Status());
}

void MemoryCarrier::renew_head(std::string head, const merkle::Hash& root, Done<void> done) {
  Status result;
  {
    const std::lock_guard lock(store_->mutex);
    if (store_->head_size > 0 && store_->head_root == root) {
      store_->head = std::move(head);
      store_->tell(CarrierEvent::kHead, &CarrierTopics::heads, {});
    } else {
      result = fail("head_moved", "the head is not the one that was to be renewed");
    }
  }
  finish(std::move(done), std::move(result));
}

void MemoryCarrier::read_cosignatures(uint64_t size, const merkle::Hash& root,
                                      Done<std::vector<std::string>> done) {
  std::vector<std::string> lines;
  {
    const std::lock_guard lock(store_->mutex);
    const auto at = store_->cosignatures.find({size, root});
    if (at != store_->cosignatures.end()) {
      for (const auto& [validator, line] : at->second) lines.push_back(line);
    }
  }
  finish<std::vector<std::string>>(std::move(done), std::move(lines));
}

void MemoryCarrier::reply(std::string text) {
  const std::lock_guard lock(store_->mutex);
  store_->replies.push_back(std::move(text));
  if (store_->replies.size() > kRepliesKept) store_->replies.pop_front();
}

void MemoryCarrier::read_candidate(Done<std::optional<std::string>> done) {
  std::optional<std::string> candidate;
  {
    const std::lock_guard lock(store_->mutex);
    if (!store_->candidate.empty()) candidate = store_->candidate;
  }
  finish<std::optional<std::string>>(std::move(done), std::move(candidate));
}

void MemoryCarrier::put_cosignature(uint64_t size, const merkle::Hash& root, std::string validator,
                                    std::string line, Done<void> done) {
  {
    const std::lock_guard lock(store_->mutex);
    store_->cosignatures[{size, root}][std::move(validator)] = std::move(line);
    // Those of epochs that are long past are of no use to anyone.
    while (store_->cosignatures.size() > kDeltasKept) {
      store_->cosignatures.erase(store_->cosignatures.begin());
    }
    store_->tell(CarrierEvent::kCosignature, &CarrierTopics::cosignatures, std::to_string(size));
  }
  finish(std::move(done), Status());
}

void MemoryCarrier::read_tenants(const merkle::Hash& root,
                                 Done<std::optional<std::vector<std::string>>> done) {
  std::optional<std::vector<std::string>> names;
  {
    const std::lock_guard lock(store_->mutex);
    const auto at = store_->names.find(root);
    if (at != store_->names.end()) names = at->second;
  }
  finish<std::optional<std::vector<std::string>>>(std::move(done), std::move(names));
}

void MemoryCarrier::read_head(Done<std::optional<std::string>> done) {
  std::optional<std::string> head;
  {
    const std::lock_guard lock(store_->mutex);
    if (!store_->head.empty()) head = store_->head;
  }
  finish<std::optional<std::string>>(std::move(done), std::move(head));
}

void MemoryCarrier::read_deltas(const std::string& tenant, uint64_t after, uint64_t upto,
                                Done<std::vector<std::string>> done) {
  std::vector<std::string> deltas;
  {
    const std::lock_guard lock(store_->mutex);
    const auto& all = store_->tenants[tenant].deltas;
    for (auto at = all.upper_bound(after);
         at != all.end() && at->first <= upto && deltas.size() < kDeltaBatch; ++at) {
      deltas.push_back(at->second);
    }
  }
  finish<std::vector<std::string>>(std::move(done), std::move(deltas));
}

void MemoryCarrier::read_manifest(const std::string& tenant, const merkle::Hash& root,
                                  Done<std::optional<std::string>> done) {
  std::optional<std::string> manifest;
  {
    const std::lock_guard lock(store_->mutex);
    const auto& manifests = store_->tenants[tenant].manifests;
    const auto at = manifests.find(root);
    if (at != manifests.end()) manifest = at->second;
  }
  finish<std::optional<std::string>>(std::move(done), std::move(manifest));
}

void MemoryCarrier::read_chunks(const std::string& tenant, std::vector<merkle::Hash> chunks,
                                Done<std::vector<std::optional<std::string>>> done) {
  std::vector<std::optional<std::string>> found;
  {
    const std::lock_guard lock(store_->mutex);
    const auto& all = store_->tenants[tenant].chunks;
    for (const merkle::Hash& hash : chunks) {
      const auto at = all.find(hash);
      found.push_back(at == all.end() ? std::nullopt : std::optional(at->second));
    }
  }
  finish<std::vector<std::optional<std::string>>>(std::move(done), std::move(found));
}

void MemoryCarrier::read_leaves(uint64_t after, uint64_t upto,
                                Done<std::vector<merkle::Hash>> done) {
  std::vector<merkle::Hash> leaves;
  {
    const std::lock_guard lock(store_->mutex);
    const uint64_t end = std::min<uint64_t>({upto, store_->leaves.size(), after + kLeafBatch});
    for (uint64_t i = after; i < end; i++) leaves.push_back(store_->leaves[i]);
  }
  finish<std::vector<merkle::Hash>>(std::move(done), std::move(leaves));
}

}  // namespace flagmesh::snapshot
