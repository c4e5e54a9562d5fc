#include "proxy/stream/grpc.h"

#include <gtest/gtest.h>

#include "tests/fakes/h2_client.h"
#include "tests/fakes/h2_origin.h"

namespace flagmesh::stream {
namespace {

using fakes::H2Client;
using fakes::H2Origin;
using fakes::Mesh;
namespace h2 = http::h2;

struct Headers {
  BlockPool pool;
  Arena arena{pool};
  http::HeaderList list;
  explicit Headers(std::string_view name, std::string_view value) {
    list.add(arena, http::header_id(name), name, value);
  }
};

TEST(Grpc, ContentTypes) {
  for (const char* type : {"application/grpc", "application/grpc+proto", "application/grpc;charset=x"}) {
    EXPECT_TRUE(is_grpc(Headers("content-type", type).list)) << type;
  }
  for (const char* type : {"application/grpc-web", "application/grpcx", "application/json", ""}) {
    EXPECT_FALSE(is_grpc(Headers("content-type", type).list)) << type;
  }
}

TEST(Grpc, Timeouts) {
  const std::vector<std::pair<const char*, std::optional<uint64_t>>> cases{
      {"1H", 3'600'000}, {"2M", 120'000}, {"3S", 3'000}, {"250m", 250}, {"1500u", 2}, {"1n", 1}, {"0m", 0},
      {"99999999H", 31'536'000'000}, {"100000000m", {}}, {"m", {}}, {"", {}}, {"5", {}}, {"-1m", {}}, {"1x", {}}, {"1.5S", {}}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(grpc_timeout_ms(Headers("grpc-timeout", text).list), expected) << text;
  EXPECT_EQ(grpc_timeout_ms(Headers("x", "y").list), std::nullopt);
}

TEST(Grpc, OurOwnErrorsAreTrailersOnlyAnswers) {
  Mesh mesh(Mesh::plain());
  mesh.origin("web").stop();
  H2Client client(mesh);
  auto& asked = client.ask("POST", "/a.B/C", {{"content-type", "application/grpc"}});
  ASSERT_TRUE(client.closed(asked));
  EXPECT_EQ(asked.own_response.status, 200);
  EXPECT_TRUE(asked.own_response.ended);
  EXPECT_EQ(client.field(asked, "content-type"), "application/grpc");
  EXPECT_EQ(client.field(asked, "grpc-status"), "14");
  EXPECT_EQ(client.field(asked, "grpc-message"), "connect_failure");
  EXPECT_EQ(client.field(asked, "x-flagmesh-reason"), "connect_failure");
}

TEST(Grpc, TheCallersDeadlineHolds) {
  Mesh mesh(Mesh::plain("timeout: 60s", "protocol: http2"));
  H2Client client(mesh);
  auto& asked = client.ask("POST", "/a.B/C", {{"content-type", "application/grpc"}, {"grpc-timeout", "50m"}});
  H2Origin origin(mesh, "web");
  auto& exchange = origin.request(0);
  EXPECT_EQ(exchange.own_request.headers.find("grpc-timeout")->value, "50m");
  ASSERT_TRUE(client.closed(asked));
  EXPECT_EQ(client.field(asked, "grpc-status"), "4");
  EXPECT_TRUE(origin.until([&] { return exchange.closed; }));
}

TEST(Grpc, TheCallersDeadlineHoldsInTheMiddleOfAnAnswer) {
  Mesh mesh(Mesh::plain("", "protocol: http2"));
  H2Client client(mesh);
  auto& asked = client.ask("POST", "/a.B/C", {{"content-type", "application/grpc"}, {"grpc-timeout", "200m"}});
  H2Origin origin(mesh, "web");
  auto& exchange = origin.request(0);
  origin.answer(exchange, 200, "first", {{"content-type", "application/grpc"}}, false);
  ASSERT_TRUE(client.until([&] { return client.body(asked) == "first"; }));
  ASSERT_TRUE(client.closed(asked));
  EXPECT_NE(client.end.log.find("grpc-status=4"), std::string::npos);
  EXPECT_TRUE(origin.until([&] { return exchange.closed; }));
}

}  // namespace
}  // namespace flagmesh::stream
