#include "control/redis/publisher.h"

#include "tests/control/redis/mesh_fixture.h"

namespace flagmesh::redis {
namespace {

class PublisherTest : public testing::TestWithParam<bool> {
 protected:
  PublisherTest() : medium_(GetParam()) {}

  Pump pump_;
  Medium medium_;
};

TEST_P(PublisherTest, AnEngineThatStartsAgainGoesOnFromTheHead) {
  std::string first_head;
  merkle::EpochRecord record;
  {
    EngineSide engine(pump_, medium_);
    ASSERT_EQ(engine.set("a", 1), "");
    first_head = engine.publisher().head();
    record = engine.engine.log.record(1);
  }
  // The log comes from its disk. The flags are those of the head: it is taken over.
  EngineSide same(pump_, medium_);
  ASSERT_TRUE(same.engine.writer.stage({{"default", "a", snapshot::flag_json("a", 1)}}));
  ASSERT_TRUE(same.engine.log.append(record));
  ASSERT_TRUE(pump_.until([&] { return same.synced; }));
  EXPECT_EQ(same.publisher().head(), first_head);
  EXPECT_TRUE(same.engine.writer.head_known());
  EXPECT_FALSE(same.engine.writer.staged());
  RouterSide router(pump_, medium_, same.engine.rules());
  ASSERT_TRUE(router.comes_to("a", 1));
  ASSERT_EQ(same.set("a", 2), "");
  ASSERT_TRUE(router.comes_to("a", 2));
}

TEST_P(PublisherTest, AnEngineThatStartsWithOtherFlagsPublishesThemWhole) {
  merkle::EpochRecord record;
  {
    EngineSide engine(pump_, medium_);
    ASSERT_EQ(engine.set("a", 1), "");
    record = engine.engine.log.record(1);
  }
  EngineSide other(pump_, medium_);
  ASSERT_TRUE(other.engine.log.append(record));
  RouterSide router(pump_, medium_, other.engine.rules());
  ASSERT_TRUE(router.comes_to("a", 1));
  ASSERT_TRUE(pump_.until([&] { return other.synced; }));
  ASSERT_EQ(other.set("b", 7), "");
  ASSERT_TRUE(router.comes_to("b", 7));
  EXPECT_EQ(router.on("a"), -1);
  EXPECT_TRUE(router.status().refused.empty()) << router.status().last_refusal;
}

TEST_P(PublisherTest, ASecondEngineOverwritesNothing) {
  EngineSide engine(pump_, medium_);
  ASSERT_EQ(engine.set("a", 1), "");
  EngineSide second(pump_, medium_);
  EXPECT_EQ(second.set("b", 1), "head_moved");
  EXPECT_GT(second.ahead, 0);
  EXPECT_FALSE(second.engine.writer.staged());
  ASSERT_EQ(engine.set("a", 2), "");
}

TEST_P(PublisherTest, AnOlderHeartbeatIsRenewed) {
  EngineSide engine(pump_, medium_);
  ASSERT_EQ(engine.set("a", 1), "");
  const std::string old = engine.publisher().head();
  const std::string newer = engine.engine.sign(engine.engine.checkpoint(), unix_millis() + 5'000);
  engine.publisher().renew(newer);
  const auto head = [&] {
    return pump_
        .wait<std::optional<std::string>>(
            [&](auto done) { engine.carrier().read_head(std::move(done)); })
        ->value_or("none");
  };
  ASSERT_TRUE(pump_.until([&] { return head() == newer; }));
  ASSERT_TRUE(pump_.wait<void>([&](auto done) {
    engine.carrier().renew_head(old, engine.engine.checkpoint().root, std::move(done));
  }));
  EXPECT_TRUE(pump_.until([&] { return head() == newer; }));
  EXPECT_TRUE(engine.healed.empty());
}

TEST_P(PublisherTest, AnEpochThatWasGivenUpIsOverwritten) {
  EngineSide engine(pump_, medium_, 3'600'000);
  ASSERT_EQ(engine.set("a", 1), "");
  // Signed, shown to validators, given up; and then somebody makes it the head.
  Publication given_up;
  {
    ASSERT_TRUE(engine.engine.writer.stage({{"default", "a", snapshot::flag_json("a", 66)}}));
    engine.engine.append();
    given_up = *engine.engine.writer.publication(
        engine.engine.log, engine.engine.sign(engine.engine.checkpoint(), unix_millis()));
    engine.engine.writer.discard();
  }
  ASSERT_TRUE(pump_.wait<void>(
      [&](auto done) { engine.carrier().publish(std::move(given_up), std::move(done)); }));
  engine.publisher().look();
  ASSERT_TRUE(pump_.until([&] { return engine.healed.size() == 1; }));
  RouterSide router(pump_, medium_, engine.engine.rules());
  ASSERT_TRUE(router.comes_to("a", 1));
  ASSERT_EQ(engine.set("a", 3), "");
  EXPECT_TRUE(router.comes_to("a", 3));
}

INSTANTIATE_TEST_SUITE_P(Media, PublisherTest, testing::Bool(), [](const auto& parameter) {
  return parameter.param ? std::string("Redis") : std::string("Memory");
});

TEST(RedisPublisher, KeysOfOtherTypesAreOverwritten) {
  Pump pump;
  Medium medium(true);
  Hand hand(pump, *medium.server);
  hand({"LPUSH", "{flagmesh}:head", "x"});
  hand({"SET", "{flagmesh}:tenant:default:deltas", "x"});
  hand({"LPUSH", "{flagmesh}:tile:0:0", "x"});
  hand({"LPUSH", "{flagmesh}:reserved", "x"});
  EngineSide engine(pump, medium);
  ASSERT_EQ(engine.set("a", 1), "");
  ASSERT_EQ(engine.set("a", 2), "");
  hand({"DEL", "{flagmesh}:tile:0:0"});
  hand({"LPUSH", "{flagmesh}:tile:0:0", "x"});
  ASSERT_EQ(engine.set("a", 3), "");  // refused in part, written again as a whole
  RouterSide router(pump, medium, engine.engine.rules());
  EXPECT_TRUE(router.comes_to("a", 3));
}

// The rules that docs/formats.md gives for the engine are enough for all that it does.
TEST(RedisPublisher, EngineWithinItsRules) {
  Pump pump;
  Medium medium(true, {"--user",        "default",       "on",          "nopass",    "resetkeys",
                       "~{flagmesh}:*", "resetchannels", "&flagmesh:*", "-@all",     "+ping",
                       "+select",       "+get",          "+set",        "+setrange", "+mget",
                       "+xrange",       "+xadd",         "+xrevrange",  "+del",      "+type",
                       "+hvals",        "+expire",       "+eval",       "+publish",  "+subscribe",
                       "+evalsha",      "+exists",       "+strlen",     "+scan",     "+ttl",
                       "+info",         "+smembers",     "+srem"});
  EngineSide engine(pump, medium);
  ASSERT_EQ(engine.set("a", 1), "");
  ASSERT_EQ(engine.set("a", 2), "");
  engine.publisher().renew(engine.engine.sign(engine.engine.checkpoint(), unix_millis() + 1'000));
  const auto ok = [&](const std::function<void(Carrier::Done<void>)>& call) {
    const Status status = pump.wait<void>(call);
    EXPECT_TRUE(status) << status.error().text();
  };
  ok([&](auto done) {
    engine.carrier().reserve({3, engine.engine.log.root(), merkle::sha256("x"), "note", {}},
                             std::move(done));
  });
  ok([&](auto done) { engine.carrier().put_candidate("candidate", std::move(done)); });
  EXPECT_TRUE(pump.wait<std::vector<std::string>>([&](auto done) {
    engine.carrier().read_cosignatures(2, engine.engine.log.root(), std::move(done));
  }));
  pump.run_for(50);
  EXPECT_TRUE(engine.trouble.empty()) << engine.trouble[0];
}

TEST(RedisPublisher, WhatIsStaleExpiresAndWhatIsNotDoesNot) {
  Pump pump;
  Medium medium(true);
  EngineSide engine(pump, medium);
  ASSERT_EQ(engine.set("a", 1), "");
  ASSERT_EQ(engine.set("a", 2), "");
  Hand hand(pump, *medium.server);
  int lasting = 0;
  int expiring = 0;
  ASSERT_TRUE(pump.until([&] {
    lasting = expiring = 0;
    for (const char* pattern : {"*:chunk:*", "*:manifest:*"}) {
      for (const Reply& key : hand({"KEYS", pattern}).elements) {
        (hand({"TTL", key.text}).integer < 0 ? lasting : expiring)++;
      }
    }
    return expiring == 2;
  }));
  EXPECT_EQ(lasting, 2);
}

TEST(RedisPublisher, LostAndAlteredPartsComeBackByThemselves) {
  Pump pump;
  Medium medium(true);
  EngineSide engine(pump, medium, 50);
  ASSERT_EQ(engine.set("a", 1), "");
  Hand hand(pump, *medium.server);
  for (const char* pattern : {"*:chunk:*", "*:manifest:*", "*tenants:*", "*:tile:*"}) {
    const std::string key = hand({"KEYS", pattern}).elements.at(0).text;
    const std::string was = hand({"GET", key}).text;
    hand({"DEL", key});
    ASSERT_TRUE(pump.until([&] { return hand({"GET", key}).text == was; })) << pattern;
    if (std::string_view(pattern) == "*tenants:*" || std::string_view(pattern) == "*:tile:*") continue;
    hand({"SET", key, "something else"});
    ASSERT_TRUE(pump.until([&] { return hand({"GET", key}).text == was; })) << pattern;
  }
  EXPECT_EQ(engine.healed[0], "missing_parts");
  EXPECT_TRUE(engine.trouble.empty());
  // The deltas were not begun anew, and the head did not move.
  ASSERT_EQ(engine.set("a", 2), "");
  EXPECT_EQ(hand({"XLEN", "{flagmesh}:tenant:default:deltas"}).integer, 1);
}

TEST(RedisPublisher, WarnsUnlessNothingIsEvicted) {
  Pump pump;
  Medium medium(true, {"--maxmemory-policy", "allkeys-lru"});
  PublishingEngine engine;
  const auto carrier = medium.carrier(pump);
  bool connected = false;
  carrier->start({}, [&](CarrierEvent, std::string_view) { connected = true; });
  ASSERT_TRUE(pump.until([&] { return connected; }));
  (void)engine.set("a", 1);
  const auto report = pump.wait<snapshot::AuditReport>(
      [&](auto done) { carrier->audit({1, engine.log.root(), {}}, std::move(done)); });
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->complete);
  EXPECT_NE(report->warning.find("allkeys-lru"), std::string::npos);
}

}  // namespace
}  // namespace flagmesh::redis
