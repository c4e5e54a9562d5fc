#include "proxy/stream/max_forwards.h"

#include <gtest/gtest.h>

#include "tests/fakes/mesh.h"

namespace flagmesh::stream {
namespace {

using fakes::Mesh;
using fakes::Message;
using fakes::Peer;

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

std::string ask(const std::string& method, const std::string& fields) {
  return method + " /a HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
}

TEST(MaxForwards, IsCountedDown) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  const std::pair<const char*, const char*> kCounts[] = {
      {"1", "0"}, {"10", "9"}, {"007", "6"}, {"99999999999999999999999", "4294967294"}};
  for (const std::string method : {"OPTIONS", "TRACE"}) {
    for (const auto& [given, left] : kCounts) {
      client.say(ask(method, std::string("Max-Forwards: ") + given + "\r\n"));
      const Message request = mesh.request_at("web");
      EXPECT_EQ(request.start, method + " /a HTTP/1.1");
      EXPECT_EQ(request.field("max-forwards"), left);
      mesh.origin("web").last().say(kOk);
      EXPECT_EQ(mesh.next(client).status(), 200);
    }
  }
}

TEST(MaxForwards, MeansNothingElsewhere) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  for (const char* value : {"0", "5", "x"}) {
    client.say(ask("GET", std::string("Max-Forwards: ") + value + "\r\n"));
    EXPECT_EQ(mesh.request_at("web").field("max-forwards"), value);
    mesh.origin("web").last().say(kOk);
    EXPECT_EQ(mesh.next(client).status(), 200);
  }
}

TEST(MaxForwards, ZeroIsAnsweredHere) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  client.say(ask("OPTIONS", "Max-Forwards: 0\r\n"));
  const Message options = mesh.next(client);
  EXPECT_EQ(options.status(), 200);
  EXPECT_EQ(options.field("content-length"), "0");
  EXPECT_NE(options.field("allow").find("PATCH"), std::string::npos);
  client.say(
      ask("TRACE", "Max-Forwards: 0\r\nX-A: 1\r\nCookie: secret\r\nAuthorization: secret\r\n"));
  const Message trace = mesh.next(client);
  EXPECT_EQ(trace.status(), 200);
  EXPECT_EQ(trace.field("content-type"), "message/http");
  EXPECT_EQ(trace.body, "TRACE /a HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\nX-A: 1\r\n\r\n");
  EXPECT_TRUE(mesh.origin("web").peers.empty());
}

TEST(MaxForwards, OfTheWholeServerToo) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  client.say("OPTIONS * HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\n\r\n");
  EXPECT_EQ(mesh.next(client).status(), 200);
}

TEST(MaxForwards, MalformedIsRefused) {
  for (const char* fields : {"Max-Forwards: x\r\n", "Max-Forwards: -1\r\n", "Max-Forwards:\r\n",
                             "Max-Forwards: 1, 1\r\n", "Max-Forwards: 1\r\nMax-Forwards: 1\r\n"}) {
    Mesh mesh(Mesh::plain());
    Peer& client = mesh.client();
    client.say(ask("OPTIONS", fields));
    const Message reply = mesh.next(client);
    EXPECT_EQ(reply.status(), 400) << fields;
    EXPECT_EQ(reply.field("x-flagmesh-reason"), "bad_max_forwards");
    EXPECT_EQ(reply.field("connection"), "close");
    EXPECT_TRUE(mesh.origin("web").peers.empty());
  }
}

}  // namespace
}  // namespace flagmesh::stream
