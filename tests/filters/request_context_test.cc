#include "filters/request_context.h"

#include <gtest/gtest.h>

#include "tests/fakes/mesh.h"

namespace flagmesh::filters {
namespace {

using fakes::Mesh;
using fakes::Message;
using fakes::Peer;

// Every fact that targeting can ask for, through a flag that compares it with "yes" (variant "on").
TEST(RequestContext, HasTheFactsOfTheRequest) {
  struct Row {
    const char* condition;
    const char* request;
    bool on;
  };
  for (const Row& row : {
           Row{"[{ var: header.x-a }, \"yes\"]", "GET / HTTP/1.1\r\nHost: h\r\nX-A: yes\r\n\r\n",
               true},
           Row{"[{ var: header.x-a }, \"yes\"]",
               "GET / HTTP/1.1\r\nHost: h\r\nX-A: yes\r\nx-a: yes\r\n\r\n", false},
           Row{"[{ var: header.user-agent }, \"yes\"]",
               "GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: yes\r\n\r\n", true},
           Row{"[{ var: cookie.c }, \"yes\"]",
               "GET / HTTP/1.1\r\nHost: h\r\nCookie: b=no; c=yes\r\n\r\n", true},
           Row{"[{ var: cookie.c }, \"yes\"]",
               "GET / HTTP/1.1\r\nHost: h\r\nCookie: c=yes; c=no\r\n\r\n", false},
           Row{"[{ var: query.q }, \"y es\"]", "GET /?q=y+es HTTP/1.1\r\nHost: h\r\n\r\n", true},
           Row{"[{ var: path }, \"/p/x\"]", "GET /p/./x?q HTTP/1.1\r\nHost: h\r\n\r\n", true},
           Row{"[{ var: path.more }, \"/p\"]", "GET /p HTTP/1.1\r\nHost: h\r\n\r\n", false},
           Row{"[{ var: method }, \"PURGE\"]", "PURGE / HTTP/1.1\r\nHost: h\r\n\r\n", true},
           Row{"[{ var: host }, \"shop.example\"]",
               "GET / HTTP/1.1\r\nHost: shop.example:8080\r\n\r\n", true},
           Row{"[{ var: host }, \"[::1]\"]", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", true},
           Row{"[{ var: ip }, \"127.0.0.1\"]", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", true},
           Row{"[{ var: $flagd.flagKey }, \"f\"]", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", true},
           Row{"[{ var: claim.sub }, \"yes\"]", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", false},
       }) {
    Mesh mesh(
        "  routes: [{ path: /, flag: f, serve: { \"on\": web, \"off\": web }, fallback: web, "
        "bucket_by: [ip] }]\n"
        "  containers: { web: { endpoints: [\"@web\"] } }\n",
        std::string("flags: { f: { state: ENABLED, variants: { \"on\": 1, \"off\": 0 }, "
                    "defaultVariant: \"off\", "
                    "targeting: { if: [{ \"==\": ") +
            row.condition + " }, \"on\", \"off\"] } } }\n");
    Peer& client = mesh.client();
    const Message reply =
        mesh.exchange(client, row.request, "web", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(reply.field("x-flagmesh-variant"), row.on ? "on" : "off")
        << row.condition << row.request;
  }
}

TEST(RequestContext, HasTheTime) {
  Mesh mesh(
      "  routes: [{ path: /, flag: f, serve: { \"on\": web }, fallback: web, bucket_by: [ip] }]\n"
      "  containers: { web: { endpoints: [\"@web\"] } }\n",
      "flags: { f: { state: ENABLED, variants: { \"on\": 1, \"off\": 0 }, defaultVariant: \"off\", "
      "targeting: { if: "
      "[{ \">\": [{ var: $flagd.timestamp }, 1700000000] }, \"on\", \"off\"] } } }\n");
  Peer& client = mesh.client();
  const Message reply = mesh.exchange(client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "web",
                                      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(reply.field("x-flagmesh-variant"), "on");
}

}  // namespace
}  // namespace flagmesh::filters
