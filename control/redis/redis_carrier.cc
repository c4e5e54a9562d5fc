#include "control/redis/redis_carrier.h"

#include <algorithm>
#include <utility>

#include "control/redis/carrier_link.h"
#include "control/redis/keys.h"
#include "control/redis/scripts.h"
#include "control/redis/state_audit.h"

namespace flagmesh::redis {

using merkle::Hash;
using snapshot::CarrierEvent;
using snapshot::CarrierTopics;
using snapshot::Publication;

namespace {

constexpr std::string_view kExpireStale = "600";           // seconds: slow readers finish
constexpr std::string_view kExpireCosignatures = "86400";  // seconds
constexpr std::string_view kDeltasKept = "1000";
constexpr uint64_t kTileLeaves = 256;
constexpr size_t kCompared = 32;  // parts that Redis is asked about at a time

Result<std::optional<std::string>> text_of(Result<Reply> reply) {
  if (!reply) return std::unexpected(reply.error());
  // A key of another type holds what cannot be right; its reader says so.
  if (reply->is_error() && reply->text.starts_with("WRONGTYPE")) return std::string();
  return std::move(*reply).optional_text();
}

Status moved_of(const Result<Reply>& reply, const char* code, const char* message) {
  if (Status answered = ok_of(reply); !answered) return answered;
  if (reply->text == "OK") return {};
  return fail(code, message);
}

Result<std::vector<std::string>> deltas_of(Result<Reply> reply) {
  if (Status answered = ok_of(reply); !answered) return std::unexpected(answered.error());
  std::vector<std::string> deltas;
  for (Reply& entry : reply->elements) {
    // [id, [field, value]]
    const bool fits = entry.elements.size() == 2 && entry.elements[1].elements.size() >= 2;
    if (!fits) return fail("unexpected_reply", "an entry of the deltas is none of ours");
    deltas.push_back(std::move(entry.elements[1].elements[1].text));
  }
  return deltas;
}

std::vector<std::string> names_of(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    names.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return names;
}

// The leaves of (after, upto] from the tiles that begin at the tile of `after`.
std::vector<Hash> leaves_of(const std::vector<Reply>& tiles, uint64_t after, uint64_t upto) {
  std::vector<Hash> leaves;
  uint64_t at = after;
  for (const Reply& tile : tiles) {
    while (at < upto) {
      const size_t offset = at % kTileLeaves * Hash::kSize;
      if (tile.text.size() < offset + Hash::kSize) return leaves;
      leaves.push_back(*Hash::from_bytes(std::string_view(tile.text).substr(offset, Hash::kSize)));
      if (++at % kTileLeaves == 0) break;
    }
  }
  return leaves;
}

}  // namespace

struct RedisCarrier::Impl {
  Impl(net::IoContext& context, ClientOptions options, const std::string& prefix, OnState state,
       std::optional<SentinelOptions> sentinel)
      : keys(prefix),
        link(context, std::move(options), std::move(sentinel), std::move(state)),
        state_audit(link, keys, writes) {}

  Keys keys;
  CarrierLink link;
  uint64_t writes = 0;  // publications that were begun
  StateAudit state_audit;
  OnEvent on_event;

  void start(CarrierTopics topics);
  void on_message(std::string_view channel, std::string_view text);
  void put(std::vector<Words> parts, Done<void> done);
  std::vector<Words> parts_of(const Publication& publication) const;
  Words move_of(Publication publication) const;
  std::vector<Words> leftovers_of(const Publication& publication) const;
};

void RedisCarrier::Impl::start(CarrierTopics topics) {
  std::vector<std::string> channels;
  if (topics.heads) channels.push_back(keys.channel("epochs"));
  if (topics.candidates) channels.push_back(keys.channel("candidates"));
  if (topics.cosignatures) channels.push_back(keys.channel("cosignatures"));
  if (topics.commands) channels.push_back(keys.channel("commands"));
  link.start(
      std::move(channels),
      [this](std::string_view channel, std::string_view text) { on_message(channel, text); },
      [this](bool connected) {
        on_event(connected ? CarrierEvent::kConnected : CarrierEvent::kDisconnected, {});
      });
}

void RedisCarrier::Impl::on_message(std::string_view channel, std::string_view text) {
  if (channel == keys.channel("epochs")) {
    on_event(CarrierEvent::kHead, text);
  } else if (channel == keys.channel("candidates")) {
    on_event(CarrierEvent::kCandidate, text);
  } else if (channel == keys.channel("cosignatures")) {
    on_event(CarrierEvent::kCosignature, text);
  } else if (channel == keys.channel("commands")) {
    on_event(CarrierEvent::kCommand, text);
  }
}

RedisCarrier::RedisCarrier(net::IoContext& context, ClientOptions options, std::string prefix,
                           OnState on_state, std::optional<SentinelOptions> sentinel)
    : impl_(std::make_unique<Impl>(context, std::move(options), prefix, std::move(on_state),
                                   std::move(sentinel))) {}

RedisCarrier::~RedisCarrier() = default;

void RedisCarrier::start(CarrierTopics topics, OnEvent on_event) {
  impl_->on_event = std::move(on_event);
  impl_->start(topics);
}

bool RedisCarrier::connected() const {
  return impl_->link.connected();
}

// --- The engine ----------------------------------------------------------------------------------

void RedisCarrier::reserve(snapshot::Reservation reservation, Done<void> done) {
  impl_->link.run(
      reserve_script(),
      {"1", impl_->keys.reserved(), std::to_string(reservation.size),
       reservation.previous_root.base64(), reservation.root.base64(), std::move(reservation.note),
       std::move(reservation.replaces).value_or("")},
      [done = std::move(done)](const Result<Reply>& reply) mutable {
        done(moved_of(reply, "reserved", "another engine claimed this epoch of the log"));
      });
}

void RedisCarrier::read_reservation(Done<std::optional<std::string>> done) {
  impl_->link.send(
      {"GET", impl_->keys.reserved()},
      [done = std::move(done)](Result<Reply> reply) mutable { done(text_of(std::move(reply))); });
}

void RedisCarrier::put_candidate(std::string candidate, Done<void> done) {
  std::vector<Words> all;
  all.push_back({"SET", impl_->keys.candidate(), std::move(candidate)});
  all.push_back({"PUBLISH", impl_->keys.channel("candidates"), "candidate"});
  impl_->link.send_all(std::move(all), std::move(done));
}

// What has to be there before the head may name it.
std::vector<Words> RedisCarrier::Impl::parts_of(const Publication& publication) const {
  std::vector<Words> parts;
  std::string names;
  for (const Publication::Tenant& tenant : publication.tenants) {
    names += tenant.name + "\n";
    for (const Publication::Chunk& chunk : tenant.chunks) {
      parts.push_back({"SET", keys.chunk(tenant.name, chunk.hash), chunk.bytes});
    }
    parts.push_back({"SET", keys.manifest(tenant.name, publication.root), tenant.manifest});
  }
  parts.push_back({"SET", keys.tenants(publication.root), std::move(names)});
  const std::vector<Hash>& leaves = publication.tile.leaves;
  for (size_t i = 0; i < leaves.size();) {
    const uint64_t first = publication.tile.first + i;
    const uint64_t offset = first % kTileLeaves;
    std::string bytes;
    for (uint64_t n = offset; n < kTileLeaves && i < leaves.size(); n++)
      bytes += leaves[i++].view();
    const std::string key = keys.tile(first / kTileLeaves);
    // A tile from its first leaf on is written anew, whatever was there.
    if (offset == 0) {
      parts.push_back({"SET", key, std::move(bytes)});
    } else {
      parts.push_back({"SETRANGE", key, std::to_string(offset * Hash::kSize), std::move(bytes)});
    }
  }
  return parts;
}

Words RedisCarrier::Impl::move_of(Publication publication) const {
  Words words{std::to_string(1 + publication.tenants.size()), keys.head()};
  for (const Publication::Tenant& tenant : publication.tenants) {
    words.push_back(keys.deltas(tenant.name));
  }
  const std::string root = publication.root.base64();
  words.push_back(publication.replaces_text ? "text" : "root");
  if (publication.replaces_text) {
    words.push_back(*std::move(publication.replaces_text));
  } else {
    words.push_back(publication.replaced_size == 0 ? "" : publication.replaced_root.base64());
  }
  words.push_back(std::move(publication.head));
  words.push_back(std::to_string(publication.size));
  words.push_back(keys.channel("epochs"));
  words.push_back(std::to_string(publication.size) + " " + root);
  words.emplace_back(kDeltasKept);
  for (Publication::Tenant& tenant : publication.tenants) {
    words.push_back(std::move(tenant.delta));
  }
  return words;
}

// What the head no longer names once it has moved: readers that are at it have some minutes.
std::vector<Words> RedisCarrier::Impl::leftovers_of(const Publication& publication) const {
  std::vector<Words> leftovers;
  const auto expire = [&leftovers](std::string key) {
    leftovers.push_back({"EXPIRE", std::move(key), std::string(kExpireStale)});
  };
  for (const Publication::Tenant& tenant : publication.tenants) {
    for (const Hash& hash : tenant.stale) expire(keys.chunk(tenant.name, hash));
    if (publication.replaced_size > 0) {
      expire(keys.manifest(tenant.name, publication.replaced_root));
    }
  }
  if (publication.replaced_size > 0) expire(keys.tenants(publication.replaced_root));
  return leftovers;
}

// Writes parts. Of many, only those that Redis does not have as they are: after a loss of a few
// parts, or of the head alone, the others need not travel again.
void RedisCarrier::Impl::put(std::vector<Words> parts, Done<void> done) {
  if (parts.size() <= kCompared) {
    link.send_all(std::move(parts), std::move(done));
    return;
  }
  struct Wait {
    size_t left;
    std::vector<Words> missing;
    Status status;
    Done<void> done;
  };
  const auto wait = std::make_shared<Wait>(Wait{1, {}, {}, std::move(done)});
  const auto compared = [this, wait](const Status& status) {
    if (wait->status && !status) wait->status = status;
    if (--wait->left > 0) return;
    if (!wait->status || wait->missing.empty()) {
      wait->done(std::move(wait->status));
    } else {
      link.send_all(std::move(wait->missing), std::move(wait->done));
    }
  };
  for (size_t begin = 0; begin < parts.size();) {
    auto batch = std::make_shared<std::vector<Words>>();
    Words question{""};
    Words hashes;
    for (; begin < parts.size() && batch->size() < kCompared; begin++) {
      // Only SET says what the whole value has to be.
      if (parts[begin][0] != "SET") {
        wait->missing.push_back(std::move(parts[begin]));
        continue;
      }
      question.push_back(parts[begin][1]);
      hashes.push_back(sha1_hex(parts[begin][2]));
      batch->push_back(std::move(parts[begin]));
    }
    if (batch->empty()) continue;
    question[0] = std::to_string(batch->size());
    question.insert(question.end(), hashes.begin(), hashes.end());
    wait->left++;
    link.run(differ_script(), std::move(question),
             [wait, batch, compared](const Result<Reply>& reply) {
               for (const Reply& at : reply ? reply->elements : std::vector<Reply>()) {
                 const auto index = static_cast<size_t>(at.integer - 1);
                 if (index < batch->size()) wait->missing.push_back(std::move((*batch)[index]));
               }
               compared(ok_of(reply));
             });
  }
  compared({});
}

void RedisCarrier::store(Publication publication, Done<void> done) {
  impl_->writes++;
  impl_->put(impl_->parts_of(publication), std::move(done));
}

void RedisCarrier::audit(snapshot::StateParts parts, Done<snapshot::AuditReport> done) {
  impl_->state_audit.run(std::move(parts), std::move(done));
}

void RedisCarrier::publish(Publication publication, Done<void> done) {
  impl_->writes++;
  std::vector<Words> parts = impl_->parts_of(publication);
  std::vector<Words> leftovers = impl_->leftovers_of(publication);
  Words move = impl_->move_of(std::move(publication));
  impl_->put(std::move(parts), [this, move = std::move(move), leftovers = std::move(leftovers),
                                done = std::move(done)](Status stored) mutable {
    if (!stored) {
      done(std::move(stored));
      return;
    }
    impl_->link.run(publish_script(), std::move(move),
                    [this, leftovers = std::move(leftovers),
                     done = std::move(done)](const Result<Reply>& reply) mutable {
                      Status moved = moved_of(reply, "head_moved",
                                              "the head is not the one that was to be replaced");
                      if (moved) {
                        for (const Words& words : leftovers) {
                          impl_->link.send(words, [](const Result<Reply>&) {});
                        }
                      }
                      done(std::move(moved));
                    });
  });
}

void RedisCarrier::renew_head(std::string head, const Hash& root, Done<void> done) {
  impl_->link.run(
      renew_script(),
      {"1", impl_->keys.head(), root.base64(), std::move(head), impl_->keys.channel("epochs"),
       "renewed"},
      [done = std::move(done)](const Result<Reply>& reply) mutable {
        done(moved_of(reply, "head_moved", "the head is not the one that was to be renewed"));
      });
}

void RedisCarrier::read_cosignatures(uint64_t size, const Hash& root,
                                     Done<std::vector<std::string>> done) {
  impl_->link.send({"HVALS", impl_->keys.cosignatures(size)},
              [done = std::move(done), root = root.base64() + " "](Result<Reply> reply) mutable {
                if (Status answered = ok_of(reply); !answered) {
                  done(std::unexpected(answered.error()));
                  return;
                }
                std::vector<std::string> lines;
                for (const Reply& value : reply->elements) {
                  if (value.text.starts_with(root)) lines.push_back(value.text.substr(root.size()));
                }
                done(std::move(lines));
              });
}

void RedisCarrier::reply(std::string text) {
  impl_->link.send({"PUBLISH", impl_->keys.channel("replies"), std::move(text)},
              [](const Result<Reply>&) {});
}

void RedisCarrier::read_reports(const std::string& tenant, Done<std::vector<std::string>> done) {
  impl_->link.send(
      {"SMEMBERS", impl_->keys.routers(tenant)},
      [this, tenant, done = std::move(done)](const Result<Reply>& ids) mutable {
        if (Status answered = ok_of(ids); !answered || ids->elements.empty()) {
          done(answered ? Result<std::vector<std::string>>(std::vector<std::string>())
                        : std::unexpected(answered.error()));
          return;
        }
        Words words{"MGET"};
        Words names;
        for (const Reply& id : ids->elements) {
          names.push_back(id.text);
          words.push_back(impl_->keys.router(tenant, id.text));
        }
        impl_->link.send(words, [this, tenant, names = std::move(names),
                                 done = std::move(done)](const Result<Reply>& reply) mutable {
          if (Status answered = ok_of(reply); !answered) {
            done(std::unexpected(answered.error()));
            return;
          }
          std::vector<std::string> texts;
          Words gone{"SREM", impl_->keys.routers(tenant)};
          for (size_t i = 0; i < reply->elements.size() && i < names.size(); i++) {
            if (reply->elements[i].is_nil()) {
              gone.push_back(std::move(names[i]));
            } else {
              texts.push_back(reply->elements[i].text);
            }
          }
          if (gone.size() > 2) impl_->link.send(gone, [](const Result<Reply>&) {});
          done(std::move(texts));
        });
      });
}

// --- Validators ----------------------------------------------------------------------------------

void RedisCarrier::read_candidate(Done<std::optional<std::string>> done) {
  impl_->link.send(
      {"GET", impl_->keys.candidate()},
      [done = std::move(done)](Result<Reply> reply) mutable { done(text_of(std::move(reply))); });
}

void RedisCarrier::put_cosignature(uint64_t size, const Hash& root, std::string validator,
                                   std::string line, Done<void> done) {
  const std::string key = impl_->keys.cosignatures(size);
  std::vector<Words> all;
  all.push_back({"HSET", key, std::move(validator), root.base64() + " " + line});
  all.push_back({"EXPIRE", key, std::string(kExpireCosignatures)});
  all.push_back({"PUBLISH", impl_->keys.channel("cosignatures"), std::to_string(size)});
  impl_->link.send_all(std::move(all), std::move(done));
}

void RedisCarrier::read_tenants(const Hash& root,
                                Done<std::optional<std::vector<std::string>>> done) {
  impl_->link.send({"GET", impl_->keys.tenants(root)},
              [done = std::move(done)](Result<Reply> reply) mutable {
                Result<std::optional<std::string>> text = text_of(std::move(reply));
                if (!text) {
                  done(std::unexpected(text.error()));
                } else if (*text) {
                  done(names_of(**text));
                } else {
                  done(std::nullopt);
                }
              });
}

// --- Routers -------------------------------------------------------------------------------------

void RedisCarrier::read_head(Done<std::optional<std::string>> done) {
  impl_->link.send({"GET", impl_->keys.head()}, [done = std::move(done)](Result<Reply> reply) mutable {
    done(text_of(std::move(reply)));
  });
}

void RedisCarrier::read_deltas(const std::string& tenant, uint64_t after, uint64_t upto,
                               Done<std::vector<std::string>> done) {
  impl_->link.send(
      {"XRANGE", impl_->keys.deltas(tenant), std::to_string(after + 1) + "-0",
       std::to_string(upto) + "-0", "COUNT", std::to_string(kDeltaBatch)},
      [done = std::move(done)](Result<Reply> reply) mutable { done(deltas_of(std::move(reply))); });
}

void RedisCarrier::read_manifest(const std::string& tenant, const Hash& root,
                                 Done<std::optional<std::string>> done) {
  impl_->link.send(
      {"GET", impl_->keys.manifest(tenant, root)},
      [done = std::move(done)](Result<Reply> reply) mutable { done(text_of(std::move(reply))); });
}

void RedisCarrier::read_chunks(const std::string& tenant, std::vector<Hash> chunks,
                               Done<std::vector<std::optional<std::string>>> done) {
  Words words{"MGET"};
  for (const Hash& hash : chunks) words.push_back(impl_->keys.chunk(tenant, hash));
  impl_->link.send(words, [done = std::move(done), count = chunks.size()](Result<Reply> reply) mutable {
    Status answered = ok_of(reply);
    if (answered && reply->elements.size() != count) {
      answered = fail("unexpected_reply", "Redis answered with another number of chunks");
    }
    if (!answered) {
      done(std::unexpected(answered.error()));
      return;
    }
    std::vector<std::optional<std::string>> found;
    for (Reply& chunk : reply->elements) {
      found.push_back(chunk.is_nil() ? std::nullopt : std::optional(std::move(chunk.text)));
    }
    done(std::move(found));
  });
}

void RedisCarrier::read_leaves(uint64_t after, uint64_t upto, Done<std::vector<Hash>> done) {
  upto = std::min<uint64_t>(upto, after - after % kTileLeaves + kLeafBatch);
  Words words{"MGET"};
  for (uint64_t tile = after / kTileLeaves; tile * kTileLeaves < upto; tile++) {
    words.push_back(impl_->keys.tile(tile));
  }
  impl_->link.send(words, [done = std::move(done), after, upto](Result<Reply> reply) mutable {
    if (Status answered = ok_of(reply); !answered) {
      done(std::unexpected(answered.error()));
      return;
    }
    done(leaves_of(reply->elements, after, upto));
  });
}

void RedisCarrier::report(const std::string& tenant, const std::string& router, std::string text,
                          Done<void> done) {
  // One that is forgotten expires at once: so no router needs to be allowed to delete.
  const std::string lasts = std::to_string(text.empty() ? 1 : kReportMs);
  std::vector<Words> all;
  all.push_back({"SET", impl_->keys.router(tenant, router), std::move(text), "PX", lasts});
  all.push_back({"SADD", impl_->keys.routers(tenant), router});
  impl_->link.send_all(std::move(all), std::move(done));
}

}  // namespace flagmesh::redis
