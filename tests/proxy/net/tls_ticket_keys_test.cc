#include "proxy/net/tls_ticket_keys.h"

#include <gtest/gtest.h>

namespace flagmesh::net {
namespace {

constexpr int64_t kHour = 3600;

bool opens(const TicketKeys& keys, const TicketKeys::Key& key, bool* renew = nullptr) {
  TicketKeys::Key found;
  bool old = false;
  const bool known = keys.find(key.name.data(), found, old);
  if (renew != nullptr) *renew = old;
  return known && found.aes == key.aes && found.hmac == key.hmac;
}

TEST(TicketKeys, KeySealsForAWhileAndOpensUntilItsTicketsAreOver) {
  TicketKeys keys(1000 * kHour);
  const TicketKeys::Key first = keys.current();
  keys.rotate(1001 * kHour);
  EXPECT_EQ(keys.current().name, first.name);
  keys.rotate(1002 * kHour);
  EXPECT_NE(keys.current().name, first.name);
  bool renew = false;
  EXPECT_TRUE(opens(keys, first, &renew));
  EXPECT_TRUE(renew);
  EXPECT_TRUE(opens(keys, keys.current(), &renew));
  EXPECT_FALSE(renew);
  keys.rotate(1005 * kHour);
  EXPECT_TRUE(opens(keys, first));
  keys.rotate(1006 * kHour);
  EXPECT_FALSE(opens(keys, first));
}

TEST(TicketKeys, ClockThatGoesBackMakesNoKeyLiveLonger) {
  TicketKeys keys(1000 * kHour);
  const TicketKeys::Key first = keys.current();
  keys.rotate(10 * kHour);
  EXPECT_NE(keys.current().name, first.name);
}

TEST(TicketKeys, SuccessorOpensWhatWasSealedBefore) {
  TicketKeys old(1000 * kHour);
  old.rotate(1002 * kHour);
  old.rotate(1004 * kHour);
  const std::string blob = old.export_blob();
  EXPECT_LE(blob.size(), TicketKeys::kBlobBytes);
  TicketKeys successor(1004 * kHour);
  ASSERT_TRUE(successor.import_blob(blob, 1004 * kHour));
  EXPECT_TRUE(opens(successor, old.current()));
  EXPECT_EQ(successor.current().name, old.current().name);
  EXPECT_EQ(successor.export_blob(), blob);
}

TEST(TicketKeys, DamagedBlobChangesNothing) {
  TicketKeys old(1000 * kHour);
  const std::string blob = old.export_blob();
  TicketKeys keys(1000 * kHour);
  const std::string before = keys.export_blob();
  for (size_t size = 0; size < blob.size(); ++size) EXPECT_FALSE(keys.import_blob(blob.substr(0, size), 1000 * kHour));
  EXPECT_FALSE(keys.import_blob(blob + "x", 1000 * kHour));
  std::string many = blob;
  many[4] = 9;
  EXPECT_FALSE(keys.import_blob(many, 1000 * kHour));
  many[4] = 0;
  EXPECT_FALSE(keys.import_blob(many.substr(0, 5), 1000 * kHour));
  EXPECT_EQ(keys.export_blob(), before);
}

}  // namespace
}  // namespace flagmesh::net
