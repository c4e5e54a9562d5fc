#include "control/config/parse_listeners.h"

#include <gtest/gtest.h>

#include "tests/control/config/mistakes.h"

namespace flagmesh::config {
namespace {

class ListenerMistakes : public testing::TestWithParam<Mistake> {};
TEST_P(ListenerMistakes, OneErrorAtItsPlace) {
  expect_only(GetParam(), Severity::kError);
}

std::string listeners(const std::string& text) {
  return "proxy:\n  " + text +
         "\n  routes: [{ container: web }]\n  containers: { web: { endpoints: [\"h:1\"] } }\n"
         "trust: { policy: unsigned }\n";
}

std::string listener(const std::string& text) {
  return listeners("listeners: [{ address: \"1.2.3.4:80\", " + text + " }]");
}
std::string unix_listener(const std::string& text) {
  return listeners("listeners: [{ address: \"unix:/run/f.sock\", " + text + " }]");
}

INSTANTIATE_TEST_SUITE_P(
    , ListenerMistakes,
    testing::Values(
        Mistake{listeners("@@listeners: []"), "the proxy listens nowhere", "9071"},
        Mistake{listeners("@@workers: 1"), "the proxy listens nowhere", "listeners"},
        Mistake{listeners("listeners: [@@{ }]"), "a listener has no 'address'", "address"},
        Mistake{listeners("listeners: @@here"), "'listeners' in proxy must be a list, not text",
                ""},
        Mistake{listeners("listeners: [{ address: @@\"localhost:80\" }]"),
                "'address' in a listener: 'localhost' is a name, not an address to listen on",
                "127.0.0.1"},
        Mistake{listeners("listeners: [{ address: @@9071 }]"),
                "'address' in a listener must be text, not a number", ""},
        Mistake{listeners("listeners: [{ address: @@\"1.2.3.4\" }]"),
                "'address' in a listener: '1.2.3.4' has no port", ""},
        Mistake{
            listeners("listeners: [{ address: \"1.2.3.4:80\" }, { address: @@\"1.2.3.4:80\" }]"),
            "two listeners have the address '1.2.3.4:80'", ""},
        Mistake{listener("tls: @@{}"), "'tls' of a listener has no certificates", "certificates"},
        Mistake{listener("tls: { certificates: [@@{ cert: a.pem }] }"),
                "a certificate of 'tls' of a listener needs 'cert' and 'key'", "key"},
        Mistake{listener("tls: { certificates: [{ cert: a.pem, key: a.key }], @@client_auth: optional }"),
                "'client_auth' in 'tls' of a listener needs 'client_ca'", ""},
        Mistake{listener("tls: { certificates: [{ cert: a.pem, key: a.key }], min_version: @@TLSv1.1 }"),
                "'min_version' in 'tls' of a listener cannot be 'TLSv1.1'", "TLSv1.2"},
        Mistake{listener("@@proxy_protocol: true"),
                "'proxy_protocol' in a listener is taken from trusted proxies, and this listener "
                "has none",
                "10.0.0.0/8"},
        Mistake{listener("@@proxy_protocol: true, trusted_proxies: [unix]"),
                "'proxy_protocol' in a listener is taken from trusted proxies, and this listener "
                "has none",
                ""},
        Mistake{unix_listener("@@proxy_protocol: true, trusted_proxies: [10.0.0.0/8]"),
                "'proxy_protocol' in a listener is taken from trusted proxies, and this listener "
                "has none",
                "[unix]"},
        Mistake{listener("proxy_protocol: @@v2"),
                "'proxy_protocol' in a listener must be true or false, not text", ""},
        Mistake{listener("trusted_proxies: [10.0.0.0/8, @@10.0.0.1/8]"),
                "'10.0.0.1/8' has bits set behind its prefix", "write 10.0.0.0/8"},
        Mistake{listener("trusted_proxies: [@@balancer]"), "'balancer' is no range of IP addresses",
                "10.0.0.0/8"},
        Mistake{listener("trusted_proxies: @@10.0.0.0/8"),
                "'trusted_proxies' in a listener must be a list, not text", ""},
        Mistake{listener("trusted_hops: @@33"),
                "'trusted_hops' in a listener must be a whole number from 0 to 32", ""},
        Mistake{listener("identity_headers: [@@\"x user\"]"), "'x user' is no header name",
                "x-user-id"},
        Mistake{listener("backlog: @@0"),
                "'backlog' in a listener must be a whole number from 1 to 1000000", ""},
        Mistake{listener("@@mode: \"0660\""), "'mode' in a listener is for Unix sockets only",
                "remove"},
        Mistake{unix_listener("mode: @@0660"), "'mode' in a listener must be text, not a number",
                "quotes"},
        Mistake{unix_listener("mode: @@\"0888\""), "'mode' in a listener must be octal permissions",
                "\"0660\""},
        Mistake{unix_listener("mode: @@\"1777\""), "'mode' in a listener must be octal permissions",
                ""},
        Mistake{unix_listener("@@reuse_port: false"), "'reuse_port' in a listener is for TCP only",
                ""},
        Mistake{unix_listener("@@tcp_keepalive: false"),
                "'tcp_keepalive' in a listener is for TCP only", ""},
        Mistake{listener("@@ipv6_only: false"), "'ipv6_only' in a listener is for IPv6 only", ""},
        Mistake{listener("tcp_keepalive: { idle: @@10ms }"),
                "'idle' in 'tcp_keepalive' in a listener must be from 1000ms to 32767000ms", ""},
        Mistake{listener("tcp_keepalive: { count: @@0 }"),
                "'count' in 'tcp_keepalive' in a listener must be a whole number from 1 to 127",
                ""}));

INSTANTIATE_TEST_SUITE_P(
    OfTheProxy, ListenerMistakes,
    testing::Values(Mistake{proxy("forwarded: @@rfc"), "'forwarded' in proxy cannot be 'rfc'",
                            "rfc7239"},
                    Mistake{proxy("via: @@\"a b\""), "'via' in proxy cannot be 'a b'", "HOST:PORT"},
                    Mistake{proxy("via: @@\"\""), "'via' in proxy is empty", ""}));

TEST(ParseListeners, EveryKey) {
  const auto parsed = parse(listeners(R"(forwarded: both
  via: "edge.example:80"
  listeners:
    - address: "[::]:9071"
      proxy_protocol: true
      trusted_proxies: [10.0.0.0/8, "2001:db8::/32", 192.0.2.7, unix]
      trusted_hops: 2
      identity_headers: [x-user-id, Authorization]
      backlog: 128
      reuse_port: false
      ipv6_only: false
      tcp_keepalive: { idle: 1m, interval: 1500ms, count: 3 }
    - { address: "unix:/run/f.sock", mode: "0660", proxy_protocol: true, trusted_proxies: [unix] }
    - { address: "127.0.0.1:1", tcp_keepalive: false })"));
  ASSERT_TRUE(parsed.diagnostics.empty()) << texts(parsed.diagnostics);
  const ListenerConfig& first = parsed.config.proxy->listeners[0];
  EXPECT_EQ(first.address, "[::]:9071");
  EXPECT_TRUE(first.settings.proxy_protocol);
  ASSERT_EQ(first.settings.trusted_proxies.size(), 3U);
  EXPECT_EQ(first.settings.trusted_proxies[1].text(), "2001:db8::/32");
  EXPECT_TRUE(first.settings.trust_unix);
  EXPECT_EQ(first.settings.trusted_hops, 2);
  EXPECT_EQ(first.settings.identity_headers,
            (std::vector<std::string>{"x-user-id", "Authorization"}));
  EXPECT_EQ(first.settings.forwarded, stream::ForwardedFields::kBoth);
  EXPECT_EQ(first.settings.via[1], "1.1 edge.example:80");
  EXPECT_EQ(
      first.socket,
      (net::ListenOptions{
          .reuse_port = false, .ipv6_only = false, .backlog = 128, .keepalive = {true, 60, 2, 3}}));
  EXPECT_EQ(parsed.config.proxy->listeners[1].socket.mode, 0660);
  EXPECT_FALSE(parsed.config.proxy->listeners[2].socket.keepalive.on);
}

TEST(ParseListeners, Defaults) {
  const auto parsed = parse(listeners("listeners: [{ address: \"127.0.0.1:1\" }]"));
  ASSERT_TRUE(parsed.diagnostics.empty()) << texts(parsed.diagnostics);
  EXPECT_EQ(parsed.config.proxy->listeners[0].settings, stream::ListenerSettings());
  EXPECT_EQ(parsed.config.proxy->listeners[0].socket, net::ListenOptions());
  const auto off = parse(listeners("via: off\n  listeners: [{ address: \"127.0.0.1:1\" }]"));
  EXPECT_EQ(off.config.proxy->listeners[0].settings.via[1], "");
}

}  // namespace
}  // namespace flagmesh::config
