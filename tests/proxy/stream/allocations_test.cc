// DESIGN.md: a keep-alive request allocates nothing. This counts what a whole exchange asks of the
// heap, after warm-up.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdlib>
#include <new>

#include "tests/fakes/mesh.h"

namespace {

bool counting = false;  // one thread
size_t allocations = 0;

}  // namespace

void* operator new(size_t bytes) {
  if (counting) ++allocations;
  void* memory = malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) abort();
  return memory;
}
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  return operator new(bytes);
}
void operator delete(void* memory) noexcept {
  free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  free(memory);
}

namespace flagmesh::stream {
namespace {

using fakes::Mesh;
using fakes::Peer;

constexpr std::string_view kRequest =
    "GET /a?b=c HTTP/1.1\r\nHost: shop\r\nUser-Agent: x\r\nCookie: uid=user-1\r\n\r\n";
constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nContent-Length: 16\r\nServer: o\r\n\r\n0123456789abcdef";

// Turns only the loop while it counts: the peers of the test allocate.
void exchange(Mesh& mesh, int client, int origin) {
  char bytes[4096];
  const auto hear = [&](int fd) {
    ssize_t n = 0;
    for (int i = 0; i < 5000 && (n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) < 0; ++i)
      mesh.loop().run_once(1);
    return n;
  };
  ASSERT_GT(send(client, kRequest.data(), kRequest.size(), 0), 0);
  ASSERT_GT(hear(origin), 100);
  ASSERT_GT(send(origin, kAnswer.data(), kAnswer.size(), 0), 0);
  ASSERT_GT(hear(client), 100);
}

TEST(Allocations, NoneForAKeepAliveRequestWithFourFilters) {
  for (const bool logging : {false, true}) {
    Mesh mesh(
        "  routes: [{ path: /, flag: f, serve: { \"on\": web, \"off\": web }, fallback: web, "
        "bucket_by: [\"cookie:uid\"] }]\n"
        "  containers: { web: { endpoints: [\"@web\"] } }\n",
        "flags: { f: { enabled: true, variants: { \"on\": 1, \"off\": 0 }, defaultVariant: "
        "\"off\", rollout: { \"on\": 50, "
        "\"off\": 50 } } }\n");
    if (logging) mesh.log_to_file();
    Peer& client = mesh.client();
    client.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    Peer& origin = mesh.accepted("web");
    mesh.next(origin);
    origin.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    mesh.next(client);
    for (int i = 0; i < 20; ++i) exchange(mesh, client.fd(), origin.fd());
    allocations = 0;
    counting = true;
    for (int i = 0; i < 50; ++i) exchange(mesh, client.fd(), origin.fd());
    counting = false;
    // The loop's text for Date is renewed once a second; 50 exchanges take less.
    EXPECT_LE(allocations, 3U) << (logging ? "with the log" : "without a log");
  }
}

}  // namespace
}  // namespace flagmesh::stream
