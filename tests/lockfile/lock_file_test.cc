#include "lockfile/lock_file.h"

#include <gtest/gtest.h>

#include "lockfile/approval.h"
#include "tests/lockfile/sample.h"

namespace flagmesh::lockfile {
namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

// The format, byte for byte: what was locked yesterday must be readable tomorrow.
TEST(LockFile, Text) {
  const Lock lock = sample_lock();
  const auto& ads = lock.files[0];
  const auto& shop = lock.files[1];
  EXPECT_EQ(lock.text(),
            "flagmesh lock 1\n"
            "tenant default\n"
            "canonicalisation flagmesh-flag-1\n"
            "openings none\n"
            "not-after 2026-12-01T00:00:00Z\n"
            "base-root " +
                merkle::sha256("base").hex() +
                "\n"
                "tenant-root " +
                lock.tenant_root.hex() +
                "\n"
                "metadata " +
                lock.metadata->hex() +
                "\n"
                "file " +
                merkle::sha256("ads").hex() +
                " flags/ads.yaml\n"
                "flag " +
                ads.flags[0].leaf.hex() +
                " banner\n"
                "file " +
                merkle::sha256("shop").hex() +
                " flags/shop.yaml\n"
                "flag " +
                shop.flags[0].leaf.hex() +
                " checkout\n"
                "flag " +
                shop.flags[1].leaf.hex() + " search\n");
  EXPECT_EQ(Lock::parse(lock.text()).value(), lock);
  EXPECT_EQ(lock.flag_count(), 3u);
}

TEST(LockFile, MalformedBodiesAreRefused) {
  const std::string good = sample_lock().text();
  const std::string hash = merkle::sha256("x").hex();
  for (const std::string& bad :
       {std::string(),
        good.substr(0, good.size() - 1),
        good + "\n",
        good + "more\n",
        replaced(good, "lock 1", "lock 2"),
        replaced(good, "tenant default", "tenant Default"),
        replaced(good, "flag-1", "flag-2"),
        replaced(good, "openings none", "openings 12"),
        replaced(good, "openings none", "openings 1234567G"),
        replaced(good, "2026-12", "2026-13"),
        replaced(good, "base-root ", "base-root  "),
        replaced(good, "base-root", "root"),
        replaced(good, " banner", " "),
        replaced(good, " banner", ""),
        replaced(good, " banner", " bann\x7Fr"),
        replaced(good, "flags/ads", "zlags/ads"),
        replaced(good, " checkout", " zheckout"),
        replaced(good, " search", " checkout"),
        replaced(good, " search", " banner"),
        good + "flag " + hash + " zulu\n",
        replaced(good, "tenant-root ", "tenant-root " + hash + "\ntenant-root ")}) {
    Result<Lock> lock = Lock::parse(bad);
    ASSERT_FALSE(lock) << bad;
    EXPECT_EQ(lock.error().code, "bad_lock");
  }
}

// Every single byte is under the root, the grammar or the signature; changing a flag's hash is
// noticed even without one.
TEST(LockFile, AChangedLeafDoesNotFitTheRoot) {
  std::string text = sample_lock().text();
  size_t at = text.find(" checkout") - 1;
  text[at] = text[at] == '0' ? '1' : '0';
  EXPECT_NE(Lock::parse(text).error().message.find("tenant root"), std::string::npos);
}

TEST(LockFile, WithAndWithoutApprovals) {
  LockFile file{sample_lock()};
  EXPECT_EQ(file.text(), file.lock.text());
  EXPECT_EQ(LockFile::parse(file.text()).value().lock, file.lock);
  for (const char* name : {"ann.example", "bob.example"})
    ASSERT_TRUE(approve(
        file, merkle::SigningKey::generate(name, merkle::SignatureType::kApproval).value()));
  LockFile read = LockFile::parse(file.text()).value();
  EXPECT_EQ(read.approvals, file.approvals);
  EXPECT_EQ(read.text(), file.text());
  EXPECT_TRUE(merkle::Note::parse(file.text()));
  EXPECT_FALSE(LockFile::parse(file.text() + "x"));
  EXPECT_FALSE(LockFile::parse(file.lock.text() + "\n"));
}

TEST(LockFile, AThousandFlagsInAnyOrder) {
  FlagSetInput set;
  set.tenant = "default";
  for (int i = 0; i < 1000; i++) {
    std::string key = "flag-" + std::to_string(i);
    set.flags.push_back({key, sample_json(key, i), ""});
  }
  std::string text = make_lock(set, std::nullopt, 0).value().text();
  std::reverse(set.flags.begin(), set.flags.end());
  EXPECT_EQ(make_lock(set, std::nullopt, 0).value().text(), text);
  EXPECT_EQ(Lock::parse(text).value().text(), text);
}

}  // namespace
}  // namespace flagmesh::lockfile
