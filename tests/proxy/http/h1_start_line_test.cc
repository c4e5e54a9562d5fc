#include "proxy/http/h1_start_line.h"

#include <gtest/gtest.h>

namespace flagmesh::http {
namespace {

TEST(H1StartLine, Request) {
  RequestLine line;
  ASSERT_EQ(split_request_line("GET /a?b HTTP/1.0", 10, line), H1Error::kNone);
  EXPECT_EQ(line.method, "GET");
  EXPECT_EQ(line.target, "/a?b");
  EXPECT_EQ(line.version, Version::kHttp10);
  ASSERT_EQ(split_request_line("x / HTTP/1.9", 10, line), H1Error::kNone);
  EXPECT_EQ(line.version, Version::kHttp11);
  EXPECT_EQ(split_request_line("GET 0123456789 HTTP/1.1", 10, line), H1Error::kNone);
  EXPECT_EQ(split_request_line("GET 01234567890 HTTP/1.1", 10, line), H1Error::kTargetTooLong);
  EXPECT_EQ(split_request_line("GET / HTTP/2.0", 10, line), H1Error::kUnsupportedVersion);
  EXPECT_EQ(split_request_line("GET /", 10, line), H1Error::kUnsupportedVersion);
  EXPECT_EQ(split_request_line("GET / HTTP", 10, line), H1Error::kBadVersion);
  EXPECT_EQ(split_request_line("", 10, line), H1Error::kBadMethod);
  EXPECT_EQ(split_request_line("GET", 10, line), H1Error::kBadTarget);
  EXPECT_EQ(split_request_line("CONNECT a:1 HTTP/1.1", 10, line), H1Error::kConnectRefused);
}

TEST(H1StartLine, Status) {
  StatusLine line;
  ASSERT_EQ(split_status_line("HTTP/1.1 404 Not Found", line), H1Error::kNone);
  EXPECT_EQ(line.status, 404);
  EXPECT_EQ(line.reason, "Not Found");
  ASSERT_EQ(split_status_line("HTTP/1.0 200", line), H1Error::kNone);
  EXPECT_EQ(line.version, Version::kHttp10);
  for (const std::string_view bad : {"", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 20", "HTTP/1.1 2000",
                                     "HTTP/1.1 0ab x", "HTTP/1.1-200 OK"}) {
    EXPECT_EQ(split_status_line(bad, line), H1Error::kBadStatusLine) << bad;
  }
}

}  // namespace
}  // namespace flagmesh::http
