#include "control/redis/reply.h"

#include <gtest/gtest.h>

namespace flagmesh::redis {
namespace {

// Everything that a text holds, fed in pieces of one size; or the code of what went wrong.
struct Read {
  std::vector<Reply> replies;
  std::string code;
};

Read read(std::string_view bytes, size_t piece, ReplyLimits limits = {}) {
  ReplyReader reader(limits);
  Read result;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    if (Status fed = reader.feed(bytes.substr(at, piece)); !fed) {
      result.code = fed.error().code;
      return result;
    }
    for (;;) {
      Result<std::optional<Reply>> reply = reader.next();
      if (!reply) {
        result.code = reply.error().code;
        return result;
      }
      if (!*reply) break;
      result.replies.push_back(**std::move(reply));
    }
  }
  return result;
}

std::string show(const Reply& reply) {
  switch (reply.type) {
    case Reply::Type::kNil:
      return "nil";
    case Reply::Type::kStatus:
      return "+" + reply.text;
    case Reply::Type::kError:
      return "-" + reply.text;
    case Reply::Type::kInteger:
      return std::to_string(reply.integer);
    case Reply::Type::kString:
      return "'" + reply.text + "'";
    case Reply::Type::kArray:
      break;
  }
  std::string text = "[";
  for (const Reply& element : reply.elements) text += show(element) + " ";
  return text + "]";
}

TEST(ReplyReader, ReadsWhatRedisSaysInPiecesOfEverySize) {
  const std::string bytes =
      "+OK\r\n-ERR no\r\n:-42\r\n$5\r\nhe\r\no\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n"
      "*3\r\n$1\r\na\r\n*2\r\n:1\r\n*1\r\n$-1\r\n+b\r\n";
  const std::vector<std::string> expected{
      "+OK", "-ERR no", "-42", "'he\r\no'", "''", "nil", "nil", "[]", "['a' [1 [nil ] ] +b ]"};
  for (size_t piece = 1; piece <= bytes.size(); piece++) {
    const Read got = read(bytes, piece);
    ASSERT_EQ(got.code, "") << piece;
    ASSERT_EQ(got.replies.size(), expected.size()) << piece;
    for (size_t i = 0; i < expected.size(); i++) EXPECT_EQ(show(got.replies[i]), expected[i]);
  }
}

TEST(ReplyReader, RefusesWhatIsNoReplyOrTooMuch) {
  ReplyLimits small;
  small.array = 4;
  small.nodes = 10;
  small.bulk_bytes = 16;
  small.bytes = 60;
  small.line_bytes = 32;
  const std::string deep = "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n";
  const std::string wide = "*4\r\n*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n";
  const std::vector<std::string> hostile{
      "HTTP/1.1 200 OK\r\n",
      "\r\n",
      std::string("\0\0\0", 3),
      ":12a\r\n",
      "$x\r\n",
      "$-2\r\n",
      "*-2\r\n",
      "*5\r\n",
      "*2147483647\r\n",
      "*99999999999999999999\r\n",
      "$17\r\n12345678901234567\r\n",
      "*4\r\n$16\r\n1234567890123456\r\n$16\r\n1234567890123456\r\n$16\r\n1234567890123456\r\n"
      "$16\r\n1234567890123456\r\n*4\r\n",
      deep,
      wide,
      "+" + std::string(200, 'x'),
      "$999999999999\r\n" + std::string(200, 'x'),
  };
  for (const std::string& bytes : hostile) {
    for (const size_t piece : {size_t{1}, size_t{2}, size_t{3}, size_t{7}, bytes.size()}) {
      const Read got = read(bytes, piece, small);
      // A text that is over a limit by its sum alone may have whole replies before it.
      EXPECT_EQ(got.code, "bad_reply") << bytes.substr(0, 40) << " in pieces of " << piece;
    }
  }
}

TEST(ReplyReader, LimitsAreForEachReply) {
  ReplyLimits small;
  small.nodes = 3;
  small.bytes = 64;
  std::string bytes;
  for (int i = 0; i < 100; i++) bytes += "*2\r\n$4\r\nabcd\r\n$4\r\nefgh\r\n";
  const Read got = read(bytes, 50, small);
  EXPECT_EQ(got.code, "");
  EXPECT_EQ(got.replies.size(), 100U);
}

TEST(ReplyReader, HalfAReplyIsFreed) {
  ReplyReader reader({});
  ASSERT_TRUE(reader.feed("*3\r\n$3\r\nabc\r\n*2\r\n:1\r\n"));
  ASSERT_TRUE(reader.next());
}

TEST(Reply, Texts) {
  Reply reply;
  EXPECT_EQ(*Reply(reply).optional_text(), std::nullopt);
  reply.type = Reply::Type::kString;
  reply.text = "x";
  EXPECT_EQ(*Reply(reply).optional_text(), "x");
  reply.type = Reply::Type::kInteger;
  EXPECT_EQ(Reply(reply).optional_text().error().code, "unexpected_reply");
  EXPECT_TRUE(reply.ok());
  reply.type = Reply::Type::kError;
  EXPECT_EQ(Reply(reply).optional_text().error().code, "redis_error");
  EXPECT_EQ(reply.ok().error().code, "redis_error");
}

TEST(FormatCommand, BinarySafe) {
  const std::string zero("a\0b", 3);
  EXPECT_EQ(format_command({"SET", "k\r\n", zero}),
            "*3\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$3\r\n" + zero + "\r\n");
}

}  // namespace
}  // namespace flagmesh::redis
