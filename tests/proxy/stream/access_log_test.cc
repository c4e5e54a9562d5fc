#include "proxy/stream/access_log.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>

#include "control/flags/read_json.h"
#include "tests/fakes/mesh.h"

namespace flagmesh::stream {
namespace {

using fakes::Mesh;
using fakes::Peer;

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    EXPECT_NE(end, std::string::npos) << "torn: " << text.substr(at);
    if (end == std::string::npos) break;
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

TEST(AccessLog, TellsOneRequestInOneLine) {
  Mesh mesh(Mesh::plain());
  mesh.log_to_file();
  mesh.listener = ListenerRef(ListenerSettings{.trusted_hops = 1});
  Peer& client = mesh.client();
  mesh.exchange(client,
                "POST /a?b HTTP/1.1\r\nHost: h\r\nX-Request-Id: r1\r\nUser-Agent: "
                "me\r\nContent-Length: 3\r\n\r\nabc",
                "web", kOk);
  const std::vector<std::string> lines = lines_of(mesh.log());
  ASSERT_EQ(lines.size(), 1U);
  for (const std::string part :
       {R"("request_id":"r1")", R"("client":"127.0.0.1")", R"("method":"POST")", R"("host":"h")",
        R"("path":"/a?b")", R"("status":200)", R"("bytes_in":3)", R"("bytes_out":2)",
        R"("container":"web")", R"("attempts":1)", R"("user_agent":"me")"}) {
    EXPECT_NE(lines[0].find(part), std::string::npos) << part << " in " << lines[0];
  }
  EXPECT_NE(lines[0].find("\"endpoint\":\"" + mesh.origin("web").address().text()),
            std::string::npos);
}

// Requests that never got an answer say where they were.
TEST(AccessLog, TellsWhereARequestWasWhenItWasCut) {
  Mesh mesh(Mesh::plain("timeout: 50ms"));
  mesh.log_to_file();
  Peer& client = mesh.client();
  client.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(mesh.request_at("web").start, "GET / HTTP/1.1");
  EXPECT_EQ(mesh.next(client).status(), 504);
  client.say("GET /gone HTTP/1.1\r\nHost: h\r\n\r\n");
  mesh.request_at("web");
  client.reset();
  EXPECT_TRUE(mesh.until([&] { return mesh.sessions().size() == 0; }));
  const std::vector<std::string> lines = lines_of(mesh.log());
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_NE(lines[0].find(R"("reason":"upstream_timeout")"), std::string::npos);
  EXPECT_NE(lines[1].find(R"("status":499)"), std::string::npos) << lines[1];
  EXPECT_NE(lines[1].find(R"("reason":"client_closed")"), std::string::npos);
  for (const std::string& line : lines) {
    EXPECT_NE(line.find(R"("attempts":1)"), std::string::npos) << line;
    EXPECT_NE(line.find(R"("endpoint":"127.0.0.1:)"), std::string::npos) << line;
  }
}

TEST(AccessLog, IsJsonWhateverTheClientSends) {
  Mesh mesh(Mesh::plain());
  mesh.log_to_file();
  std::string all_bytes;
  for (int c = 1; c < 256; ++c) {
    if (c != '\r' && c != '\n' && (c >= 0x20 || c == '\t') && c != 0x7f)
      all_bytes += static_cast<char>(c);
  }
  size_t sent = 0;
  for (const std::string& request :
       {"GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: " + all_bytes + "\r\nX-Request-Id: a\"b\r\n\r\n",
        std::string("GET /\"\\<> HTTP/1.1\r\nHost: h\r\n\r\n"),
        std::string("GET /%22%5c?\"\\ HTTP/1.1\r\nHost: h\r\n\r\n"),
        std::string("\"\\ / HTTP/1.1\r\nHost: h\r\n\r\n"),
        std::string("GET /\xff\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\nHost: \"\r\n\r\n")}) {
    Peer& client = mesh.client();
    client.say(request);
    ++sent;
    mesh.until([&] {
      for (const auto& peer : mesh.origin("web").peers) {
        if (peer->take()) peer->say(kOk);
      }
      return !client.got.empty();
    });
    client.close();
  }
  EXPECT_TRUE(mesh.until([&] { return mesh.sessions().size() == 0; }));
  const std::vector<std::string> lines = lines_of(mesh.log());
  EXPECT_EQ(lines.size(), sent);
  for (const std::string& line : lines) {
    EXPECT_TRUE(flags::parse_json(line).has_value()) << line;
    for (const char c : line) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << line;
  }
}

// A disk that is full for a while: lines may be lost, none may be torn.
TEST(AccessLog, TearsNoLineWhenTheDiskIsFull) {
  signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  Mesh mesh(Mesh::plain());
  mesh.log_to_file();
  Peer& client = mesh.client();
  const auto ask = [&] { mesh.exchange(client, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n", "web", kOk); };
  for (int i = 0; i < 3; ++i) ask();
  const rlimit small{.rlim_cur = 300, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_EQ(mesh.log().size(), 300U);
  ask();
  EXPECT_EQ(mesh.log().size(), 300U);
  setrlimit(RLIMIT_FSIZE, &before);
  ask();
  const std::vector<std::string> lines = lines_of(mesh.log());
  EXPECT_EQ(lines.size(), 3U);  // the first, the second once there was room, and the last
  for (const std::string& line : lines) EXPECT_TRUE(flags::parse_json(line).has_value()) << line;
}

TEST(AccessLog, IsOpenedAgainWhenItWasMovedAway) {
  const std::string path = testing::TempDir() + "flagmesh-moved-" + std::to_string(getpid());
  Mesh mesh(Mesh::plain());
  ASSERT_TRUE(mesh.worker().access_log.open(mesh.loop(), path));
  Peer& client = mesh.client();
  mesh.exchange(client, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n", "web", kOk);
  std::filesystem::rename(path, path + ".1");
  mesh.worker().access_log.reopen();
  mesh.exchange(client, "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n", "web", kOk);
  // It is written without being asked, a moment later.
  EXPECT_TRUE(mesh.until([&] { return std::filesystem::file_size(path) > 0; }));
  EXPECT_GT(std::filesystem::file_size(path + ".1"), 0U);
  std::filesystem::remove(path);
  std::filesystem::remove(path + ".1");
  EXPECT_FALSE(mesh.worker().access_log.open(mesh.loop(), "/nowhere/at/all"));
}

TEST(AccessLog, SaysLessOfUsersWhenAsked) {
  const std::string routing =
      "  routes: [{ path: /, flag: f, serve: { a: web }, fallback: web, bucket_by: [\"query:user\"] }]\n"
      "  containers: { web: { endpoints: [\"@web\"] } }\n";
  Mesh mesh(routing, "flags: { f: { state: ENABLED, variants: { a: 1 }, defaultVariant: a } }");
  mesh.log_to_file();
  Peer& client = mesh.client();
  const std::string request = "GET /a?user=alice HTTP/1.1\r\nHost: h\r\n\r\n";
  mesh.exchange(client, request, "web", kOk);
  mesh.worker().access_log.set_redact(true);
  mesh.exchange(client, request, "web", kOk);
  mesh.exchange(client, request, "web", kOk);
  const std::vector<std::string> lines = lines_of(mesh.log());
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_NE(lines[0].find(R"("key":"alice")"), std::string::npos) << lines[0];
  EXPECT_EQ(lines[1].find("alice"), std::string::npos) << lines[1];
  EXPECT_NE(lines[1].find(R"("client":"127.0.0")"), std::string::npos) << lines[1];
  EXPECT_NE(lines[1].find(R"("path":"/a")"), std::string::npos) << lines[1];
  const auto key_of = [](const std::string& line) { return line.substr(line.find("\"key\":"), 24); };
  EXPECT_EQ(key_of(lines[1]), key_of(lines[2]));
}

}  // namespace
}  // namespace flagmesh::stream
