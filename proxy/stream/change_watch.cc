#include "proxy/stream/change_watch.h"

#include <cstring>

#include "proxy/stream/stream.h"

namespace flagmesh::stream {

namespace {

// Enough of the leaf hash to tell definitions apart; 0: no such flag.
uint64_t leaf_in(const snapshot::Snapshot& snapshot, std::string_view tenant,
                 std::string_view flag) {
  const snapshot::FlagEntry* entry = snapshot.flags.find(tenant, flag);
  if (entry == nullptr) return 0;
  uint64_t leaf = 0;
  static_assert(sizeof entry->leaf >= sizeof leaf);
  memcpy(&leaf, &entry->leaf, sizeof leaf);
  return leaf;
}

}  // namespace

void ChangeWatch::set(OnChange action, MonoMs grace, VariantNow variant_now) {
  action_ = action;
  grace_ = grace;
  variant_now_ = variant_now;
}

void ChangeWatch::add(Stream& stream) {
  WatchLink& link = stream.watch_link();
  const RouteDecision& decision = stream.decision();
  link.tenant = stream.arena().copy(decision.route->tenant);
  link.leaf = leaf_in(stream.snapshot(), link.tenant, decision.flag);
  link.watched = true;
  link.previous = nullptr;
  link.next = first_;
  if (first_ != nullptr) first_->watch_link().previous = &stream;
  first_ = &stream;
  // Decided under a snapshot that was replaced while the container thought.
  if (&worker_.snapshot->get() != &stream.snapshot()) snapshot_changed();
}

void ChangeWatch::remove(Stream& stream) {
  WatchLink& link = stream.watch_link();
  if (cursor_ == &stream) cursor_ = link.next;
  if (link.previous != nullptr) {
    link.previous->watch_link().next = link.next;
  } else {
    first_ = link.next;
  }
  if (link.next != nullptr) link.next->watch_link().previous = link.previous;
  link = {};
}

void ChangeWatch::snapshot_changed() {
  if (first_ == nullptr) return;
  again_ = true;
  worker_.io.loop().schedule(*this);
}

void ChangeWatch::on_turn() {
  if (cursor_ == nullptr && again_) {
    cursor_ = first_;
    again_ = false;
  }
  for (unsigned i = 0; i < kBudget && cursor_ != nullptr; ++i) {
    Stream& stream = *cursor_;
    cursor_ = stream.watch_link().next;
    look_at(stream);
  }
  if (cursor_ != nullptr || again_) worker_.io.loop().schedule(*this);
}

void ChangeWatch::look_at(Stream& stream) {
  WatchLink& link = stream.watch_link();
  const uint64_t leaf = leaf_in(worker_.snapshot->get(), link.tenant, stream.decision().flag);
  if (leaf == link.leaf) return;
  link.leaf = leaf;
  if (variant_now_(stream, link.tenant) == stream.decision().variant) return;
  remove(stream);
  worker_.stats.streams_changed.add();
  // Not all at once: whoever is cut off comes back.
  const MonoMs grace =
      action_ == OnChange::kDrain ? grace_ / 2 + worker_.rng.next() % (grace_ / 2 + 1) : 0;
  stream.variant_changed(grace);
}

}  // namespace flagmesh::stream
