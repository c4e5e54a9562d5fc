#include "proxy/http/hop_by_hop.h"

#include <gtest/gtest.h>

#include "tests/proxy/http/h1_trace.h"

namespace flagmesh::http {
namespace {

std::string left_of(const std::vector<std::pair<std::string_view, std::string_view>>& fields) {
  BlockPool pool;
  Arena arena(pool);
  HeaderList list;
  for (const auto& [name, value] : fields) list.add(arena, header_id(name), name, value);
  remove_hop_by_hop(list);
  return fields_text(list, "|");
}

TEST(HopByHop, ListedFieldsGo) {
  EXPECT_EQ(left_of({{"Host", "h"},
                     {"Keep-Alive", "5"},
                     {"Proxy-Connection", "x"},
                     {"TE", "trailers"},
                     {"Trailer", "Digest"},
                     {"Transfer-Encoding", "chunked"},
                     {"Upgrade", "h2c"},
                     {"HTTP2-Settings", "AA"},
                     {"Proxy-Authenticate", "Basic"},
                     {"Proxy-Authorization", "Basic x"},
                     {"Connection", "close"},
                     {"Connection", "keep-alive"}}),
            "Host: h|Trailer: Digest");
}

TEST(HopByHop, WhatTellsWhoAskedGoes) {
  BlockPool pool;
  Arena arena(pool);
  HeaderList list;
  for (const std::string_view name :
       {"X-Forwarded-For", "x-forwarded-proto", "X-Forwarded-Host", "X-Forwarded-Port", "Forwarded",
        "X-Real-IP", "X-FORWARDED-Prefix", "x-forwarded-", "x-forwarded", "Y-Forwarded-For", "Via",
        "X-Request-Id"}) {
    list.add(arena, header_id(name), name, "v");
  }
  remove_forwarding(list);
  EXPECT_EQ(fields_text(list, "|"),
            "x-forwarded: v|Y-Forwarded-For: v|Via: v|X-Request-Id: v");
}

TEST(HopByHop, NominatedFieldsGo) {
  EXPECT_EQ(left_of({{"X-A", "1"},
                     {"Connection", "close, x-a,, X-B"},
                     {"x-b", "2"},
                     {"X-a", "3"},
                     {"X-C", "4"}}),
            "X-C: 4");
  EXPECT_EQ(left_of({{"Connection", "a"}, {"A", "1"}, {"Connection", "b"}, {"B", "2"}}), "");
}

TEST(HopByHop, TrailersAreNominatedByTheHead) {
  BlockPool pool;
  Arena arena(pool);
  HeaderList list;
  for (const std::string_view name : {"X-A", "Digest", "x-b", "Close", "ETag"}) {
    list.add(arena, header_id(name), name, "x");
  }
  remove_nominated("close, X-B,, x-a, etag", list);
  EXPECT_EQ(fields_text(list, "|"), "Digest: x|Close: x|ETag: x");
}

TEST(HopByHop, FieldsForEveryoneCannotBeNominated) {
  EXPECT_EQ(left_of({{"Connection",
                      "Host, Content-Length, Cookie, Authorization, X-Forwarded-For, Close"},
                     {"Host", "h"},
                     {"Content-Length", "5"},
                     {"Cookie", "a=b"},
                     {"Authorization", "x"},
                     {"X-Forwarded-For", "1"}}),
            "Host: h|Content-Length: 5|Cookie: a=b|Authorization: x|X-Forwarded-For: 1");
}

TEST(HopByHop, Trailers) {
  BlockPool pool;
  Arena arena(pool);
  HeaderList list;
  for (const std::string_view name :
       {"Digest", "Cookie", "Authorization", "Connection", "ETag", "X-Forwarded-For",
        "X-Flagmesh-Flag", "x-flagmesh-new", "Content-Type", "grpc-status"}) {
    list.add(arena, header_id(name), name, "x");
  }
  remove_forbidden_trailers(list);
  EXPECT_EQ(fields_text(list, "|"), "Digest: x|ETag: x|grpc-status: x");
}

TEST(HopByHop, FlagmeshFieldsGo) {
  EXPECT_EQ(left_of({{"X-Flagmesh-Variant", "on"}, {"x-flagmesh-anything", "1"}, {"X-Flag", "2"}}),
            "X-Flag: 2");
}

}  // namespace
}  // namespace flagmesh::http
