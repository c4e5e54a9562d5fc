// Who asked: what is believed of which peer. The tests' clients come from 127.0.0.1.
#include "proxy/stream/client_identity.h"

#include <gtest/gtest.h>

#include "tests/fakes/mesh.h"

namespace flagmesh::stream {
namespace {

using fakes::Mesh;
using fakes::Message;
using fakes::Peer;

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

ListenerSettings trusting(const std::vector<const char*>& ranges, uint8_t hops = 0) {
  ListenerSettings settings;
  for (const char* range : ranges) settings.trusted_proxies.push_back(*net::Cidr::parse(range));
  settings.trusted_hops = hops;
  return settings;
}

// The client that the access log names for a request with these fields.
class ClientIdentity : public testing::Test {
 protected:
  ClientIdentity() { mesh.log_to_file(); }

  std::string client_of(const std::string& fields, const ListenerSettings& settings) {
    mesh.listener = ListenerRef(settings);
    const size_t before = mesh.log().size();
    Peer& client = mesh.client();
    client.say("GET / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n");
    request = mesh.request_at("web");
    mesh.origin("web").last().say(kOk);
    reply = mesh.next(client);
    const std::string line = mesh.log().substr(before);
    const std::string key = "\"client\":\"";
    const size_t begin = line.find(key) + key.size();
    return line.substr(begin, line.find('"', begin) - begin);
  }

  Mesh mesh{Mesh::plain()};
  Message request;
  Message reply;
};

struct Walk {
  const char* list;
  std::string client;
};

TEST_F(ClientIdentity, ByDefaultNobodyIsBelieved) {
  EXPECT_EQ(
      client_of("X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n"
                "X-Forwarded-Host: lie\r\nX-Forwarded-Port: 1\r\nx-forwarded-prefix: /lie\r\n"
                "X-FORWARDED-USER: root\r\nForwarded: for=203.0.113.9\r\nX-Real-IP: 1.1.1.1\r\n",
                {}),
      "127.0.0.1");
  EXPECT_EQ(request.field("x-forwarded-for"), "127.0.0.1");
  EXPECT_EQ(request.field("x-forwarded-proto"), "http");
  EXPECT_EQ(request.field("x-forwarded-host"), "h");
  for (const char* gone :
       {"x-forwarded-port", "x-forwarded-prefix", "x-forwarded-user", "forwarded", "x-real-ip"}) {
    EXPECT_EQ(request.count(gone), 0U) << gone;
  }
}

TEST_F(ClientIdentity, RangesAreWalkedFromTheNearest) {
  const ListenerSettings settings = trusting({"127.0.0.0/8", "10.0.0.0/8", "2001:db8::/32"});
  const Walk kWalks[] = {
      {"", "127.0.0.1"},
      {"203.0.113.9", "203.0.113.9"},
      {"198.51.100.1, 203.0.113.9", "203.0.113.9"},
      {"203.0.113.9, 10.0.0.1", "203.0.113.9"},
      {"203.0.113.9,10.0.0.1 ,\t10.0.0.2", "203.0.113.9"},
      {"10.0.0.1, 10.0.0.2", "10.0.0.1"},
      {"203.0.113.9, 2001:db8::1", "203.0.113.9"},
      {"203.0.113.9, [2001:DB8::1]:80", "203.0.113.9"},
      {"2001:DB8:1::0:7, 10.0.0.1", "2001:db8:1::7"},
      {"2a00::0:7, 10.0.0.1", "2a00::7"},
      {"::ffff:203.0.113.9", "203.0.113.9"},
      {"203.0.113.9:4711", "203.0.113.9"},
      // What nobody of ours can have written ends the walk.
      {"203.0.113.9, unknown", "127.0.0.1"},
      {"203.0.113.9, x, 10.0.0.1", "10.0.0.1"},
      {"203.0.113.9,, 10.0.0.1", "10.0.0.1"},
      {"203.0.113.9,", "127.0.0.1"},
      {"203.0.113.9:99999", "127.0.0.1"},
      {"[203.0.113.9]", "127.0.0.1"},
      {"2001:db8::1%lo", "127.0.0.1"},
  };
  for (const auto& [list, client] : kWalks) {
    const std::string field = std::string("X-Forwarded-For: ") + list + "\r\n";
    EXPECT_EQ(client_of(*list == '\0' ? "" : field, settings), client) << list;
  }
  EXPECT_EQ(client_of("X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 10.0.0.1\r\n", settings),
            "203.0.113.9");
  EXPECT_EQ(request.field("x-forwarded-for"), "203.0.113.9, 10.0.0.1, 127.0.0.1");
  EXPECT_EQ(client_of("X-Forwarded-For: 203.0.113.9\r\n", trusting({"10.0.0.0/8"})), "127.0.0.1");
}

TEST_F(ClientIdentity, HopsAreCounted) {
  const Walk kOne[] = {{"203.0.113.9", "203.0.113.9"},
                       {"198.51.100.1, 203.0.113.9", "203.0.113.9"},
                       {"203.0.113.9, x", "127.0.0.1"},
                       {"x, 203.0.113.9", "203.0.113.9"}};
  for (const auto& [list, client] : kOne) {
    EXPECT_EQ(client_of(std::string("X-Forwarded-For: ") + list + "\r\n", trusting({}, 1)), client);
  }
  const Walk kTwo[] = {{"203.0.113.9", "127.0.0.1"},  // somebody went around the first proxy
                       {"203.0.113.9, 198.51.100.1", "203.0.113.9"},
                       {"192.0.2.1, 203.0.113.9, 198.51.100.1", "203.0.113.9"}};
  for (const auto& [list, client] : kTwo) {
    EXPECT_EQ(client_of(std::string("X-Forwarded-For: ") + list + "\r\n", trusting({}, 2)), client);
  }
  EXPECT_EQ(client_of("", trusting({}, 1)), "127.0.0.1");
}

TEST_F(ClientIdentity, HopsWithRangesAreForPeersInThemOnly) {
  const std::string two = "X-Forwarded-For: 203.0.113.9, 198.51.100.1\r\n";
  EXPECT_EQ(client_of(two, trusting({"127.0.0.1"}, 2)), "203.0.113.9");
  EXPECT_EQ(client_of(two, trusting({"10.0.0.0/8"}, 2)), "127.0.0.1");
}

TEST_F(ClientIdentity, ABelievedPeerSaysHowItWasAsked) {
  const ListenerSettings settings = trusting({"127.0.0.1"});
  client_of(
      "X-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.test:443\r\nX-Forwarded-Port: 443\r\n"
      "X-Real-IP: 203.0.113.9\r\nForwarded: anything\r\nX-Request-Id: r1\r\n",
      settings);
  EXPECT_EQ(request.field("x-forwarded-proto"), "https");
  EXPECT_EQ(request.field("x-forwarded-host"), "shop.test:443");
  EXPECT_EQ(request.field("x-forwarded-port"), "443");
  EXPECT_EQ(request.field("x-real-ip"), "203.0.113.9");
  EXPECT_EQ(request.field("forwarded"), "anything");
  EXPECT_EQ(request.field("x-request-id"), "r1");
  client_of("X-Forwarded-Proto: ftp\r\nX-Forwarded-Host: a b\r\n", settings);
  EXPECT_EQ(request.field("x-forwarded-proto"), "http");
  EXPECT_EQ(request.field("x-forwarded-host"), "h");
  client_of("X-Forwarded-Proto: https\r\nX-Forwarded-Proto: https\r\n", settings);
  EXPECT_EQ(request.field("x-forwarded-proto"), "http");
}

TEST_F(ClientIdentity, Rfc7239) {
  ListenerSettings settings = trusting({"127.0.0.1", "10.0.0.0/8"});
  settings.forwarded = ForwardedFields::kRfc7239;
  EXPECT_EQ(client_of("Forwarded: for=203.0.113.9;proto=https, for=10.0.0.1\r\n", settings),
            "203.0.113.9");
  EXPECT_EQ(request.field("forwarded"),
            "for=203.0.113.9;proto=https, for=10.0.0.1, for=127.0.0.1;host=h;proto=http");
  EXPECT_EQ(request.count("x-forwarded-for"), 0U);
  EXPECT_EQ(client_of("Forwarded: for=\"[2a00::7]:80\"\r\nForwarded: for=10.0.0.1\r\n", settings),
            "2a00::7");
  EXPECT_EQ(client_of("Forwarded: for=203.0.113.9, for=unknown\r\n", settings), "127.0.0.1");
  EXPECT_EQ(client_of("Forwarded: for=203.0.113.9, host=x\r\n", settings), "127.0.0.1");
  // One element that cannot be read makes all of them worthless.
  EXPECT_EQ(client_of("Forwarded: for=203.0.113.9, for==\r\n", settings), "127.0.0.1");
  EXPECT_EQ(request.field("forwarded"), "for=127.0.0.1;host=h;proto=http");
  EXPECT_EQ(client_of("Forwarded: for=203.0.113.9\r\nX-Forwarded-For: 1.2.3.4\r\n", settings),
            "203.0.113.9");
  EXPECT_EQ(client_of("X-Forwarded-For: 203.0.113.9\r\n", settings), "127.0.0.1");
  // More proxies than anybody has.
  std::string chain = "Forwarded: for=203.0.113.9";
  for (int i = 0; i < 100; ++i) chain += ",for=10.0.0." + std::to_string(i);
  EXPECT_EQ(client_of(chain + "\r\n", settings), "10.0.0.68");
  settings.trusted_hops = 2;
  EXPECT_EQ(client_of("Forwarded: for=1.1.1.1, for=203.0.113.9, for=8.8.8.8\r\n", settings),
            "203.0.113.9");
  ListenerSettings nobody;
  nobody.forwarded = ForwardedFields::kRfc7239;
  EXPECT_EQ(client_of("Forwarded: for=203.0.113.9\r\n", nobody), "127.0.0.1");
  EXPECT_EQ(request.field("forwarded"), "for=127.0.0.1;host=h;proto=http");
}

TEST_F(ClientIdentity, BothFamiliesOrNone) {
  ListenerSettings settings = trusting({"127.0.0.1"});
  settings.forwarded = ForwardedFields::kBoth;
  EXPECT_EQ(client_of("Forwarded: for=203.0.113.9\r\nX-Forwarded-For: 1.2.3.4\r\n", settings),
            "1.2.3.4");
  EXPECT_EQ(request.field("forwarded"), "for=203.0.113.9, for=127.0.0.1;host=h;proto=http");
  EXPECT_EQ(request.field("x-forwarded-for"), "1.2.3.4, 127.0.0.1");
  EXPECT_EQ(client_of("Forwarded: for=203.0.113.9\r\n", settings), "203.0.113.9");
  settings.forwarded = ForwardedFields::kOff;
  EXPECT_EQ(client_of("Forwarded: for=1.1.1.1\r\nX-Forwarded-For: 203.0.113.9\r\n", settings),
            "203.0.113.9");
  EXPECT_EQ(request.field("x-forwarded-for"), "203.0.113.9");
  EXPECT_EQ(request.field("forwarded"), "for=1.1.1.1");
  EXPECT_EQ(request.count("x-forwarded-proto") + request.count("x-forwarded-host"), 0U);
  ListenerSettings nobody;
  nobody.forwarded = ForwardedFields::kOff;
  client_of("Forwarded: for=1.1.1.1\r\nX-Forwarded-For: 203.0.113.9\r\n", nobody);
  EXPECT_EQ(request.count("x-forwarded-for") + request.count("forwarded"), 0U);
}

TEST_F(ClientIdentity, IdentityFieldsComeFromBelievedPeersOnly) {
  ListenerSettings settings;
  settings.identity_headers = {"x-user-id", "Authorization"};
  const std::string fields =
      "X-User-ID: jack\r\nx-user-id: queen\r\nAuthorization: x\r\nX-Other: 1\r\n";
  client_of(fields, settings);
  EXPECT_EQ(request.count("x-user-id") + request.count("authorization"), 0U);
  EXPECT_EQ(request.field("x-other"), "1");
  settings.trusted_hops = 1;
  client_of(fields, settings);
  EXPECT_EQ(request.field("x-user-id"), "jack, queen");
  EXPECT_EQ(request.field("authorization"), "x");
}

// A cookie that decides is for TLS only, when the proxy before us speaks it.
TEST(ClientIdentityCookie, IsSecureBehindATlsProxy) {
  Mesh mesh(
      "  routes: [{ path: /, flag: f, serve: { \"on\": web }, fallback: web, bucket_by: [mint] }]\n"
      "  containers: { web: { endpoints: [\"@web\"] } }\n",
      "flags: { f: { state: ENABLED, variants: { \"on\": true }, defaultVariant: \"on\" } }\n");
  const std::string request = "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-Proto: https\r\n\r\n";
  EXPECT_EQ(mesh.exchange(mesh.client(), request, "web", kOk).field("set-cookie").find("Secure"),
            std::string::npos);
  mesh.listener = ListenerRef(trusting({"127.0.0.1"}));
  EXPECT_NE(mesh.exchange(mesh.client(), request, "web", kOk).field("set-cookie").find("Secure"),
            std::string::npos);
}

}  // namespace
}  // namespace flagmesh::stream
