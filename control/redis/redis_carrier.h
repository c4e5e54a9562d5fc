// The carrier over Redis (DESIGN.md, "Redis: a carrier that is not trusted").
//
// Keys, P the prefix, T a tenant, hex of 64 digits:
//
//   {P}:head                      the head: a signed note, moved by one script only
//   {P}:reserved                  "size root" of the last claimed epoch, root in base64; LF and the
//                                 claim as a signed note (control/engine/reservation.h)
//   {P}:candidate                 what validators are asked to sign
//   {P}:cosignatures:<size>       hash of validator -> "root line"; expires after a day
//   {P}:tenants:<hex>             names of all tenants at the head with that log root, LF after each
//   {P}:tile:0:<n>                log leaves 256n .. 256n+255, 32 bytes each; the last one grows
//   {P}:tenant:T:deltas           stream: id "<size>-0", field "d"; the newest 1,000 or so
//   {P}:tenant:T:manifest:<hex>   at the head with that log root
//   {P}:tenant:T:chunk:<hex>      by SHA-256 of its bytes
//   {P}:tenant:T:router:<id>      what a router reports (router_report.h); expires
//   {P}:tenant:T:routers          set of the ids
//
// Channels: P:epochs ("size root"), P:candidates ("size"), P:cosignatures ("size"), P:commands,
// P:replies. A router of tenant T needs to read {P}:head, {P}:tile:*, {P}:tenant:T:* and P:epochs.
//
// What a head no longer uses expires 10 minutes after it moved on; audit() sees to what was missed.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/redis/client.h"
#include "control/redis/sentinel.h"
#include "control/snapshot/carrier.h"
#include "proxy/net/io_context.h"

namespace flagmesh::redis {

// Two connections: one for commands and one for subscriptions (RESP2 subscribers can do nothing
// else). kConnected comes when both are there and every subscription was acknowledged, so whatever
// is announced from then on is heard.
class RedisCarrier final : public snapshot::Carrier {
 public:
  // For the log: both connections are there, or why not; once for each change of that. Secrets are
  // never in it.
  using OnState = std::function<void(const Status&)>;

  RedisCarrier(net::IoContext& context, ClientOptions options, std::string prefix,
               OnState on_state = {}, std::optional<SentinelOptions> sentinel = {});
  ~RedisCarrier() override;

  void start(snapshot::CarrierTopics topics, OnEvent on_event) override;
  bool connected() const override;
  void reserve(snapshot::Reservation reservation, Done<void> done) override;
  void read_reservation(Done<std::optional<std::string>> done) override;
  void put_candidate(std::string candidate, Done<void> done) override;
  void publish(snapshot::Publication publication, Done<void> done) override;
  void store(snapshot::Publication publication, Done<void> done) override;
  void audit(snapshot::StateParts parts, Done<snapshot::AuditReport> done) override;
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

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flagmesh::redis
