#include "control/engine/engine.h"

#include "proxy/base/time.h"
#include "tests/control/engine/engine_fixture.h"

namespace flagmesh::engine {
namespace {

TEST_F(EngineTest, PublishesTheFilesAsItsFirstEpoch) {
  start_and_publish();
  EXPECT_EQ(engine_->epochs().epoch(), 1u);
  EXPECT_EQ(engine_->epochs().state().flags(), 1u);
  EXPECT_EQ(published_share(), 25);
  EXPECT_FALSE(engine_->not_ready());
}

TEST_F(EngineTest, AChangeIsAnsweredWhenItsEpochIsTheHead) {
  start_and_publish();
  const auto epoch = change("checkout", rollout(50));
  ASSERT_TRUE(epoch) << epoch.error().text();
  EXPECT_EQ(*epoch, 2u);
  EXPECT_EQ(engine_->epochs().epoch(), 2u);
  EXPECT_EQ(published_share(), 50);
}

TEST_F(EngineTest, NothingChangedIsNoEpoch) {
  start_and_publish();
  EXPECT_EQ(change("checkout", rollout(25)).value_or(0), 1u);
  EXPECT_EQ(engine_->epochs().log().size(), 1u);
}

TEST_F(EngineTest, ABurstIsFewEpochs) {
  start_and_publish();
  int answered = 0;
  for (int on = 30; on < 80; ++on) {
    engine_->change("checkout", rollout(on), "test", [&](Result<uint64_t> epoch) {
      EXPECT_TRUE(epoch);
      ++answered;
    });
  }
  ASSERT_TRUE(pump([&] { return answered == 50; }));
  EXPECT_EQ(published_share(), 79);
  EXPECT_LE(engine_->epochs().log().size(), 4u);
}

TEST_F(EngineTest, RefusalsChangeNothing) {
  start_and_publish();
  EXPECT_EQ(change("chekout", rollout(50)).error().code, "unknown_flag");
  FlagRequest kill;
  kill.kill = "blue";
  EXPECT_EQ(change("checkout", kill).error().code, "unknown_variant");
  EXPECT_EQ(engine_->epochs().log().size(), 1u);
}

TEST_F(EngineTest, AnEditedFileIsAnEpochAndABadOneIsNone) {
  start_and_publish();
  write("flags/shop.yaml", checkout(60));
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 2; }));
  EXPECT_EQ(published_share(), 60);
  write("flags/shop.yaml", "flags:\n  checkout: { variants: ");
  ASSERT_TRUE(pump([&] { return engine_->counters().file_refusals == 1; }));
  EXPECT_EQ(engine_->epochs().log().size(), 2u);
  EXPECT_EQ(share(), 60);
}

TEST_F(EngineTest, FilesThatVanishAllAtOnceChangeNothing) {
  start_and_publish();
  std::filesystem::remove(folder_ + "/flags/shop.yaml");
  ASSERT_TRUE(pump([&] { return engine_->counters().file_refusals == 1; }));
  EXPECT_EQ(engine_->epochs().state().flags(), 1u);
}

TEST_F(EngineTest, ARestartKeepsEverythingAndPublishesNothing) {
  start_and_publish();
  ASSERT_TRUE(change("checkout", rollout(70)));
  restart();
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 2; }));
  EXPECT_EQ(engine_->epochs().log().size(), 2u);
  EXPECT_EQ(share(), 70);
  EXPECT_EQ(*change("checkout", rollout(71)), 3u);
}

TEST_F(EngineTest, ARestartWithAnEmptyCarrierPublishesTheSameEpochAgain) {
  start_and_publish();
  ASSERT_TRUE(change("checkout", rollout(70)));
  engine_.reset();
  bus_ = snapshot::MemoryBus();
  start_and_publish();
  EXPECT_EQ(engine_->epochs().epoch(), 2u);
  EXPECT_EQ(engine_->epochs().log().size(), 2u);
  EXPECT_EQ(published_share(), 70);
}

TEST_F(EngineTest, AFileThatChangedWhileItWasDownIsTheNextEpoch) {
  start_and_publish();
  ASSERT_TRUE(change("checkout", rollout(70)));
  engine_.reset();
  write("flags/shop.yaml", checkout(10));
  start();
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 3; }));
  EXPECT_EQ(published_share(),
            10);  // the file's flag was defined anew: what lay over it is forgotten
  restart();
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 3; }));
  EXPECT_EQ(share(), 10);
}

TEST_F(EngineTest, TheSameFolderTwiceIsRefused) {
  start_and_publish();
  EXPECT_EQ(Engine::create(*loop_, carrier(), options()).error().code, "locked");
}

TEST_F(EngineTest, BadFlagFilesAreRefusedAtStart) {
  write("flags/shop.yaml", "flags:\n  checkout: { state: ENABLD, variants: { a: 1 } }\n");
  const auto engine = Engine::create(*loop_, carrier(), options());
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().code, "bad_flag_files");
  EXPECT_NE(engine.error().message.find("shop.yaml:2:"), std::string::npos)
      << engine.error().message;
}

TEST_F(EngineTest, WithoutValidatorsSignatureNothingIsEnforced) {
  with_validator_ = true;
  start();
  ASSERT_TRUE(pump([&] { return engine_->epochs().log().size() == 1; }));
  std::optional<Result<uint64_t>> answer;
  engine_->change("checkout", rollout(50), "test", [&](Result<uint64_t> epoch) { answer = epoch; });
  ASSERT_TRUE(pump([&] { return answer.has_value(); }));
  EXPECT_EQ(answer->error().code, "not_published_yet");
  EXPECT_EQ(engine_->epochs().epoch(), 0u);
  // What was promised to be kept is kept.
  restart();
  EXPECT_EQ(share(), 50);
}

TEST_F(EngineTest, UnsignedCommandsOnlyWhereTheyAreAllowed) {
  commands_.policy = CommandPolicy::kUnsigned;
  start_and_publish();
  bus_.send_command(R"({"flag":"checkout","rollout":{"on":100,"off":0}})");
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 2; }));
  EXPECT_EQ(published_share(), 100);
  EXPECT_NE(engine_->note().find("unsigned"), std::string::npos);
  ASSERT_TRUE(pump([&] { return bus_.replies().size() == 1; }));
  EXPECT_EQ(bus_.replies()[0], R"({"epoch":2,"flag":"checkout","result":"published"})");
}

TEST_F(EngineTest, CommandsAreRefusedCountedAndAnswered) {
  commands_.keys = {command_key().verifier()};
  start_and_publish();
  Command command{.tenant = "default", .flag = "checkout", .request = rollout(100), .author = {}};
  command.nonce = *new_nonce();
  command.expires = unix_seconds() + 60;
  const std::string note = *write_command(command, command_key());
  command.nonce = *new_nonce();
  command.expires = unix_seconds() - 1;
  const std::string late = *write_command(command, command_key());
  command.expires = unix_seconds() + 60;
  const std::string stranger = *write_command(command, validator_key());
  const std::string forged = [&] {
    std::string text = note;
    return text.replace(text.find("\"on\":100"), 8, "\"on\":101");
  }();

  bus_.send_command(R"({"flag":"checkout","rollout":{"on":100,"off":0}})");
  for (const std::string& text : {late, stranger, forged}) bus_.send_command(text);
  bus_.send_command(note);
  bus_.send_command(note);
  ASSERT_TRUE(pump([&] { return bus_.replies().size() == 6; }));
  EXPECT_EQ(published_share(), 100);
  auto& counted = engine_->counters().commands;
  for (const char* reason : {"unsigned", "expired", "unknown_key", "bad_signature", "replayed"}) {
    EXPECT_EQ((counted[{"refused", reason}]), 1u) << reason;
  }
  EXPECT_EQ((counted[{"accepted", ""}]), 1u);
  EXPECT_NE(engine_->metrics().find(
                "flagmesh_engine_commands_total{result=\"refused\",reason=\"unsigned\"} 1"),
            std::string::npos);

  restart();  // the nonce is remembered
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 2; }));
  bus_.send_command(note);
  ASSERT_TRUE(pump([&] { return bus_.replies().size() == 7; }));
  EXPECT_EQ((engine_->counters().commands[{"refused", "replayed"}]), 1u);
}

TEST_F(EngineTest, ACommandOnAnOldBaseIsRefused) {
  commands_.keys = {command_key().verifier()};
  start_and_publish();
  ASSERT_TRUE(change("checkout", rollout(30)));
  Command command{.tenant = "default", .flag = "checkout", .request = rollout(100), .author = {}};
  command.base_epoch = 1;
  command.nonce = *new_nonce();
  command.expires = unix_seconds() + 60;
  bus_.send_command(*write_command(command, command_key()));
  ASSERT_TRUE(pump([&] { return bus_.replies().size() == 1; }));
  EXPECT_EQ((engine_->counters().commands[{"refused", "stale_base"}]), 1u);
  command.base_epoch = 2;
  command.nonce = *new_nonce();
  bus_.send_command(*write_command(command, command_key()));
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 3; }));
}

TEST_F(EngineTest, StopsWhenTheEpochOnItsWayIsPublished) {
  start_and_publish();
  bool answered = false;
  bool stopped = false;
  engine_->change("checkout", rollout(50), "test",
                  [&](Result<uint64_t> epoch) { answered = epoch.has_value(); });
  engine_->stop(2'000, [&] { stopped = true; });
  ASSERT_TRUE(pump([&] { return stopped; }));
  EXPECT_TRUE(answered);
  EXPECT_EQ(change("checkout", rollout(60)).error().code, "stopping");
}

}  // namespace
}  // namespace flagmesh::engine
