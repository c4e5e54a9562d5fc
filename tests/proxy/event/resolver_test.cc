#include "proxy/event/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "tests/proxy/event/dns_server.h"

namespace flagmesh::event {
namespace {

class ResolverTest : public testing::Test {
 protected:
  std::unique_ptr<Resolver> make(uint32_t timeout_ms = 2'000) {
    return *Resolver::create(*loop,
                             {.servers = server.address(), .timeout_ms = timeout_ms, .tries = 2});
  }
  Result<ResolvedName> ask(Resolver& resolver, const std::string& name) {
    std::optional<Result<ResolvedName>> answer;
    resolver.resolve(name, [&](Result<ResolvedName> came) { answer = std::move(came); });
    EXPECT_FALSE(answer) << "never inside resolve()";
    for (const MonoMs deadline = mono_ms() + 10'000; !answer && mono_ms() < deadline;)
      loop->run_once(20);
    return answer ? *answer : fail("test", "no answer");
  }
  std::unique_ptr<Loop> loop = *Loop::create();
  DnsServer server{*loop};
};

TEST_F(ResolverTest, AddressesOfBothFamiliesAndTheLeastTtl) {
  server.records["web.test"] = {.addresses = {"192.0.2.2", "192.0.2.1", "2001:db8::1"}, .ttl = 30};
  const auto resolver = make();
  const Result<ResolvedName> found = ask(*resolver, "web.test");
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_THAT(found->addresses, testing::ElementsAre("192.0.2.1", "192.0.2.2", "2001:db8::1"));
  EXPECT_EQ(found->ttl_s, 30U);
  EXPECT_EQ(server.tcp_queries, 0);
}

TEST_F(ResolverTest, TheTtlOfACnameCounts) {
  server.records["www.test"] = {
      .addresses = {"192.0.2.1"}, .ttl = 300, .cname = "web.test", .cname_ttl = 7};
  const auto resolver = make();
  const Result<ResolvedName> found = ask(*resolver, "www.test");
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_THAT(found->addresses, testing::ElementsAre("192.0.2.1"));
  EXPECT_EQ(found->ttl_s, 7U);
}

TEST_F(ResolverTest, AnAnswerTooLargeForUdpComesOverTcp) {
  DnsRecord many{.ttl = 30, .too_large = true};
  for (int i = 1; i <= 200; ++i) many.addresses.push_back("192.0.2." + std::to_string(i));
  server.records["many.test"] = many;
  const auto resolver = make();
  const Result<ResolvedName> found = ask(*resolver, "many.test");
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(found->addresses.size(), 200U);
  EXPECT_GT(server.tcp_queries, 0);
}

TEST_F(ResolverTest, NoSuchName) {
  const auto resolver = make();
  const Result<ResolvedName> found = ask(*resolver, "nobody.test");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, "no_such_name");
  EXPECT_EQ(found.error().place, "nobody.test");
}

TEST_F(ResolverTest, ANameWithoutAddressesIsNone) {
  server.records["empty.test"] = {};
  const auto resolver = make();
  EXPECT_EQ(ask(*resolver, "empty.test").error().code, "no_such_name");
}

TEST_F(ResolverTest, RefusalGarbageAndSilenceAreErrors) {
  server.records["refused.test"] = {.rcode = 5};
  server.records["broken.test"] = {.rcode = 2};
  server.records["garbage.test"] = {.garbage = true};
  server.records["silent.test"] = {.silent = true};
  const auto resolver = make(50);
  EXPECT_FALSE(ask(*resolver, "refused.test"));
  EXPECT_FALSE(ask(*resolver, "broken.test"));
  EXPECT_FALSE(ask(*resolver, "garbage.test"));
  EXPECT_EQ(ask(*resolver, "silent.test").error().code, "dns_timeout");
}

TEST_F(ResolverTest, TheHostsFileIsAskedFirst) {
  std::ifstream hosts("/etc/hosts");
  const std::string text{std::istreambuf_iterator<char>(hosts), {}};
  if (text.find("localhost") == std::string::npos) GTEST_SKIP() << "a machine without a hosts file";
  const auto resolver = make();
  const Result<ResolvedName> found = ask(*resolver, "localhost");
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_THAT(found->addresses, testing::Contains("127.0.0.1"));
  EXPECT_EQ(server.udp_queries, 0);
}

TEST_F(ResolverTest, ALiteralIsItself) {
  const auto resolver = make();
  EXPECT_THAT(ask(*resolver, "192.0.2.9")->addresses, testing::ElementsAre("192.0.2.9"));
}

TEST_F(ResolverTest, ManyAtOnceAndMoreFromInsideAnAnswer) {
  for (int i = 0; i < 50; ++i)
    server.records["n" + std::to_string(i) + ".test"] = {.addresses = {"192.0.2.1"}};
  const auto resolver = make();
  int answers = 0;
  for (int i = 0; i < 25; ++i) {
    resolver->resolve("n" + std::to_string(i) + ".test", [&, i](Result<ResolvedName> first) {
      EXPECT_TRUE(first);
      ++answers;
      resolver->resolve("n" + std::to_string(25 + i) + ".test", [&](Result<ResolvedName> second) {
        EXPECT_TRUE(second);
        ++answers;
      });
    });
  }
  for (const MonoMs deadline = mono_ms() + 5'000; answers < 50 && mono_ms() < deadline;)
    loop->run_once(20);
  EXPECT_EQ(answers, 50);
}

TEST_F(ResolverTest, AnUnreachableServerIsAnError) {
  const auto resolver =
      *Resolver::create(*loop, {.servers = "127.0.0.1:1", .timeout_ms = 50, .tries = 1});
  EXPECT_FALSE(ask(*resolver, "web.test"));
}

TEST_F(ResolverTest, EndingItTellsNobody) {
  server.records["silent.test"] = {.silent = true};
  server.records["many.test"] = {.addresses = {"192.0.2.1"}, .too_large = true};
  auto resolver = make();
  for (const char* name : {"silent.test", "many.test", "localhost"}) {
    resolver->resolve(name, [](Result<ResolvedName>) { ADD_FAILURE() << "it has ended"; });
  }
  resolver.reset();
  for (int i = 0; i < 10; ++i) loop->run_once(1);
}

TEST_F(ResolverTest, WrongServersAreRefused) {
  EXPECT_FALSE(Resolver::create(*loop, {.servers = "not an address"}));
}

}  // namespace
}  // namespace flagmesh::event
