#include "proxy/net/tls_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/proxy/net/tls_files.h"

namespace flagmesh::net {
namespace {

class TlsServerTest : public testing::Test {
 protected:
  TlsServerTest() { certificates.authority("ca"); }
  Result<std::shared_ptr<const TlsServer>> load() {
    return TlsServer::load(spec, std::make_shared<TicketKeys>(0), warnings);
  }
  std::string error() {
    const auto loaded = load();
    return loaded ? "" : loaded.error().text();
  }

  TestCertificates certificates;
  TlsServerSpec spec;
  TlsWarnings warnings;
};

TEST_F(TlsServerTest, CertificateIsChosenByName) {
  spec.certificates = {certificates.leaf("default", "ca", "DNS:default.test"),
                       certificates.leaf("shop", "ca", "DNS:shop.test,DNS:www.shop.test"),
                       certificates.leaf("wild", "ca", "DNS:*.shop.test,DNS:shop.test")};
  const auto server = load();
  ASSERT_TRUE(server) << server.error().text();
  EXPECT_EQ((*server)->choose("default.test"), 0U);
  EXPECT_EQ((*server)->choose("shop.test"), 1U);  // the first one that has it
  EXPECT_EQ((*server)->choose("www.shop.test"), 1U);  // exact before wildcard
  EXPECT_EQ((*server)->choose("api.shop.test"), 2U);
  EXPECT_EQ((*server)->choose("a.b.shop.test"), 0U);  // a star is one label
  EXPECT_EQ((*server)->choose("other.test"), 0U);
  EXPECT_EQ((*server)->choose(""), 0U);
}

TEST_F(TlsServerTest, TwoKindsOfKeyForTheSameNamesShareAContext) {
  spec.certificates = {certificates.leaf("ec", "ca", "DNS:shop.test"), certificates.leaf("rsa", "ca", "DNS:shop.test", 30, "rsa:2048")};
  const auto server = load();
  ASSERT_TRUE(server) << server.error().text();
  EXPECT_EQ((*server)->choose("shop.test"), 0U);
  EXPECT_TRUE(warnings.empty());
}

TEST_F(TlsServerTest, BadPairsAreRefusedWithTheReason) {
  const CertificateFiles good = certificates.leaf("good", "ca", "DNS:shop.test");
  const CertificateFiles other = certificates.leaf("other", "ca", "DNS:shop.test");
  spec.certificates = {{.cert = good.cert, .key = other.key, .ocsp = {}}};
  EXPECT_THAT(error(), testing::HasSubstr("the key is not the one of the certificate"));
  spec.certificates = {{.cert = certificates.path("none.pem"), .key = good.key, .ocsp = {}}};
  EXPECT_THAT(error(), testing::HasSubstr("cannot be read: No such file"));
  spec.certificates = {{.cert = good.key, .key = good.key, .ocsp = {}}};
  EXPECT_THAT(error(), testing::HasSubstr("has no certificate in it"));
  spec.certificates = {{.cert = good.cert, .key = good.cert, .ocsp = {}}};
  EXPECT_THAT(error(), testing::HasSubstr("has no private key"));
  std::ofstream(certificates.path("torn.pem")) << "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
  spec.certificates = {{.cert = certificates.path("torn.pem"), .key = good.key, .ocsp = {}}};
  EXPECT_THAT(error(), testing::HasSubstr("certificate 1 is damaged"));
  certificates.run("pkey -in " + good.key + " -aes128 -passout pass:secret -out " + certificates.path("locked.key"));
  spec.certificates = {{.cert = good.cert, .key = certificates.path("locked.key"), .ocsp = {}}};
  EXPECT_THAT(error(), testing::HasSubstr("has a passphrase"));
}

TEST_F(TlsServerTest, WhatWillNotWorkForLongIsAWarning) {
  spec.certificates = {certificates.leaf("old", "ca", "DNS:a.test", -1), certificates.leaf("soon", "ca", "DNS:b.test", 3)};
  ASSERT_TRUE(load());
  ASSERT_EQ(warnings.size(), 2U);
  EXPECT_THAT(warnings[0].message, testing::HasSubstr("expired on 2020-02-01"));
  EXPECT_THAT(warnings[1].message, testing::HasSubstr("expires on"));
}

TEST_F(TlsServerTest, UselessOcspAnswerIsLeftOutWithAWarning) {
  spec.certificates = {certificates.leaf("shop", "ca", "DNS:shop.test")};
  spec.certificates[0].ocsp = certificates.path("ca.pem");
  ASSERT_TRUE(load());
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_THAT(warnings[0].message, testing::HasSubstr("not stapled"));
}

TEST_F(TlsServerTest, ClientAuthoritiesMustBeReadable) {
  spec.certificates = {certificates.leaf("shop", "ca", "DNS:shop.test")};
  spec.client_ca = certificates.path("none.pem");
  EXPECT_THAT(error(), testing::HasSubstr("none.pem"));
}

}  // namespace
}  // namespace flagmesh::net
