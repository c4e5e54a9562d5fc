#include "proxy/http/websocket_key.h"

#include <gtest/gtest.h>

namespace flagmesh::http {
namespace {

TEST(WebSocketKey, AcceptIsThatOfTheStandard) {
  BlockPool pool;
  Arena arena(pool);
  EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ==", arena), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");  // RFC 6455 §1.3
  EXPECT_EQ(websocket_accept("x3JJHMbDL1EzLkh9GBhXDw==", arena), "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
}

TEST(WebSocketKey, IsSixteenBytesInBase64) {
  BlockPool pool;
  Arena arena(pool);
  EXPECT_EQ(websocket_key(0, 0, arena), "AAAAAAAAAAAAAAAAAAAAAA==");
  EXPECT_EQ(websocket_key(~0ULL, ~0ULL, arena), "/////////////////////w==");
}

}  // namespace
}  // namespace flagmesh::http
