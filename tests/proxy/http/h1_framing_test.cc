#include "proxy/http/h1_framing.h"

#include <gtest/gtest.h>

#include <vector>

namespace flagmesh::http {
namespace {

class H1Framing : public testing::Test {
 protected:
  using Fields = std::vector<std::pair<HeaderId, std::string_view>>;
  const HeaderList& list(const Fields& fields) {
    list_.clear();
    for (const auto& [id, value] : fields) list_.add(arena_, id, value);
    return list_;
  }

  BlockPool pool_;
  Arena arena_{pool_};
  HeaderList list_;
  BodyFraming body_;
};

constexpr HeaderId kLength = HeaderId::kContentLength;
constexpr HeaderId kCoding = HeaderId::kTransferEncoding;

TEST_F(H1Framing, Requests) {
  EXPECT_EQ(request_framing(list({}), Version::kHttp11, body_), H1Error::kNone);
  EXPECT_EQ(body_.kind, Framing::kNone);
  EXPECT_EQ(request_framing(list({{kLength, "0"}}), Version::kHttp11, body_), H1Error::kNone);
  EXPECT_EQ(body_.kind, Framing::kLength);
  EXPECT_EQ(request_framing(list({{kLength, "12, 12"}, {kLength, "012"}}), Version::kHttp10, body_),
            H1Error::kNone);
  EXPECT_EQ(body_.length, 12u);
  EXPECT_EQ(request_framing(list({{kCoding, "Chunked"}}), Version::kHttp11, body_), H1Error::kNone);
  EXPECT_EQ(body_.kind, Framing::kChunked);
  EXPECT_EQ(request_framing(list({{kCoding, "chunked"}}), Version::kHttp10, body_),
            H1Error::kBadTransferEncoding);
  EXPECT_EQ(request_framing(list({{kCoding, "chunked"}, {kLength, "1"}}), Version::kHttp11, body_),
            H1Error::kLengthAndTransferEncoding);
}

TEST_F(H1Framing, Responses) {
  const auto frame = [&](uint16_t status, Method method, const Fields& fields) {
    return response_framing(list(fields), Version::kHttp11, status, method, body_);
  };
  EXPECT_EQ(frame(200, Method::kGet, {}), H1Error::kNone);
  EXPECT_EQ(body_.kind, Framing::kUntilClose);
  EXPECT_EQ(frame(200, Method::kGet, {{kLength, "3"}}), H1Error::kNone);
  EXPECT_EQ(body_.length, 3u);
  for (const uint16_t status : {100, 103, 199, 204, 304}) {
    EXPECT_TRUE(is_bodiless(status, Method::kGet));
    EXPECT_EQ(frame(status, Method::kGet, {{kLength, "3"}}), H1Error::kNone);
    EXPECT_EQ(body_.kind, Framing::kNone) << status;
  }
  EXPECT_EQ(frame(200, Method::kHead, {{kCoding, "chunked"}}), H1Error::kNone);
  EXPECT_EQ(body_.kind, Framing::kNone);
  EXPECT_EQ(frame(304, Method::kGet, {{kLength, "x"}}), H1Error::kBadContentLength);
}

TEST_F(H1Framing, ConnectionOptions) {
  const auto options = [&](const Fields& fields) { return connection_options(list(fields)); };
  EXPECT_TRUE(options({}).persistent(Version::kHttp11));
  EXPECT_FALSE(options({}).persistent(Version::kHttp10));
  EXPECT_TRUE(options({{HeaderId::kConnection, "Keep-Alive"}}).persistent(Version::kHttp10));
  EXPECT_FALSE(
      options({{HeaderId::kConnection, "keep-alive, Close"}}).persistent(Version::kHttp11));
  EXPECT_FALSE(options({{HeaderId::kConnection, "a"}, {HeaderId::kConnection, "close"}})
                   .persistent(Version::kHttp11));
  EXPECT_TRUE(options({{HeaderId::kConnection, "a, UPGRADE"}}).upgrade);
  EXPECT_EQ(options({{HeaderId::kConnection, "a, b"}, {HeaderId::kConnection, "c"}}).count, 3u);
}

TEST_F(H1Framing, Websocket) {
  EXPECT_TRUE(
      names_websocket(list({{HeaderId::kUpgrade, "h2c"}, {HeaderId::kUpgrade, "WebSocket"}})));
  EXPECT_FALSE(names_websocket(list({{HeaderId::kUpgrade, "websocket/13"}})));
  EXPECT_FALSE(names_websocket(list({})));
}

}  // namespace
}  // namespace flagmesh::http
