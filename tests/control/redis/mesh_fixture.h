// An engine, carriers and routers' sources over one medium, MemoryBus or a real Redis, all on one
// loop that the test turns.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control/redis/carrier_state_source.h"
#include "control/redis/publisher.h"
#include "control/redis/redis_carrier.h"
#include "control/snapshot/memory_carrier.h"
#include "tests/control/redis/redis_server.h"
#include "tests/control/snapshot/publishing_engine.h"

namespace flagmesh::redis {

using snapshot::Acceptance;
using snapshot::AcceptedState;
using snapshot::Carrier;
using snapshot::CarrierEvent;
using snapshot::CarrierTopics;
using snapshot::MemoryBus;
using snapshot::MemoryCarrier;
using snapshot::Publication;
using snapshot::PublishingEngine;

// Where the state travels; `server` is null in memory.
struct Medium {
  explicit Medium(bool real, std::vector<std::string> options = {})
      : server(real ? std::make_unique<RedisServer>(std::move(options)) : nullptr) {}

  std::unique_ptr<Carrier> carrier(Pump& pump) {
    if (server != nullptr) {
      return std::make_unique<RedisCarrier>(pump.context(), server->client(), "flagmesh");
    }
    return std::make_unique<MemoryCarrier>(
        bus, [loop = &pump.loop()](std::move_only_function<void()> task) {
          loop->post(std::move(task));
        });
  }

  MemoryBus bus;
  std::unique_ptr<RedisServer> server;
};

// An engine's part: signs with the clock, publishes through a Publisher.
class EngineSide {
 public:
  EngineSide(Pump& pump, Medium& medium, uint64_t audit_ms = 100)
      : pump_(pump),
        carrier_(medium.carrier(pump)),
        verifier_(*snapshot::HeadVerifier::create(engine.rules())),
        publisher_(pump.loop(), *carrier_, engine.writer, engine.log, verifier_,
                   {.on_synced = [this] { synced = true; },
                    .on_ahead = [this](const snapshot::VerifiedHead&) { ahead++; },
                    .on_healed = [this](const Error& found) { healed.push_back(found.code); },
                    .on_trouble = [this](const Error& why) { trouble.push_back(why.code); }},
                   audit_ms) {
    carrier_->start({.heads = false, .candidates = false, .cosignatures = true, .commands = true},
                    [this](CarrierEvent event, std::string_view text) {
                      if (event == CarrierEvent::kConnected) publisher_.look();
                      if (event == CarrierEvent::kCommand) commands.emplace_back(text);
                      if (event == CarrierEvent::kCosignature) cosignatures.emplace_back(text);
                    });
  }

  // Stages and publishes; waits until it is done.
  std::string publish(const std::vector<snapshot::EntryChange>& changes) {
    begin(changes);
    if (!pump_.until([this] { return !publisher_.publishing(); })) return "timed out";
    return result;
  }
  void begin(const std::vector<snapshot::EntryChange>& changes) {
    EXPECT_TRUE(engine.writer.stage(changes));
    engine.append();
    result = "waiting";
    publisher_.publish(engine.sign(engine.checkpoint(), unix_millis()), [this](Status moved) {
      result = moved ? "" : moved.error().code;
      if (!moved) engine.writer.discard();
    });
  }
  std::string set(const std::string& key, int on) {
    return publish({{"default", key, snapshot::flag_json(key, on)}});
  }
  Publisher& publisher() { return publisher_; }
  Carrier& carrier() { return *carrier_; }

  PublishingEngine engine;
  bool synced = false;
  int ahead = 0;
  std::string result;
  std::vector<std::string> healed;
  std::vector<std::string> trouble;
  std::vector<std::string> commands;
  std::vector<std::string> cosignatures;

 private:
  Pump& pump_;
  std::unique_ptr<Carrier> carrier_;
  snapshot::HeadVerifier verifier_;
  Publisher publisher_;
};

// A router's part.
class RouterSide {
 public:
  RouterSide(Pump& pump, Medium& medium, const snapshot::TrustRules& rules,
             uint64_t reread_ms = 100)
      : pump_(pump),
        source_(pump.loop(), medium.carrier(pump), *Acceptance::create(rules, "default"),
                reread_ms) {
    EXPECT_TRUE(source_.start([this](AcceptedState state) {
      states++;
      last = std::move(state);
    }));
  }

  // The weight of `on` of a flag that is enforced; -1: none.
  int on(const std::string& key) const { return snapshot::on_weight(last.flags, key); }
  bool comes_to(const std::string& key, int weight) {
    return pump_.until([&] { return on(key) == weight; });
  }
  uint64_t refused(const std::string& code) const {
    const auto view = source_.status().view();
    const auto at = view.refused.find(code);
    return at == view.refused.end() ? 0 : at->second;
  }
  bool refuses(const std::string& code) {
    const uint64_t before = refused(code);
    return pump_.until([&] { return refused(code) > before; });
  }
  const snapshot::SourceStatus::View status() const { return source_.status().view(); }

  int states = 0;
  AcceptedState last;

 private:
  Pump& pump_;
  CarrierStateSource source_;
};

}  // namespace flagmesh::redis
