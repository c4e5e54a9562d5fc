#include "proxy/endpoint_resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/proxy/event/dns_server.h"

namespace flagmesh {
namespace {

class EndpointResolverTest : public testing::Test {
 protected:
  void SetUp() override {
    resolver = *EndpointResolver::create(
        *loop, [this](const auto& container) { changed.push_back(container->spec().name); },
        {.servers = server.address(), .timeout_ms = 100, .tries = 1});
  }
  static std::shared_ptr<upstream::SharedContainer> container(
      std::vector<snapshot::EndpointSpec> endpoints) {
    return std::make_shared<upstream::SharedContainer>(
        snapshot::ContainerSpec{.name = "c", .endpoints = std::move(endpoints)}, 1);
  }
  static std::vector<std::string> addresses(const upstream::SharedContainer& of) {
    std::vector<std::string> result;
    const auto list = of.endpoints();
    for (const auto& one : *list) result.push_back(one->address.text());
    return result;
  }
  bool until(std::function<bool()> done) {
    for (const MonoMs deadline = mono_ms() + 8'000; mono_ms() < deadline;) {
      if (done()) return true;
      loop->run_once(20);
    }
    return false;
  }
  void use(EndpointResolver::Containers containers) {
    ready = false;
    resolver->set_containers(std::move(containers), [this] { ready = true; });
  }

  std::unique_ptr<event::Loop> loop = *event::Loop::create();
  event::DnsServer server{*loop};
  std::unique_ptr<EndpointResolver> resolver;
  std::vector<std::string> changed;
  bool ready = false;
};

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(EndpointResolverTest, LiteralsAreReadyAtOnce) {
  const auto literal = container(
      {{.host = "192.0.2.1", .port = 80}, {.host = "::1", .port = 81}, {.unix_path = "/x"}});
  use({literal});
  EXPECT_TRUE(ready);
  EXPECT_THAT(addresses(*literal), ElementsAre("192.0.2.1:80", "[::1]:81", "unix:/x"));
  EXPECT_EQ(server.udp_queries, 0);
}

TEST_F(EndpointResolverTest, ANameStandsForItsAddressesOfOneFamily) {
  server.records["web.test"] = {.addresses = {"192.0.2.2", "192.0.2.1", "2001:db8::1"}};
  server.records["six.test"] = {.addresses = {"2001:db8::2"}};
  const auto named =
      container({{.host = "web.test", .port = 80, .weight = 3}, {.host = "six.test", .port = 81}});
  use({named});
  EXPECT_FALSE(ready);
  EXPECT_THAT(addresses(*named), IsEmpty());
  ASSERT_TRUE(until([&] { return ready; }));
  EXPECT_THAT(addresses(*named), ElementsAre("192.0.2.1:80", "192.0.2.2:80", "[2001:db8::2]:81"));
  EXPECT_EQ((*named->endpoints())[0]->weight, 3U);
  EXPECT_EQ((*named->endpoints())[0]->name, "web.test:80");
  EXPECT_EQ(named->healthy_endpoints(), 3U);
}

TEST_F(EndpointResolverTest, WhenTheTtlIsOverChangesAreAppliedAndWhatStaysKeepsItsState) {
  server.records["web.test"] = {.addresses = {"192.0.2.1", "192.0.2.2"}, .ttl = 0};
  const auto named =
      container({{.host = "web.test", .port = 80}, {.host = "192.0.2.9", .port = 80}});
  use({named});
  ASSERT_TRUE(until([&] { return ready; }));
  const std::shared_ptr<const upstream::EndpointList> before = named->endpoints();
  (*before)[1]->ejected = true;
  changed.clear();
  server.records["web.test"] = {.addresses = {"192.0.2.2", "192.0.2.3"}, .ttl = 300};
  ASSERT_TRUE(until([&] { return !changed.empty(); }));
  const std::shared_ptr<const upstream::EndpointList> after = named->endpoints();
  EXPECT_THAT(addresses(*named), ElementsAre("192.0.2.2:80", "192.0.2.3:80", "192.0.2.9:80"));
  EXPECT_EQ((*after)[0], (*before)[1]);
  EXPECT_EQ((*after)[2], (*before)[2]);
  EXPECT_EQ(named->healthy_endpoints(), 2U);
}

TEST_F(EndpointResolverTest, TheSameAnswerChangesNothing) {
  server.records["web.test"] = {.addresses = {"192.0.2.1"}, .ttl = 0};
  const auto named = container({{.host = "web.test", .port = 80}});
  use({named});
  ASSERT_TRUE(until([&] { return ready; }));
  changed.clear();
  const int asked = server.udp_queries;
  ASSERT_TRUE(until([&] { return server.udp_queries >= asked + 2; }));
  loop->run_once(20);
  EXPECT_THAT(changed, IsEmpty());
}

TEST_F(EndpointResolverTest, AnUnknownNameHasNoEndpointsUntilItResolves) {
  const auto named =
      container({{.host = "late.test", .port = 80}, {.host = "192.0.2.9", .port = 80}});
  use({named});
  ASSERT_TRUE(until([&] { return ready; }));
  EXPECT_THAT(addresses(*named), ElementsAre("192.0.2.9:80"));
  server.records["late.test"] = {.addresses = {"192.0.2.1"}};
  ASSERT_TRUE(until([&] { return addresses(*named).size() == 2; }));
}

TEST_F(EndpointResolverTest, AFailureKeepsTheLastAddresses) {
  server.records["web.test"] = {.addresses = {"192.0.2.1"}, .ttl = 1};
  const auto named = container({{.host = "web.test", .port = 80}});
  use({named});
  ASSERT_TRUE(until([&] { return ready; }));
  server.records["web.test"] = {.rcode = 3};
  const int asked = server.udp_queries;
  ASSERT_TRUE(until([&] { return server.udp_queries >= asked + 4; }));
  EXPECT_THAT(addresses(*named), ElementsAre("192.0.2.1:80"));
}

TEST_F(EndpointResolverTest, ASilentServerDelaysNobodyForLong) {
  server.records["silent.test"] = {.silent = true};
  resolver = *EndpointResolver::create(*loop, [](const auto&) {},
                                       {.servers = server.address(), .timeout_ms = 60'000});
  const MonoMs began = mono_ms();
  use({container({{.host = "silent.test", .port = 80}})});
  ASSERT_TRUE(until([&] { return ready; }));
  EXPECT_GE(mono_ms() - began, EndpointResolver::kPatienceMs - 20);
}

TEST_F(EndpointResolverTest, AKnownNameIsReadyForTheNextConfigurationAtOnce) {
  server.records["web.test"] = {.addresses = {"192.0.2.1"}};
  use({container({{.host = "web.test", .port = 80}})});
  ASSERT_TRUE(until([&] { return ready; }));
  const auto next = container({{.host = "web.test", .port = 90}});
  use({next});
  EXPECT_TRUE(ready);
  EXPECT_THAT(addresses(*next), ElementsAre("192.0.2.1:90"));
}

TEST_F(EndpointResolverTest, ANewerConfigurationReplacesOneThatStillWaits) {
  server.records["silent.test"] = {.silent = true};
  bool first = false;
  resolver->set_containers({container({{.host = "silent.test", .port = 80}})},
                           [&] { first = true; });
  use({container({{.host = "192.0.2.1", .port = 80}})});
  EXPECT_TRUE(ready);
  for (int i = 0; i < 20; ++i) loop->run_once(20);
  EXPECT_FALSE(first);
}

}  // namespace
}  // namespace flagmesh
