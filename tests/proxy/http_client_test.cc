#include "proxy/http_client.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <thread>

#include "proxy/engine_client.h"
#include "proxy/net/listener.h"

namespace flagmesh {
namespace {

// Answers one connection with fixed bytes and keeps what it was sent.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer) : answer_(std::move(answer)) {
    fd_ = *net::listen_on(*net::Address::parse("127.0.0.1:0"), {});
    thread_ = std::thread([this] { serve(); });
  }
  ~OneAnswer() {
    thread_.join();
    ::close(fd_);
  }
  std::string url() const { return "http://" + net::bound_address(fd_)->text(); }
  const std::string& request() { return request_; }

 private:
  void serve() {
    int client = -1;
    for (int i = 0; i < 5'000 && client < 0; ++i) {
      client = ::accept(fd_, nullptr, nullptr);
      if (client < 0) usleep(1'000);
    }
    char bytes[4096];
    const ssize_t got = ::recv(client, bytes, sizeof bytes, 0);
    if (got > 0) request_.assign(bytes, static_cast<size_t>(got));
    ::send(client, answer_.data(), answer_.size(), MSG_NOSIGNAL);
    ::close(client);
  }

  std::string answer_;
  std::string request_;
  int fd_;
  std::thread thread_;
};

TEST(HttpClient, SendsARequestAndReadsAnyFraming) {
  for (const char* answer : {"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nhello",
                             "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: "
                             "chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
                             "HTTP/1.1 202 Accepted\r\n\r\nhello"}) {
    OneAnswer server(answer);
    HttpCall call;
    call.method = http::Method::kPost;
    call.url = server.url() + "/a?b=c";
    call.body = "{}";
    const auto got = http_call(call);
    ASSERT_TRUE(got) << answer << got.error().text();
    EXPECT_EQ(got->status, 202);
    EXPECT_EQ(got->body, "hello");
  }
}

TEST(HttpClient, SaysWhatWentWrong) {
  HttpCall call;
  for (const char* url : {"", "ftp://x", "http://", "http:///x", "http://x:/", "http://h/a b"}) {
    call.url = url;
    EXPECT_EQ(http_call(call).error().code, "bad_url") << url;
  }
  call.url = "http://127.0.0.1:1/";
  EXPECT_EQ(http_call(call).error().code, "unreachable");
  for (const char* answer :
       {"garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"}) {
    OneAnswer server(answer);
    call.url = server.url();
    EXPECT_EQ(http_call(call).error().code, "bad_response") << answer;
  }
}

TEST(EngineClient, GivesTheEnginesErrorsAsItsOwn) {
  OneAnswer server(
      "HTTP/1.1 404 Not Found\r\nContent-Length: 80\r\n\r\n"
      R"({"error":{"code":"unknown_flag","message":"there is no flag","mend":"look"}}    )");
  const auto answer = call_engine(server.url() + "/", http::Method::kGet, "/api/v1/flags/x");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "unknown_flag");
  EXPECT_EQ(answer.error().mend, "look");
}

TEST(EngineClient, PathSegmentsAreEscaped) {
  EXPECT_EQ(path_segment("a-b.c_d~1"), "a-b.c_d~1");
  EXPECT_EQ(path_segment("a/b c%"), "a%2Fb%20c%25");
  EXPECT_EQ(path_segment(".."), "%2E%2E");
}

}  // namespace
}  // namespace flagmesh
