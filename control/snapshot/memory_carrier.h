// A carrier inside one process (`flagmesh demo`, tests): a small store shared by the carriers of
// engine, validator and routers, each on its own loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/snapshot/carrier.h"

namespace flagmesh::snapshot {

// What the carriers of one process share. Thread-safe. Holds the current head's state, a few
// hundred deltas and the log's leaves.
class MemoryBus {
 public:
  MemoryBus();
  ~MemoryBus();

  // What PUBLISH on the commands channel is with Redis. From any thread.
  void send_command(std::string text);
  // The replies so far, oldest dropped after 1,000. From any thread.
  std::vector<std::string> replies() const;

  struct Store;  // of memory_carrier.cc

 private:
  friend class MemoryCarrier;
  std::shared_ptr<Store> store_;
};

class MemoryCarrier final : public Carrier {
 public:
  // Runs a task on the owner's loop at a later turn (event::Loop::post). Called from any thread.
  using Post = std::function<void(std::move_only_function<void()>)>;

  MemoryCarrier(MemoryBus& bus, Post post);
  ~MemoryCarrier() override;

  void start(CarrierTopics topics, OnEvent on_event) override;
  bool connected() const override { return true; }
  void reserve(Reservation reservation, Done<void> done) override;
  void read_reservation(Done<std::optional<std::string>> done) override;
  void put_candidate(std::string candidate, Done<void> done) override;
  void publish(Publication publication, Done<void> done) override;
  void store(Publication publication, Done<void> done) override;
  void audit(StateParts parts, Done<AuditReport> done) override;
  void renew_head(std::string head, const merkle::Hash& root, Done<void> done) override;
  void read_cosignatures(uint64_t size, const merkle::Hash& root,
                         Done<std::vector<std::string>> done) override;
  void reply(std::string text) override;
  void read_reports(const std::string& tenant, Done<std::vector<std::string>> done) override;
  void read_candidate(Done<std::optional<std::string>> done) override;
  void put_cosignature(uint64_t size, const merkle::Hash& root, std::string validator,
                       std::string line, Done<void> done) override;
  void read_tenants(const merkle::Hash& root,
                    Done<std::optional<std::vector<std::string>>> done) override;
  void read_head(Done<std::optional<std::string>> done) override;
  void read_deltas(const std::string& tenant, uint64_t after, uint64_t upto,
                   Done<std::vector<std::string>> done) override;
  void read_manifest(const std::string& tenant, const merkle::Hash& root,
                     Done<std::optional<std::string>> done) override;
  void read_chunks(const std::string& tenant, std::vector<merkle::Hash> chunks,
                   Done<std::vector<std::optional<std::string>>> done) override;
  void read_leaves(uint64_t after, uint64_t upto, Done<std::vector<merkle::Hash>> done) override;
  void report(const std::string& tenant, const std::string& router, std::string text,
              Done<void> done) override;

  struct Port;  // of memory_carrier.cc: where the bus finds this carrier

 private:
  template <class T>
  void finish(Done<T> done, Result<T> result);

  std::shared_ptr<MemoryBus::Store> store_;
  std::shared_ptr<Port> port_;
};

}  // namespace flagmesh::snapshot
