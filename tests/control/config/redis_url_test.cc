#include "control/config/redis_url.h"

#include <gtest/gtest.h>

namespace flagmesh::config {
namespace {

TEST(RedisUrl, Forms) {
  const struct {
    const char* url;
    const char* text;
    const char* user;
    const char* password;
  } kCases[] = {
      {"redis://h", "redis://h:6379/0", "", ""},
      {"redis://h/", "redis://h:6379/0", "", ""},
      {"redis://h:7", "redis://h:7/0", "", ""},
      {"redis://h:7/12", "redis://h:7/12", "", ""},
      {"redis://[::1]", "redis://[::1]:6379/0", "", ""},
      {"redis://[::1]:7/1", "redis://[::1]:7/1", "", ""},
      {"redis://:secret@h", "redis://h:6379/0", "", "secret"},
      {"redis://u:secret@127.0.0.1:7", "redis://127.0.0.1:7/0", "u", "secret"},
      {"redis://u:a%40b%2Fc%25@h", "redis://h:6379/0", "u", "a@b/c%"},
      {"redis://u:a@b@h", "redis://h:6379/0", "u", "a@b"},
      {"redis://u:a:b@h", "redis://h:6379/0", "u", "a:b"},
      {"rediss://u:a@h:7/2", "rediss://h:7/2", "u", "a"},
      {"unix:/run/r.sock", "unix:/run/r.sock", "", ""},
      {"unix:///run/r.sock?db=3", "unix:/run/r.sock?db=3", "", ""},
      {"unix://u:a%2F@/run/r.sock", "unix:/run/r.sock", "u", "a/"},
  };
  for (const auto& c : kCases) {
    RedisConfig redis;
    ASSERT_TRUE(parse_redis_url(c.url, redis)) << c.url;
    EXPECT_EQ(redis.text(), c.text);
    EXPECT_EQ(redis.tls.has_value(), std::string_view(c.url).starts_with("rediss"));
    EXPECT_EQ(redis.user, c.user);
    EXPECT_EQ(redis.password.reveal(), c.password);
  }
}

TEST(RedisUrl, Mistakes) {
  for (const char* url :
       {"", "h:6379", "redis:h", "redis://", "redis:///0", "redis://h:0", "redis://h:x",
        "redis://h/x", "redis://h/-1", "redis://h/1/2", "redis://h/99999999999", "redis://u@h",
        "redis://u:%zz@h", "redis://u:%4@h", "redis://a b", "rediss://", "unix:",
        "unix:run", "unix:/run/r?db=x", "redis://unix:/run/r", "http://h"}) {
    RedisConfig redis;
    const Status parsed = parse_redis_url(url, redis);
    ASSERT_FALSE(parsed) << url;
    EXPECT_EQ(parsed.error().code, "bad_value");
  }
}

}  // namespace
}  // namespace flagmesh::config
