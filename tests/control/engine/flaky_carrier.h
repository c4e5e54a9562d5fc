// A memory carrier that can be away, as Redis can.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "control/snapshot/memory_carrier.h"
#include "proxy/event/loop.h"

namespace flagmesh::engine {

class FlakyCarrier final : public snapshot::Carrier {
 public:
  FlakyCarrier(event::Loop& loop, snapshot::MemoryBus& bus)
      : loop_(loop),
        inner_(bus, [&loop](std::move_only_function<void()> task) { loop.post(std::move(task)); }) {
  }

  // Away: every call fails; back: told as a new connection.
  void set_away(bool away) {
    away_ = away;
    on_event_(away ? snapshot::CarrierEvent::kDisconnected : snapshot::CarrierEvent::kConnected,
              {});
  }
  // Every reservation is refused, as if another engine were first.
  bool reserved_by_another = false;
  unsigned reservations = 0;
  unsigned candidates = 0;
  unsigned renewals = 0;

  void start(snapshot::CarrierTopics topics, OnEvent on_event) override {
    on_event_ = on_event;
    inner_.start(topics, [this](snapshot::CarrierEvent event, std::string_view text) {
      if (!away_) on_event_(event, text);
    });
  }
  bool connected() const override { return !away_; }
  void reserve(snapshot::Reservation reservation, Done<void> done) override {
    ++reservations;
    if (reserved_by_another) return failing(std::move(done), "reserved");
    if (!away_) return inner_.reserve(std::move(reservation), std::move(done));
    failing(std::move(done), "disconnected");
  }
  void read_reservation(Done<std::optional<std::string>> done) override {
    inner_.read_reservation(std::move(done));
  }
  void put_candidate(std::string candidate, Done<void> done) override {
    ++candidates;
    if (!away_) return inner_.put_candidate(std::move(candidate), std::move(done));
    failing(std::move(done), "disconnected");
  }
  void publish(snapshot::Publication publication, Done<void> done) override {
    if (!away_) return inner_.publish(std::move(publication), std::move(done));
    failing(std::move(done), "disconnected");
  }
  void store(snapshot::Publication publication, Done<void> done) override {
    if (!away_) return inner_.store(std::move(publication), std::move(done));
    failing(std::move(done), "disconnected");
  }
  void audit(snapshot::StateParts parts, Done<snapshot::AuditReport> done) override {
    if (!away_) return inner_.audit(std::move(parts), std::move(done));
    failing(std::move(done), "disconnected");
  }
  void read_reports(const std::string& tenant, Done<std::vector<std::string>> done) override {
    inner_.read_reports(tenant, std::move(done));
  }
  void report(const std::string& tenant, const std::string& router, std::string text,
              Done<void> done) override {
    inner_.report(tenant, router, std::move(text), std::move(done));
  }
  void renew_head(std::string head, const merkle::Hash& root, Done<void> done) override {
    ++renewals;
    if (!away_) return inner_.renew_head(std::move(head), root, std::move(done));
    failing(std::move(done), "disconnected");
  }
  void read_cosignatures(uint64_t size, const merkle::Hash& root,
                         Done<std::vector<std::string>> done) override {
    if (!away_) return inner_.read_cosignatures(size, root, std::move(done));
    failing(std::move(done), "disconnected");
  }
  void reply(std::string text) override { inner_.reply(std::move(text)); }
  void read_candidate(Done<std::optional<std::string>> done) override {
    inner_.read_candidate(std::move(done));
  }
  void put_cosignature(uint64_t size, const merkle::Hash& root, std::string validator,
                       std::string line, Done<void> done) override {
    inner_.put_cosignature(size, root, std::move(validator), std::move(line), std::move(done));
  }
  void read_tenants(const merkle::Hash& root,
                    Done<std::optional<std::vector<std::string>>> done) override {
    inner_.read_tenants(root, std::move(done));
  }
  void read_head(Done<std::optional<std::string>> done) override {
    if (!away_) return inner_.read_head(std::move(done));
    failing(std::move(done), "disconnected");
  }
  void read_deltas(const std::string& tenant, uint64_t after, uint64_t upto,
                   Done<std::vector<std::string>> done) override {
    inner_.read_deltas(tenant, after, upto, std::move(done));
  }
  void read_manifest(const std::string& tenant, const merkle::Hash& root,
                     Done<std::optional<std::string>> done) override {
    inner_.read_manifest(tenant, root, std::move(done));
  }
  void read_chunks(const std::string& tenant, std::vector<merkle::Hash> chunks,
                   Done<std::vector<std::optional<std::string>>> done) override {
    inner_.read_chunks(tenant, std::move(chunks), std::move(done));
  }
  void read_leaves(uint64_t after, uint64_t upto, Done<std::vector<merkle::Hash>> done) override {
    inner_.read_leaves(after, upto, std::move(done));
  }

 private:
  template <class T>
  void failing(Done<T> done, const char* code) {
    loop_.post(
        [done = std::move(done), code]() mutable { done(fail(code, "a test wants it so")); });
  }

  event::Loop& loop_;
  bool away_ = false;
  OnEvent on_event_;
  snapshot::MemoryCarrier inner_;
};

}  // namespace flagmesh::engine
