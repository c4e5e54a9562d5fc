#include "control/redis/state_audit.h"

#include <algorithm>
#include <set>
#include <utility>

namespace flagmesh::redis {

using merkle::Hash;
using snapshot::AuditReport;
using snapshot::StateParts;

namespace {

constexpr size_t kNames = 500;      // asked for in one command
constexpr size_t kContents = 4;     // manifests and chunks that are read in one run
constexpr size_t kTiles = 64;       // tiles whose length is asked for in one run
constexpr uint64_t kTileLeaves = 256;
constexpr uint64_t kSettings = 30;  // runs between two looks at how Redis is set up
constexpr const char* kPage = "300";
constexpr const char* kExpireStale = "600";  // seconds

// "noeviction" in INFO; empty: it is not said.
std::string policy_of(std::string_view info) {
  constexpr std::string_view kName = "maxmemory_policy:";
  const size_t at = info.find(kName);
  if (at == info.npos) return {};
  info.remove_prefix(at + kName.size());
  return std::string(info.substr(0, info.find_first_of("\r\n")));
}

}  // namespace

struct StateAudit::Run {
  struct Chunk {
    std::string key;
    Hash hash;
  };

  StateParts parts;
  snapshot::Carrier::Done<AuditReport> done;
  uint64_t writes = 0;           // when it began
  std::set<std::string> named;   // every key that the head names but tiles
  std::vector<Chunk> chunks;
  AuditReport report;
  Status failed;
  size_t left = 0;

  void miss(const std::string& what) {
    if (report.complete) report.missing = what;
    report.complete = false;
  }
  // A question is answered.
  void answered(const Status& status) {
    if (failed && !status) failed = status;
    if (--left > 0) return;
    if (failed) {
      done(std::move(report));
    } else {
      done(std::unexpected(failed.error()));
    }
  }
};

StateAudit::StateAudit(CarrierLink& link, const Keys& keys, const uint64_t& writes)
    : link_(link), keys_(keys), writes_(writes) {}

void StateAudit::run(StateParts parts, snapshot::Carrier::Done<AuditReport> done) {
  const auto run = std::make_shared<Run>();
  run->parts = std::move(parts);
  run->done = std::move(done);
  run->writes = writes_;
  run->report.warning = warning_;
  run->named.insert(keys_.tenants(run->parts.root));
  for (const StateParts::Tenant& tenant : run->parts.tenants) {
    run->named.insert(keys_.manifest(tenant.name, run->parts.root));
    // The engine made it, so it parses.
    const auto manifest = snapshot::Manifest::parse(tenant.manifest);
    if (!manifest) continue;
    for (const snapshot::ChunkRef& chunk : manifest->chunks) {
      run->chunks.push_back({keys_.chunk(tenant.name, chunk.hash), chunk.hash});
      run->named.insert(run->chunks.back().key);
    }
  }
  run->left = 1;
  ask_names(run);
  ask_manifests(run);
  ask_chunks(run);
  ask_tiles(run);
  if (runs_++ % kSettings == 0) ask_settings(run);
  walk(run);
  run->answered({});
}

void StateAudit::ask_names(const std::shared_ptr<Run>& run) {
  for (auto at = run->named.begin(); at != run->named.end();) {
    Words words{"EXISTS"};
    for (; at != run->named.end() && words.size() <= kNames; ++at) words.push_back(*at);
    run->left++;
    const auto asked = static_cast<int64_t>(words.size() - 1);
    link_.send(words, [run, asked](const Result<Reply>& reply) {
      if (reply && reply->integer < asked) {
        run->miss(std::to_string(asked - reply->integer) + " parts of the state are not there");
      }
      run->answered(ok_of(reply));
    });
  }
}

void StateAudit::ask_manifests(const std::shared_ptr<Run>& run) {
  const std::vector<StateParts::Tenant>& tenants = run->parts.tenants;
  for (size_t i = 0; i < std::min(kContents, tenants.size()); i++) {
    const StateParts::Tenant& tenant = tenants[manifest_at_++ % tenants.size()];
    run->left++;
    link_.send({"GET", keys_.manifest(tenant.name, run->parts.root)},
               [run, &tenant](const Result<Reply>& reply) {
                 if (reply && (reply->is_error() || reply->text != tenant.manifest)) {
                   run->miss("the manifest of tenant '" + tenant.name + "' is not the one");
                 }
                 run->answered(reply ? Status() : std::unexpected(reply.error()));
               });
  }
}

void StateAudit::ask_chunks(const std::shared_ptr<Run>& run) {
  if (run->chunks.empty()) return;
  Words words{"MGET"};
  std::vector<Hash> hashes;
  for (size_t i = 0; i < std::min(kContents, run->chunks.size()); i++) {
    const Run::Chunk& chunk = run->chunks[chunk_at_++ % run->chunks.size()];
    words.push_back(chunk.key);
    hashes.push_back(chunk.hash);
  }
  run->left++;
  link_.send(words, [run, hashes = std::move(hashes)](const Result<Reply>& reply) {
    for (size_t i = 0; reply && !reply->is_error() && i < hashes.size(); i++) {
      const bool there = i < reply->elements.size() && !reply->elements[i].is_nil();
      if (there && merkle::sha256(reply->elements[i].text) == hashes[i]) continue;
      run->miss("chunk " + hashes[i].hex() + " is not the one");
    }
    run->answered(ok_of(reply));
  });
}

// Their leaves are proven by who reads them; here only that none was lost or cut.
void StateAudit::ask_tiles(const std::shared_ptr<Run>& run) {
  const uint64_t tiles = (run->parts.size + kTileLeaves - 1) / kTileLeaves;
  for (uint64_t i = 0; i < std::min<uint64_t>(kTiles, tiles); i++) {
    const uint64_t tile = i == 0 ? tiles - 1 : tile_at_++ % tiles;
    const uint64_t leaves = std::min(kTileLeaves, run->parts.size - tile * kTileLeaves);
    run->left++;
    link_.send({"STRLEN", keys_.tile(tile)}, [run, tile, leaves](const Result<Reply>& reply) {
      const auto bytes = static_cast<int64_t>(leaves * Hash::kSize);
      if (reply && (reply->is_error() || reply->integer < bytes)) {
        run->miss("tile " + std::to_string(tile) + " of the log is not whole");
      }
      run->answered(reply ? Status() : std::unexpected(reply.error()));
    });
  }
}

void StateAudit::ask_settings(const std::shared_ptr<Run>& run) {
  run->left++;
  link_.send({"INFO", "memory"}, [this, run](const Result<Reply>& reply) {
    // A user who may not ask is told nothing.
    const std::string policy = reply && !reply->is_error() ? policy_of(reply->text) : "";
    warning_.clear();
    if (!policy.empty() && policy != "noeviction") {
      warning_ = "Redis has maxmemory-policy " + policy +
                 ": it may throw away parts of the state; set noeviction";
    }
    run->report.warning = warning_;
    run->answered(reply ? Status() : std::unexpected(reply.error()));
  });
}

void StateAudit::walk(const std::shared_ptr<Run>& run) {
  run->left++;
  link_.send({"SCAN", cursor_, "MATCH", keys_.pattern_of_parts(), "COUNT", kPage},
             [this, run](const Result<Reply>& reply) {
               if (reply && reply->elements.size() == 2) {
                 cursor_ = reply->elements[0].text;
                 expire(run, reply->elements[1]);
               }
               // A user who may not walk leaves old parts behind, no more.
               run->answered(reply ? Status() : std::unexpected(reply.error()));
             });
}

// What is published from now on is written behind this, and then stays. What was written before it
// might be for a head that is not there yet: then nothing expires this time.
void StateAudit::expire(const std::shared_ptr<Run>& run, const Reply& page) {
  if (run->writes != writes_) return;
  Words words{""};
  for (const Reply& key : page.elements) {
    if (keys_.is_part(key.text) && !run->named.contains(key.text)) words.push_back(key.text);
  }
  if (words.size() == 1) return;
  words[0] = std::to_string(words.size() - 1);
  words.emplace_back(kExpireStale);
  run->left++;
  link_.run(expire_script(), std::move(words),
            [run](const Result<Reply>& reply) { run->answered(reply ? Status() : std::unexpected(reply.error())); });
}

}  // namespace flagmesh::redis
