// The scripts by themselves, on a real Redis; what they are for is tried in redis_carrier_test.cc.
#include "control/redis/scripts.h"

#include "tests/control/redis/redis_server.h"

namespace flagmesh::redis {
namespace {

class ScriptsTest : public testing::Test {
 protected:
  ScriptsTest() : redis_(pump_, server_) {}

  std::string publish(std::string_view mode, std::string_view expected, std::string_view head,
                      std::string_view size, std::string_view delta) {
    const Reply reply = redis_(
        {"EVAL", publish_script().text(), "2", "h", "d", mode, expected, head, size, "c", "m", "10", delta});
    return reply.text;
  }
  std::string reserve(std::string_view size, std::string_view before, std::string_view root,
                      std::string_view replaces = "") {
    return redis_({"EVAL", reserve_script().text(), "1", "r", size, before, root, "note", replaces})
        .text;
  }
  int64_t deltas() { return redis_({"XLEN", "d"}).integer; }

  RedisServer server_;
  Pump pump_;
  Hand redis_;
};

TEST_F(ScriptsTest, NothingIsTouchedWhenTheHeadIsAnotherOne) {
  EXPECT_EQ(publish("root", "", "o\n1\nR1\n", "1", "one"), "OK");
  EXPECT_EQ(publish("root", "R2", "o\n2\nR2\n", "2", "two"), "MOVED");
  EXPECT_EQ(publish("root", "", "o\n2\nR2\n", "2", "two"), "MOVED");
  EXPECT_EQ(publish("text", "", "o\n2\nR2\n", "2", "two"), "MOVED");
  EXPECT_EQ(redis_({"GET", "h"}).text, "o\n1\nR1\n");
  EXPECT_EQ(deltas(), 1);
  EXPECT_EQ(publish("root", "R1", "o\n2\nR2\n\n- signed\n", "2", "two"), "OK");
  EXPECT_EQ(deltas(), 2);
  EXPECT_EQ(publish("text", "o\n2\nR2\n\n- signed\n", "o\n1\nR1\n", "1", ""), "OK");
  EXPECT_EQ(redis_({"EXISTS", "d"}).integer, 0);
}

TEST_F(ScriptsTest, AStreamThatIsNotOursBeginsAnew) {
  redis_({"XADD", "d", "99999-0", "d", "forged"});
  EXPECT_EQ(publish("root", "", "o\n1\nR1\n", "1", "one"), "OK");
  EXPECT_EQ(deltas(), 1);
  redis_({"SET", "d", "a string"});
  EXPECT_EQ(publish("root", "R1", "o\n2\nR2\n", "2", "two"), "OK");
  EXPECT_EQ(deltas(), 1);
  EXPECT_EQ(redis_({"XRANGE", "d", "-", "+"}).elements.at(0).elements.at(0).text, "2-0");
}

TEST_F(ScriptsTest, GarbageIsNoReservation) {
  redis_({"SET", "r", "what is this"});
  EXPECT_EQ(reserve("5", "R4", "R5"), "OK");
  EXPECT_EQ(redis_({"GET", "r"}).text, "5 R5\nnote");
  EXPECT_EQ(reserve("5", "R4", "other"), "RESERVED");
  redis_({"DEL", "r"});
  redis_({"LPUSH", "r", "x"});
  EXPECT_EQ(reserve("1", "", "R1"), "OK");
}

TEST_F(ScriptsTest, AForgedReservationIsReplacedByItsText) {
  redis_({"SET", "r", "999999 R\nforged"});
  EXPECT_EQ(reserve("5", "R4", "R5"), "RESERVED");
  EXPECT_EQ(reserve("5", "R4", "R5", "999999 R\nanother"), "RESERVED");
  EXPECT_EQ(reserve("5", "R4", "R5", "999999 R\nforged"), "OK");
  EXPECT_EQ(redis_({"GET", "r"}).text, "5 R5\nnote");
}

TEST_F(ScriptsTest, OnlyWhatWouldStayForEverExpires) {
  redis_({"SET", "stays", "x"});
  redis_({"SET", "goes", "x", "EX", "5"});
  EXPECT_EQ(redis_({"EVAL", expire_script().text(), "3", "stays", "goes", "none", "600"}).integer, 1);
  EXPECT_GT(redis_({"TTL", "stays"}).integer, 500);
  EXPECT_LE(redis_({"TTL", "goes"}).integer, 5);
}

TEST_F(ScriptsTest, RedisHasTheSameNamesForThem) {
  for (const Script* script :
       {&reserve_script(), &publish_script(), &renew_script(), &expire_script()}) {
    EXPECT_EQ(redis_({"SCRIPT", "LOAD", script->text()}).text, script->sha());
  }
}

}  // namespace
}  // namespace flagmesh::redis
