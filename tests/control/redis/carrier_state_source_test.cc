#include "control/redis/carrier_state_source.h"

#include "tests/control/redis/mesh_fixture.h"

namespace flagmesh::redis {
namespace {

class SourceTest : public testing::TestWithParam<bool> {
 protected:
  SourceTest() : medium_(GetParam()), engine_(pump_, medium_) {}

  Pump pump_;
  Medium medium_;
  EngineSide engine_;
};

TEST_P(SourceTest, RouterFirstThenEngineThenChanges) {
  RouterSide router(pump_, medium_, engine_.engine.rules(), 60'000);
  pump_.run_for(50);
  EXPECT_EQ(router.states, 0);
  ASSERT_EQ(engine_.set("checkout", 25), "");
  ASSERT_TRUE(router.comes_to("checkout", 25));
  for (int on = 26; on < 40; on++) ASSERT_EQ(engine_.set("checkout", on), "");
  ASSERT_TRUE(router.comes_to("checkout", 39));
  EXPECT_TRUE(router.last.trust.proven);
  EXPECT_EQ(router.last.trust.epoch, 15U);
  EXPECT_TRUE(router.status().refused.empty()) << router.status().last_refusal;
  EXPECT_TRUE(router.status().connected);
  EXPECT_EQ(router.status().epoch, 15U);
}

TEST_P(SourceTest, LateRouterReadsAll) {
  for (int i = 0; i < 300; i++) {
    ASSERT_EQ(engine_.set("flag-" + std::to_string(i), i % 100), "");
  }
  RouterSide router(pump_, medium_, engine_.engine.rules());
  ASSERT_TRUE(router.comes_to("flag-299", 99));
  EXPECT_EQ(router.last.flags.size(), 300U);
  EXPECT_EQ(router.states, 1);
}

TEST_P(SourceTest, RouterThatMissedManyEpochsCatchesUp) {
  ASSERT_EQ(engine_.set("a", 1), "");
  // It hears nothing and rereads late, so it finds several batches of deltas at once.
  RouterSide router(pump_, medium_, engine_.engine.rules());
  ASSERT_TRUE(router.comes_to("a", 1));
  // Published behind its back, in one turn of the loop each but faster than it reads.
  for (int i = 0; i < 150; i++) ASSERT_EQ(engine_.set("b", i % 100), "");
  ASSERT_TRUE(pump_.until([&] { return router.status().epoch == 151; }));
  EXPECT_TRUE(router.status().refused.empty()) << router.status().last_refusal;
}

TEST_P(SourceTest, HeartbeatsRenewWithoutANewState) {
  ASSERT_EQ(engine_.set("a", 1), "");
  RouterSide router(pump_, medium_, engine_.engine.rules(), 60'000);
  ASSERT_TRUE(router.comes_to("a", 1));
  const int64_t before = router.last.trust.freshness->newest_ms();
  const int64_t later = unix_millis() + 30'000;
  engine_.publisher().renew(engine_.engine.sign(engine_.engine.checkpoint(), later));
  ASSERT_TRUE(pump_.until([&] { return router.last.trust.freshness->newest_ms() > before; }));
  EXPECT_EQ(router.states, 1);
}

TEST_P(SourceTest, OtherKeysAreRefused) {
  ASSERT_EQ(engine_.set("a", 1), "");
  snapshot::TrustRules rules = engine_.engine.rules();
  rules.engine_keys = {
      snapshot::make_key("engine", merkle::SignatureType::kEd25519, 77).verifier()};
  RouterSide router(pump_, medium_, rules);
  ASSERT_TRUE(router.refuses("not_enough_signatures"));
  EXPECT_EQ(router.states, 0);
  EXPECT_FALSE(router.status().last_refusal.empty());
}

INSTANTIATE_TEST_SUITE_P(Media, SourceTest, testing::Bool(), [](const auto& parameter) {
  return parameter.param ? std::string("Redis") : std::string("Memory");
});

// What someone who owns Redis does, and what the router makes of it.
class RedisAttackTest : public testing::Test {
 protected:
  RedisAttackTest()
      : medium_(true),
        engine_(pump_, medium_, 3'600'000),  // does not heal by itself
        hand_(pump_, *medium_.server) {
    EXPECT_EQ(engine_.publish({{"default", "checkout", snapshot::flag_json("checkout", 25)},
                               {"default", "search", snapshot::flag_json("search", 50)}}),
              "");
    router_ = std::make_unique<RouterSide>(pump_, medium_, engine_.engine.rules());
    EXPECT_TRUE(router_->comes_to("checkout", 25));
  }
  std::string get(const std::string& key) { return hand_({"GET", key}).text; }
  std::string only_key(const std::string& pattern) {
    const Reply keys = hand_({"KEYS", pattern});
    EXPECT_EQ(keys.elements.size(), 1U) << pattern;
    return keys.elements.at(0).text;
  }
  void expect_unchanged() {
    EXPECT_EQ(router_->on("checkout"), 25);
    EXPECT_EQ(router_->states, 1);
    EXPECT_FALSE(router_->status().last_refusal.empty());
  }

  Pump pump_;
  Medium medium_;
  EngineSide engine_;
  Hand hand_;
  std::unique_ptr<RouterSide> router_;
};

TEST_F(RedisAttackTest, AlteredHeads) {
  const std::string head = get("{flagmesh}:head");
  std::string signature = head;
  signature[signature.size() - 12] = signature[signature.size() - 12] == 'A' ? 'B' : 'A';
  std::string root = head;
  const size_t line = head.find('\n', head.find('\n') + 1) + 1;
  root[line] = root[line] == 'A' ? 'B' : 'A';
  std::string origin = head;
  origin[0] = 'x';
  for (const auto& [bytes, code] :
       std::vector<std::pair<std::string, std::string>>{{signature, "bad_signature"},
                                                        {root, "bad_signature"},
                                                        {origin, "bad_origin"},
                                                        {head.substr(0, 40), "bad_head"},
                                                        {"", "bad_head"},
                                                        {std::string(2'000'000, 'x'), "bad_head"},
                                                        {head + head, "bad_head"},
                                                        {std::string(100, '\0'), "bad_head"}}) {
    hand_({"SET", "{flagmesh}:head", bytes});
    EXPECT_TRUE(router_->refuses(code)) << code;
    expect_unchanged();
  }
  hand_({"DEL", "{flagmesh}:head"});
  hand_({"LPUSH", "{flagmesh}:head", "x"});
  EXPECT_TRUE(router_->refuses("bad_head"));
  expect_unchanged();
  // The engine puts it right; the same epoch is no new state.
  engine_.publisher().look();
  EXPECT_TRUE(pump_.until([&] { return router_->status().last_refusal.empty(); }));
  EXPECT_EQ(get("{flagmesh}:head"), head);
  EXPECT_EQ(engine_.healed, std::vector<std::string>{"bad_head"});
}

TEST_F(RedisAttackTest, ReplayedHead) {
  const std::string old = get("{flagmesh}:head");
  ASSERT_EQ(engine_.set("checkout", 30), "");
  ASSERT_TRUE(router_->comes_to("checkout", 30));
  hand_({"SET", "{flagmesh}:head", old});
  EXPECT_TRUE(router_->refuses("rollback"));
  EXPECT_EQ(router_->on("checkout"), 30);
  ASSERT_EQ(engine_.set("checkout", 40), "");  // finds its head moved, heals, publishes
  EXPECT_TRUE(router_->comes_to("checkout", 40));
  EXPECT_EQ(engine_.healed, std::vector<std::string>{"rollback"});
}

TEST_F(RedisAttackTest, ForgedDeltaIsRefusedAndTheWholeStateIsRead) {
  medium_.server->freeze();  // so that the router does not see the delta before it is forged
  engine_.begin({{"default", "checkout", snapshot::flag_json("checkout", 30)}});
  medium_.server->thaw();
  // Forge every delta that is there, again and again, until the router has met one.
  const auto forge = [&] {
    const Reply entries = hand_({"XRANGE", "{flagmesh}:tenant:default:deltas", "-", "+"});
    if (entries.elements.empty()) return;
    const std::string id = entries.elements.back().elements[0].text;
    std::string delta = entries.elements.back().elements[1].elements[1].text;
    const size_t at = delta.find(R"(["on",30])");
    if (at == std::string::npos) return;
    delta[at + 6] = '9';
    hand_({"DEL", "{flagmesh}:tenant:default:deltas"});
    hand_({"XADD", "{flagmesh}:tenant:default:deltas", id, "d", delta});
  };
  ASSERT_TRUE(pump_.until([&] { return engine_.result.empty(); }));
  forge();
  ASSERT_TRUE(router_->comes_to("checkout", 30));  // by the manifest, or before it was forged
  RouterSide fresh(pump_, medium_, engine_.engine.rules());
  EXPECT_TRUE(fresh.comes_to("checkout", 30));
}

TEST_F(RedisAttackTest, FreshRouterMeetsForgedState) {
  const std::string manifest_key = only_key("{flagmesh}:tenant:default:manifest:*");
  const std::string manifest = get(manifest_key);
  const std::string chunk_key = only_key("{flagmesh}:tenant:default:chunk:*");
  const std::string chunk = get(chunk_key);
  std::string forged = chunk;
  forged[forged.find(R"(["on",25])") + 6] = '9';

  hand_({"SET", chunk_key, forged});
  RouterSide fresh(pump_, medium_, engine_.engine.rules());
  EXPECT_TRUE(fresh.refuses("bad_chunk"));

  // The chunk under its own name, in a manifest that names it.
  snapshot::Manifest altered = *snapshot::Manifest::parse(manifest);
  altered.chunks[0].hash = merkle::sha256(forged);
  hand_({"SET", "{flagmesh}:tenant:default:chunk:" + altered.chunks[0].hash.hex(), forged});
  hand_({"SET", manifest_key, altered.encode()});
  EXPECT_TRUE(fresh.refuses("root_mismatch"));

  altered = *snapshot::Manifest::parse(manifest);
  altered.record.flags = 9;
  hand_({"SET", chunk_key, chunk});
  hand_({"SET", manifest_key, altered.encode()});
  EXPECT_TRUE(fresh.refuses("inconsistent_log"));
  hand_({"SET", manifest_key, manifest.substr(0, manifest.size() / 2)});
  EXPECT_TRUE(fresh.refuses("bad_state"));
  hand_({"SET", manifest_key, std::string(5'000'000, 'x')});
  EXPECT_TRUE(fresh.refuses("bad_state"));
  hand_({"DEL", manifest_key});
  EXPECT_TRUE(fresh.refuses("missing_manifest"));
  hand_({"SET", manifest_key, manifest});
  hand_({"DEL", chunk_key});
  EXPECT_TRUE(fresh.refuses("missing_chunk"));
  EXPECT_EQ(fresh.states, 0);
  hand_({"SET", chunk_key, chunk});
  EXPECT_TRUE(fresh.comes_to("checkout", 25));
  EXPECT_EQ(router_->states, 1);  // the one that has it saw nothing of it all
}

TEST_F(RedisAttackTest, AnotherEnginesLog) {
  EngineSide other(pump_, medium_, 3'600'000);
  ASSERT_TRUE(other.engine.writer.stage({{"default", "x", snapshot::flag_json("x", 1)}}));
  other.engine.append();
  other.publisher().publish(other.engine.sign(other.engine.checkpoint(), unix_millis()),
                            [&](Status moved) { other.result = moved ? "" : moved.error().code; });
  ASSERT_TRUE(pump_.until([&] { return !other.result.empty(); }));
  EXPECT_EQ(other.result, "head_moved");
  EXPECT_GT(other.ahead, 0);
  // Signed with the stolen key and put there by force: two heads of one size.
  hand_({"SET", "{flagmesh}:head", other.engine.sign(other.engine.checkpoint(), unix_millis())});
  EXPECT_TRUE(router_->refuses("fork"));
  expect_unchanged();
  // An enormous size.
  merkle::Checkpoint enormous = other.engine.checkpoint();
  enormous.size = uint64_t{1} << 52;
  hand_({"SET", "{flagmesh}:head", other.engine.sign(enormous, unix_millis())});
  EXPECT_TRUE(router_->refuses("missing_manifest"));
  expect_unchanged();
}

TEST(RedisSource, StoppedAndBackEmptyHealsByItself) {
  Pump pump;
  Medium medium(true);
  EngineSide engine(pump, medium);
  ASSERT_EQ(engine.set("checkout", 25), "");
  RouterSide router(pump, medium, engine.engine.rules());
  ASSERT_TRUE(router.comes_to("checkout", 25));
  medium.server->stop();
  ASSERT_TRUE(pump.until([&] { return !router.status().connected; }));
  EXPECT_EQ(router.on("checkout"), 25);
  engine.begin({{"default", "checkout", snapshot::flag_json("checkout", 70)}});  // waits
  pump.run_for(100);
  EXPECT_EQ(engine.result, "waiting");
  medium.server->start();
  ASSERT_TRUE(router.comes_to("checkout", 70));
  EXPECT_EQ(engine.result, "");
  EXPECT_EQ(engine.healed, std::vector<std::string>{"no_head"});
  EXPECT_TRUE(router.status().refused.empty()) << router.status().last_refusal;
  // And without anything that waits.
  medium.server->stop();
  medium.server->start();
  ASSERT_TRUE(pump.until([&] { return engine.healed.size() == 2; }));
  RouterSide fresh(pump, medium, engine.engine.rules());
  EXPECT_TRUE(fresh.comes_to("checkout", 70));
}

// The rules that docs/formats.md gives for a router of one tenant are enough, and no more than it
// needs.
TEST(RedisSource, RouterWithAnUserOfItsOwn) {
  Pump pump;
  Medium medium(true);
  EngineSide engine(pump, medium);
  ASSERT_EQ(engine.set("checkout", 25), "");
  Hand hand(pump, *medium.server);
  ASSERT_FALSE(hand({"ACL", "SETUSER", "router", "on", ">secret", "resetkeys", "resetchannels",
                     "%R~{flagmesh}:head", "%R~{flagmesh}:tile:*", "%R~{flagmesh}:tenant:default:*",
                     "&flagmesh:epochs", "-@all", "+ping", "+auth", "+select", "+get", "+mget",
                     "+xrange", "+subscribe"})
                   .is_error());
  ClientOptions options = medium.server->client();
  options.user = "router";
  options.password = "secret";
  CarrierStateSource source(pump.loop(),
                            std::make_unique<RedisCarrier>(pump.context(), options, "flagmesh"),
                            *Acceptance::create(engine.engine.rules(), "default"), 60'000);
  AcceptedState last;
  ASSERT_TRUE(source.start([&](AcceptedState state) { last = std::move(state); }));
  ASSERT_TRUE(pump.until([&] { return snapshot::on_weight(last.flags, "checkout") == 25; }));
  ASSERT_EQ(engine.set("checkout", 30), "");
  ASSERT_TRUE(pump.until([&] { return snapshot::on_weight(last.flags, "checkout") == 30; }));
  Client client(pump.context(), options);
  client.start({});
  ASSERT_TRUE(pump.until([&] { return client.connected(); }));
  for (const std::vector<std::string_view>& words :
       std::vector<std::vector<std::string_view>>{{"SET", "{flagmesh}:head", "x"},
                                                  {"GET", "{flagmesh}:tenant:other:deltas"},
                                                  {"PUBLISH", "flagmesh:epochs", "x"}}) {
    const Result<Reply> reply =
        pump.wait<Reply>([&](auto done) { client.command(words, std::move(done)); });
    EXPECT_TRUE(reply && reply->is_error()) << words[0];
  }
}

TEST(RedisSource, FlushedWhileEverybodyIsConnected) {
  Pump pump;
  Medium medium(true);
  EngineSide engine(pump, medium);
  ASSERT_EQ(engine.set("checkout", 25), "");
  RouterSide router(pump, medium, engine.engine.rules());
  ASSERT_TRUE(router.comes_to("checkout", 25));
  Hand hand(pump, *medium.server);
  hand({"FLUSHALL"});
  ASSERT_TRUE(pump.until([&] { return engine.healed.size() == 1; }));
  ASSERT_EQ(engine.set("checkout", 30), "");
  EXPECT_TRUE(router.comes_to("checkout", 30));
  EXPECT_TRUE(router.status().refused.empty()) << router.status().last_refusal;
}

}  // namespace
}  // namespace flagmesh::redis
