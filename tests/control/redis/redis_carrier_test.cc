// What every carrier promises, tried over memory and over a real Redis.
#include "control/snapshot/carrier.h"

#include "tests/control/redis/mesh_fixture.h"

namespace flagmesh::redis {
namespace {

class CarrierTest : public testing::TestWithParam<bool> {
 protected:
  CarrierTest() : medium_(GetParam()), carrier_(medium_.carrier(pump_)) {
    carrier_->start({true, true, true, true}, [this](CarrierEvent event, std::string_view text) {
      events_.emplace_back(event, text);
    });
    EXPECT_TRUE(pump_.until([this] { return heard(CarrierEvent::kConnected) == 1; }));
  }

  int heard(CarrierEvent event) const {
    int count = 0;
    for (const auto& [kind, text] : events_) count += kind == event ? 1 : 0;
    return count;
  }
  template <class T>
  Result<T> wait(const std::function<void(Carrier::Done<T>)>& call) {
    return pump_.wait<T>(call);
  }
  std::string publish(Publication publication) {
    return code(
        wait<void>([&](auto done) { carrier_->publish(std::move(publication), std::move(done)); }));
  }
  std::string reserve(uint64_t size, const merkle::Hash& previous, const merkle::Hash& root) {
    return code(
        wait<void>([&](auto done) {
          carrier_->reserve({size, previous, root, "note", {}}, std::move(done));
        }));
  }
  std::string head() {
    return wait<std::optional<std::string>>(
               [&](auto done) { carrier_->read_head(std::move(done)); })
        ->value_or("none");
  }
  static std::string code(const Status& status) { return status ? "" : status.error().code; }
  static merkle::Hash hash(std::string_view text) { return merkle::sha256(text); }

  Pump pump_;
  Medium medium_;
  std::unique_ptr<Carrier> carrier_;
  std::vector<std::pair<CarrierEvent, std::string>> events_;
  PublishingEngine engine_;
};

TEST_P(CarrierTest, NothingIsThereAtFirst) {
  EXPECT_EQ(head(), "none");
  EXPECT_EQ(*wait<std::optional<std::string>>(
                [&](auto done) { carrier_->read_candidate(std::move(done)); }),
            std::nullopt);
  EXPECT_TRUE(wait<std::vector<std::string>>([&](auto done) {
                carrier_->read_deltas("default", 0, 9, std::move(done));
              })->empty());
  EXPECT_EQ(*wait<std::optional<std::string>>(
                [&](auto done) { carrier_->read_manifest("default", hash("x"), std::move(done)); }),
            std::nullopt);
  EXPECT_TRUE(wait<std::vector<merkle::Hash>>([&](auto done) {
                carrier_->read_leaves(0, 5, std::move(done));
              })->empty());
  EXPECT_EQ(*wait<std::optional<std::vector<std::string>>>(
                [&](auto done) { carrier_->read_tenants(hash("x"), std::move(done)); }),
            std::nullopt);
}

TEST_P(CarrierTest, PublishedStateCanBeRead) {
  const Publication first = engine_.publish({{"default", "a", snapshot::flag_json("a", 1)},
                                             {"other", "b", snapshot::flag_json("b", 2, "other")}});
  ASSERT_EQ(publish(first), "");
  EXPECT_EQ(head(), first.head);
  ASSERT_TRUE(pump_.until([this] { return heard(CarrierEvent::kHead) == 1; }));
  const Publication second = engine_.set("a", 50);
  ASSERT_EQ(publish(second), "");
  const auto deltas = wait<std::vector<std::string>>(
      [&](auto done) { carrier_->read_deltas("default", 0, 2, std::move(done)); });
  ASSERT_EQ(deltas->size(), 1U);  // the first was whole: no delta
  EXPECT_EQ(deltas->at(0), second.tenants[0].delta);
  EXPECT_TRUE(wait<std::vector<std::string>>([&](auto done) {
                carrier_->read_deltas("default", 0, 1, std::move(done));
              })->empty());
  const auto manifest = wait<std::optional<std::string>>(
      [&](auto done) { carrier_->read_manifest("default", second.root, std::move(done)); });
  ASSERT_TRUE(manifest && *manifest);
  const snapshot::Manifest parsed = *snapshot::Manifest::parse(**manifest);
  std::vector<merkle::Hash> hashes{hash("not there")};
  for (const auto& chunk : parsed.chunks) hashes.push_back(chunk.hash);
  const auto chunks = wait<std::vector<std::optional<std::string>>>(
      [&](auto done) { carrier_->read_chunks("default", hashes, std::move(done)); });
  EXPECT_EQ(chunks->at(0), std::nullopt);
  EXPECT_EQ(merkle::sha256(*chunks->at(1)), parsed.chunks[0].hash);
  // What the head before named is still there for those who are at it.
  EXPECT_TRUE(*wait<std::optional<std::string>>(
      [&](auto done) { carrier_->read_manifest("default", first.root, std::move(done)); }));
  EXPECT_EQ(**wait<std::optional<std::vector<std::string>>>(
                [&](auto done) { carrier_->read_tenants(second.root, std::move(done)); }),
            (std::vector<std::string>{"default", "other"}));
}

TEST_P(CarrierTest, LeavesOfManyEpochs) {
  std::vector<merkle::Hash> all;
  for (int i = 0; i < 300; i++) {
    const Publication publication = engine_.set("a", i % 100);
    if (i % 7 == 0 || i > 290) {
      ASSERT_EQ(publish(*engine_.writer.everything(
                    engine_.log, publication.head,
                    head() == "none" ? std::nullopt : std::optional(head()))),
                "");
    } else {
      ASSERT_EQ(publish(publication), "");
    }
    all.push_back(engine_.log.last().leaf());
  }
  for (const auto& [after, upto] : std::vector<std::pair<uint64_t, uint64_t>>{
           {0, 300}, {255, 257}, {256, 300}, {299, 300}, {255, 700}, {0, 1}}) {
    const auto leaves = wait<std::vector<merkle::Hash>>(
        [&](auto done) { carrier_->read_leaves(after, upto, std::move(done)); });
    const uint64_t end = std::min<uint64_t>(upto, 300);
    ASSERT_EQ(leaves->size(), end - after);
    EXPECT_TRUE(
        std::equal(leaves->begin(), leaves->end(), all.begin() + static_cast<ptrdiff_t>(after)));
  }
}

TEST_P(CarrierTest, HeadMovesOnlyFromWhereItIs) {
  const Publication first = engine_.set("a", 1);
  const Publication second = engine_.set("a", 2);
  EXPECT_EQ(publish(second), "head_moved");
  EXPECT_EQ(publish(first), "");
  EXPECT_EQ(publish(first), "head_moved");
  EXPECT_EQ(publish(second), "");
  PublishingEngine other;
  Publication fork = other.set("b", 1);
  EXPECT_EQ(publish(fork), "head_moved");
  fork.replaces_text = "something else";
  EXPECT_EQ(publish(fork), "head_moved");
  fork.replaces_text = second.head;
  EXPECT_EQ(publish(fork), "");
  EXPECT_EQ(head(), fork.head);
}

TEST_P(CarrierTest, HeadIsRenewedOnlyForItsRoot) {
  const Publication first = engine_.set("a", 1);
  const auto renew = [&](const std::string& text, const merkle::Hash& root) {
    return code(wait<void>([&](auto done) { carrier_->renew_head(text, root, std::move(done)); }));
  };
  EXPECT_EQ(renew(first.head, first.root), "head_moved");
  ASSERT_EQ(publish(first), "");
  const std::string later = engine_.sign(engine_.checkpoint(), snapshot::kNow + 60'000);
  EXPECT_EQ(renew(later, hash("other")), "head_moved");
  EXPECT_EQ(renew(later, first.root), "");
  EXPECT_EQ(head(), later);
  // It can be replaced by its root, whatever its signatures are.
  EXPECT_EQ(publish(engine_.set("a", 2)), "");
}

TEST_P(CarrierTest, OneEpochIsClaimedOnce) {
  EXPECT_EQ(reserve(1, merkle::empty_root(), hash("1")), "");
  EXPECT_EQ(reserve(1, merkle::empty_root(), hash("1")), "");
  EXPECT_EQ(reserve(1, merkle::empty_root(), hash("other")), "reserved");
  EXPECT_EQ(reserve(2, hash("other"), hash("2b")), "reserved");
  EXPECT_EQ(reserve(2, hash("1"), hash("2")), "");
  EXPECT_EQ(reserve(1, merkle::empty_root(), hash("1")), "reserved");
  // A carrier that lost some claims does not stop the engine.
  EXPECT_EQ(reserve(7, hash("6"), hash("7")), "");
  EXPECT_EQ(reserve(3, hash("2"), hash("3")), "reserved");
}

TEST_P(CarrierTest, CandidatesAndCosignatures) {
  const Publication first = engine_.set("a", 1);
  EXPECT_TRUE(wait<void>([&](auto done) { carrier_->put_candidate("bytes", std::move(done)); }));
  EXPECT_EQ(**wait<std::optional<std::string>>(
                [&](auto done) { carrier_->read_candidate(std::move(done)); }),
            "bytes");
  ASSERT_TRUE(pump_.until([this] { return heard(CarrierEvent::kCandidate) == 1; }));
  const auto put = [&](const merkle::Hash& root, const char* who, const char* line) {
    EXPECT_TRUE(wait<void>(
        [&](auto done) { carrier_->put_cosignature(5, root, who, line, std::move(done)); }));
  };
  put(first.root, "v1", "old");
  put(first.root, "v1", "one");
  put(first.root, "v2", "two");
  put(hash("other"), "v3", "of another root");
  auto lines = *wait<std::vector<std::string>>(
      [&](auto done) { carrier_->read_cosignatures(5, first.root, std::move(done)); });
  std::sort(lines.begin(), lines.end());
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "two"}));
  ASSERT_TRUE(pump_.until([this] { return heard(CarrierEvent::kCosignature) == 4; }));
  EXPECT_EQ(events_.back().second, "5");
}

TEST_P(CarrierTest, CommandsAndReplies) {
  std::vector<std::string> replies;
  if (medium_.server != nullptr) {
    Client listener(pump_.context(), medium_.server->client());
    listener.subscribe_to({"flagmesh:replies"}, [&](std::string_view, std::string_view text) {
      replies.emplace_back(text);
    });
    listener.start({});
    Hand redis(pump_, *medium_.server);
    ASSERT_TRUE(pump_.until([&] { return listener.connected(); }));
    redis({"PUBLISH", "flagmesh:commands", R"({"flag":"x"})"});
    carrier_->reply("done");
    ASSERT_TRUE(pump_.until([&] { return !replies.empty(); }));
  } else {
    medium_.bus.send_command(R"({"flag":"x"})");
    carrier_->reply("done");
    replies = medium_.bus.replies();
  }
  EXPECT_EQ(replies, std::vector<std::string>{"done"});
  ASSERT_TRUE(pump_.until([this] { return heard(CarrierEvent::kCommand) == 1; }));
  EXPECT_EQ(events_.back().second, R"({"flag":"x"})");
}

TEST_P(CarrierTest, RoutersReport) {
  const auto reports = [&](const std::string& tenant) {
    auto texts = *wait<std::vector<std::string>>(
        [&](auto done) { carrier_->read_reports(tenant, std::move(done)); });
    std::sort(texts.begin(), texts.end());
    return texts;
  };
  const auto report = [&](const char* router, const char* text) {
    EXPECT_TRUE(wait<void>(
        [&](auto done) { carrier_->report("default", router, text, std::move(done)); }));
  };
  EXPECT_TRUE(reports("default").empty());
  report("a", "old");
  report("a", "one");
  report("b", "two");
  EXPECT_EQ(reports("default"), (std::vector<std::string>{"one", "two"}));
  EXPECT_TRUE(reports("other").empty());
  report("c", "three");
  report("c", "");
  ASSERT_TRUE(pump_.until([&] { return reports("default").size() == 2; }));
  if (medium_.server == nullptr) return;
  // One that says nothing any more is forgotten, its name too.
  Hand redis(pump_, *medium_.server);
  EXPECT_GT(redis({"PTTL", "{flagmesh}:tenant:default:router:a"}).integer, 0);
  redis({"DEL", "{flagmesh}:tenant:default:router:a"});
  EXPECT_EQ(reports("default"), std::vector<std::string>{"two"});
  ASSERT_TRUE(pump_.until(
      [&] { return redis({"SCARD", "{flagmesh}:tenant:default:routers"}).integer == 1; }));
}

TEST_P(CarrierTest, NothingComesAfterItIsGone) {
  bool called = false;
  carrier_->read_head([&](auto) { called = true; });
  carrier_.reset();
  pump_.run_for(30);
  EXPECT_FALSE(called);
}

INSTANTIATE_TEST_SUITE_P(Media, CarrierTest, testing::Bool(), [](const auto& parameter) {
  return parameter.param ? std::string("Redis") : std::string("Memory");
});

}  // namespace
}  // namespace flagmesh::redis
