// What brings published state from the engine to validators and routers, and commands and
// cosignatures back. A carrier is not trusted: it may lose, delay, repeat and alter everything, and
// only says "look". Implementations: RedisCarrier (control/redis), MemoryCarrier (one process).
//
// Values are opaque bytes here; formats are in published_state.h, and the head is a signed note.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/snapshot/published_state.h"
#include "merkle/hash.h"
#include "proxy/base/result.h"

namespace flagmesh::snapshot {

enum class CarrierEvent : uint8_t {
  kConnected,  // also after every reconnection: whatever was announced may have been missed; read
  kDisconnected,  // calls fail until the next kConnected
  kHead,          // the head moved or was renewed
  kCandidate,     // there is a new candidate
  kCosignature,   // one was added; text: the size, decimal
  kCommand,       // text: a message on the commands channel, as it was sent
};

// What to listen to; kConnected and kDisconnected always come.
struct CarrierTopics {
  bool heads = false;
  bool candidates = false;
  bool cosignatures = false;
  bool commands = false;
};

// Everything that one head needs to be there (made by StateWriter).
struct Publication {
  struct Chunk {
    merkle::Hash hash;  // SHA-256 of the bytes
    std::string bytes;
  };
  struct Tenant {
    std::string name;
    std::string delta;  // empty: none, readers need the manifest; deltas begin anew after this head
    std::string manifest;
    std::vector<Chunk> chunks;        // new ones; all of them when state is published again
    std::vector<merkle::Hash> stale;  // chunks that the state before used and this one does not
  };
  struct Tile {
    uint64_t first = 0;  // epoch - 1 of the first leaf
    std::vector<merkle::Hash> leaves;
  };

  std::string head;            // signed note
  uint64_t size = 0;           // of its checkpoint
  merkle::Hash root;           // of its checkpoint
  uint64_t replaced_size = 0;  // of the head before; 0: none
  merkle::Hash replaced_root;
  // Replaces this exact head text whatever it is (one that does not verify, or is behind).
  std::optional<std::string> replaces_text;
  std::vector<Tenant> tenants;  // by name
  Tile tile;                    // log leaves that are new; all of them when published again
};

// A claim to an epoch of the log, made before its checkpoint is signed.
struct Reservation {
  uint64_t size = 0;           // of the log with it
  merkle::Hash previous_root;  // of the log before it
  merkle::Hash root;           // of the log with it
  std::string note;            // by which a reader tells a claim from a forgery; opaque here
  // Replaces exactly this claim whatever it says (one that was found to be forged).
  std::optional<std::string> replaces;
};

// What a head names, for somebody who looks whether it is all there.
struct StateParts {
  struct Tenant {
    std::string name;
    std::string manifest;  // its bytes
  };
  uint64_t size = 0;  // of the head's checkpoint
  merkle::Hash root;
  std::vector<Tenant> tenants;
};

struct AuditReport {
  bool complete = true;
  std::string missing;  // the first thing that is not there or is not what it has to be
  std::string warning;  // how the carrier is set up badly; empty: well
};

// What a call that only moves something says: the head or reservation that is there is not the one
// that the caller expected: code "head_moved" or "reserved". Otherwise the carrier's own errors:
// "unavailable" (nothing was sent), "disconnected" and "timed_out" (whether it was done is not
// known), "redis_error", "unexpected_reply", "too_large".
//
// One user, on one thread (its loop). `done` is called exactly once, on that thread and never
// inside the call; after destruction no `done` is called any more.
class Carrier {
 public:
  template <class T>
  using Done = std::move_only_function<void(Result<T>)>;
  using OnEvent = std::function<void(CarrierEvent, std::string_view text)>;

  virtual ~Carrier() = default;

  // Connects and stays connected. Events come from a later turn on. Call once.
  virtual void start(CarrierTopics topics, OnEvent on_event) = 0;
  virtual bool connected() const = 0;

  // --- the engine ---

  // Claims an epoch. The same claim again is granted again. Code "reserved": another epoch of that
  // size or a later one was claimed, or the one before had another root.
  virtual void reserve(Reservation reservation, Done<void> done) = 0;
  // The claim that is there, for Reservation::replaces: its first line is "size root", root in
  // base64; then the claim's note.
  virtual void read_reservation(Done<std::optional<std::string>> done) = 0;
  // Shows validators a candidate (Candidate::encode).
  virtual void put_candidate(std::string candidate, Done<void> done) = 0;
  // Chunks, manifests and tiles first, then in one step: compare, add deltas, move the head, tell.
  // Code "head_moved". What the publication's stale lists name is kept for 10 minutes more.
  virtual void publish(Publication publication, Done<void> done) = 0;
  // Only chunks, manifests and tiles: what the head in force names was damaged.
  virtual void store(Publication publication, Done<void> done) = 0;
  // Whether everything that the head names is there: all parts by name, the manifests and some
  // chunks, others each time, by content. Lets things expire that no head names any more.
  virtual void audit(StateParts parts, Done<AuditReport> done) = 0;
  // A heartbeat: the head's note with newer cosignatures; same checkpoint. Code "head_moved" when
  // the head has another root.
  virtual void renew_head(std::string head, const merkle::Hash& root, Done<void> done) = 0;
  // Cosignature lines that came for the checkpoint of that size and root; without order.
  virtual void read_cosignatures(uint64_t size, const merkle::Hash& root,
                                 Done<std::vector<std::string>> done) = 0;
  // Answers on the replies channel.
  virtual void reply(std::string text) = 0;
  // What the routers of a tenant have reported lately; without order.
  virtual void read_reports(const std::string& tenant, Done<std::vector<std::string>> done) = 0;

  // --- validators ---

  virtual void read_candidate(Done<std::optional<std::string>> done) = 0;
  // One signature line (merkle::NoteSignature::line). `validator` names the line's slot: writing
  // again replaces. Kept for a day.
  virtual void put_cosignature(uint64_t size, const merkle::Hash& root, std::string validator,
                               std::string line, Done<void> done) = 0;
  // Names of all tenants of the head with that root; by name.
  virtual void read_tenants(const merkle::Hash& root,
                            Done<std::optional<std::vector<std::string>>> done) = 0;

  // --- routers, and validators that catch up ---

  virtual void read_head(Done<std::optional<std::string>> done) = 0;
  // Deltas whose size is in (after, upto], in order; as many as there are, at most kDeltaBatch.
  virtual void read_deltas(const std::string& tenant, uint64_t after, uint64_t upto,
                           Done<std::vector<std::string>> done) = 0;
  virtual void read_manifest(const std::string& tenant, const merkle::Hash& root,
                             Done<std::optional<std::string>> done) = 0;
  // In the order asked for; nullopt: not there. At most kChunkBatch.
  virtual void read_chunks(const std::string& tenant, std::vector<merkle::Hash> chunks,
                           Done<std::vector<std::optional<std::string>>> done) = 0;
  // Leaves of the epochs in (after, upto], in order; fewer when the tiles do not reach that far. At
  // most kLeafBatch.
  virtual void read_leaves(uint64_t after, uint64_t upto, Done<std::vector<merkle::Hash>> done) = 0;
  // Says how a router is; forgotten after kReportMs, at once when the text is empty. Whoever owns the carrier can forge it.
  virtual void report(const std::string& tenant, const std::string& router, std::string text,
                      Done<void> done) = 0;

  static constexpr uint64_t kReportMs = 15'000;
  static constexpr size_t kDeltaBatch = 64;
  static constexpr size_t kChunkBatch = 16;
  static constexpr size_t kLeafBatch = 64 * 256;
};

}  // namespace flagmesh::snapshot
