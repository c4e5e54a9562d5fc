#include "proxy/certificate_watch.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace flagmesh {
namespace {

class CertificateWatchTest : public testing::Test {
 protected:
  CertificateWatchTest() {
    write(cert, "a");
    write(key, "b");
    watch.set({{.what = "listener", .files = {cert, key}, .load = [this] {
                  ++loads;
                  return good ? Status() : Status(fail("tls_certificate", "bad"));
                }}},
              now);
  }
  ~CertificateWatchTest() override {
    remove(cert.c_str());
    remove(key.c_str());
  }
  static void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }
  void look() { watch.look(now += CertificateWatch::kLookMs); }

  const std::string cert = testing::TempDir() + "watch.pem";
  const std::string key = testing::TempDir() + "watch.key";
  CertificateWatch watch;
  MonoMs now = 1000;
  int loads = 0;
  bool good = true;
};

TEST_F(CertificateWatchTest, LoadsWhatChangedWhenItIsStill) {
  look();
  look();
  EXPECT_EQ(loads, 0);
  write(cert, "aa");
  look();
  EXPECT_EQ(loads, 0);  // the key may be about to follow
  write(key, "bb");
  look();
  EXPECT_EQ(loads, 0);
  look();
  EXPECT_EQ(loads, 1);
  look();
  EXPECT_EQ(loads, 1);
  EXPECT_EQ(watch.loads(), 1U);
}

TEST_F(CertificateWatchTest, WhatWasRefusedIsTriedAgainWhenItChanges) {
  good = false;
  remove(key.c_str());
  look();
  look();
  look();
  EXPECT_EQ(loads, 1);
  EXPECT_EQ(watch.failures(), 1U);
  good = true;
  write(key, "new");
  look();
  look();
  EXPECT_EQ(loads, 2);
  EXPECT_EQ(watch.loads(), 1U);
}

TEST_F(CertificateWatchTest, LoadsAgainNowAndThen) {
  look();
  now += CertificateWatch::kRenewMs;
  look();
  EXPECT_EQ(loads, 1);
}

}  // namespace
}  // namespace flagmesh
