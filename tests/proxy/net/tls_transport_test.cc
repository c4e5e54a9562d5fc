#include "proxy/net/tls_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>

#include <cstring>
#include <functional>
#include <vector>

#include "proxy/base/time.h"
#include "proxy/net/connection.h"
#include "proxy/net/tls_client.h"
#include "proxy/net/tls_server.h"
#include "tests/proxy/net/sockets.h"
#include "tests/proxy/net/tls_files.h"

namespace flagmesh::net {
namespace {

// One end: takes everything, and remembers what it was told.
struct End final : ConnectionHandler {
  explicit End(IoContext& context) : connection(context, *this) {}
  void on_connected() override { connected = true; }
  size_t on_bytes(std::string_view bytes) override {
    got.append(bytes);
    return bytes.size();
  }
  void on_close(CloseCause cause, int why) override {
    closed = true;
    by_peer = cause == CloseCause::kPeer;
    error = why;
  }
  void say(std::string_view text) { connection.output().append(text); }

  Connection connection;
  std::string got;
  bool connected = false;
  bool closed = false;
  bool by_peer = false;
  int error = 0;
};

class TlsTransportTest : public testing::Test {
 protected:
  TlsTransportTest() {
    certificates.authority("ca");
    server_spec.certificates = {certificates.leaf("shop", "ca", "DNS:shop.test,DNS:*.shop.test,IP:127.0.0.1")};
    client_spec.ca = certificates.path("ca.pem");
  }

  void load() {
    auto loaded = TlsServer::load(server_spec, tickets, warnings);
    ASSERT_TRUE(loaded) << loaded.error().text();
    server_tls = *loaded;
    auto made = TlsClient::load(client_spec, warnings);
    ASSERT_TRUE(made) << made.error().text();
    client_tls = *made;
  }

  // Both ends shake hands; true when both are connected.
  bool meet(const std::string& name = "shop.test", int buffer = 0) {
    if (server_tls == nullptr) load();
    const auto [accepted, opened] = tcp_pair(buffer);
    fcntl(opened, F_SETFL, fcntl(opened, F_GETFL) | O_NONBLOCK);
    server = std::make_unique<End>(context);
    client = std::make_unique<End>(context);
    EXPECT_TRUE(server->connection.start_handshake(accepted, server_tls->accept()));
    EXPECT_TRUE(client->connection.start_handshake(opened, client_tls->connect(name, &slot)));
    run_until(*loop, [&] { return (server->connected || server->closed) && (client->connected || client->closed); });
    // TLS 1.3: a client knows late that the server did not want it.
    turns(*loop);
    return server->connected && client->connected && !server->closed && !client->closed;
  }

  bool wait(std::function<bool()> done) { return run_until(*loop, std::move(done)); }

  std::unique_ptr<event::Loop> loop = std::move(*event::Loop::create());
  IoContext context{*loop};
  TestCertificates certificates;
  std::shared_ptr<TicketKeys> tickets = std::make_shared<TicketKeys>(unix_millis() / 1000);
  TlsServerSpec server_spec;
  TlsClientSpec client_spec;
  TlsWarnings warnings;
  std::shared_ptr<const TlsServer> server_tls;
  std::shared_ptr<const TlsClient> client_tls;
  TlsSessionSlot slot;
  std::unique_ptr<End> server;
  std::unique_ptr<End> client;
};

TEST_F(TlsTransportTest, CarriesBytesBothWays) {
  ASSERT_TRUE(meet());
  client->say("hello");
  server->say("welcome");
  context.flush();
  EXPECT_TRUE(wait([&] { return server->got == "hello" && client->got == "welcome"; }));
  const auto info = server->connection.transport()->take_info();
  EXPECT_EQ(info->version, "TLSv1.3");
  EXPECT_EQ(info->alpn, "http/1.1");
  EXPECT_EQ(info->sni, "shop.test");
  EXPECT_FALSE(info->resumed);
  EXPECT_TRUE(info->covers("www.SHOP.test:8443"));
  EXPECT_FALSE(info->covers("shop.test.evil"));
  EXPECT_EQ(info->client, nullptr);
}

TEST_F(TlsTransportTest, LargeOutputWaitsForASlowReader) {
  ASSERT_TRUE(meet("shop.test", 4096));
  client->connection.pause(Connection::kPauseBackpressure);
  std::string body(3'000'000, 'x');
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i % 23);
  server->connection.output().append("head");
  server->connection.output().borrow(body);
  context.flush();
  turns(*loop);
  EXPECT_GT(server->connection.waiting(), body.size() / 2);
  server->connection.close_when_written();
  client->connection.resume(Connection::kPauseBackpressure);
  ASSERT_TRUE(wait([&] { return client->closed; }));
  EXPECT_TRUE(client->by_peer);
  EXPECT_EQ(client->error, 0);  // the end was announced
  EXPECT_EQ(client->got.size(), body.size() + 4);
  EXPECT_EQ(client->got, "head" + body);
}

TEST_F(TlsTransportTest, ManySmallPiecesArePutTogether) {
  ASSERT_TRUE(meet());
  std::string all;
  for (int i = 0; i < 40; ++i) {
    all += std::string(1500, static_cast<char>('a' + i % 26));
    server->connection.output().borrow(std::string_view(all).substr(0, 0));
  }
  for (int i = 0; i < 40; ++i) server->connection.output().borrow(std::string_view(all).substr(static_cast<size_t>(i) * 1500, 1500));
  context.flush();
  EXPECT_TRUE(wait([&] { return client->got == all; }));
}

TEST_F(TlsTransportTest, EndWithoutCloseNotifyIsTold) {
  ASSERT_TRUE(meet());
  ::shutdown(server->connection.fd(), SHUT_WR);
  ASSERT_TRUE(wait([&] { return client->closed; }));
  EXPECT_TRUE(client->by_peer);
  EXPECT_NE(client->error, 0);
}

TEST_F(TlsTransportTest, ClosingIsAnnounced) {
  ASSERT_TRUE(meet());
  server->connection.close();
  ASSERT_TRUE(wait([&] { return client->closed; }));
  EXPECT_EQ(client->error, 0);
}

TEST_F(TlsTransportTest, ResetIsAnError) {
  ASSERT_TRUE(meet());
  server->connection.abort();
  ASSERT_TRUE(wait([&] { return client->closed; }));
  EXPECT_FALSE(client->by_peer);
}

TEST_F(TlsTransportTest, HalfCloseLetsTheOtherSideSpeak) {
  ASSERT_TRUE(meet());
  client->say("question");
  client->connection.shutdown_write();
  context.flush();
  ASSERT_TRUE(wait([&] { return server->closed; }));
  EXPECT_EQ(server->got, "question");
  server->say("answer");
  context.flush();
  EXPECT_TRUE(wait([&] { return client->got == "answer"; }));
}

TEST_F(TlsTransportTest, DetachedConnectionGoesOn) {
  ASSERT_TRUE(meet());
  client->say("early");
  context.flush();
  Connection::Detached detached = server->connection.detach();
  EXPECT_FALSE(server->connection.is_open());
  End next(context);
  ASSERT_TRUE(next.connection.start(detached.fd, std::move(detached.transport)));
  EXPECT_TRUE(wait([&] { return next.got == "early"; }));
  next.say("late");
  context.flush();
  EXPECT_TRUE(wait([&] { return client->got == "late"; }));
}

class Resumption : public TlsTransportTest, public testing::WithParamInterface<bool> {};

TEST_P(Resumption, SessionIsResumedAndOutlivesAReload) {
  if (GetParam()) server_spec.min_version = TlsVersion::kTls13;
  ASSERT_TRUE(meet());
  server->say("so that the client reads the ticket");
  context.flush();
  ASSERT_TRUE(wait([&] { return !slot.empty() && !client->got.empty(); }));
  ASSERT_TRUE(meet());
  EXPECT_TRUE(server->connection.transport()->take_info()->resumed);
  load();  // a new certificate for the same names: the same tickets
  ASSERT_FALSE(slot.empty());
}
INSTANTIATE_TEST_SUITE_P(Versions, Resumption, testing::Bool());

TEST_F(TlsTransportTest, TicketsOfAnotherProcessAreRefusedUntilItsKeysAreTaken) {
  ASSERT_TRUE(meet());
  server->say("x");
  context.flush();
  ASSERT_TRUE(wait([&] { return !slot.empty() && !client->got.empty(); }));
  const auto before = tickets;
  tickets = std::make_shared<TicketKeys>(unix_millis() / 1000);
  server_tls = *TlsServer::load(server_spec, tickets, warnings);
  ASSERT_TRUE(tickets->import_blob(before->export_blob(), unix_millis() / 1000));
  ASSERT_TRUE(meet());
  EXPECT_TRUE(server->connection.transport()->take_info()->resumed);
  tickets = std::make_shared<TicketKeys>(unix_millis() / 1000);
  server_tls = *TlsServer::load(server_spec, tickets, warnings);
  ASSERT_TRUE(meet());
  EXPECT_FALSE(server->connection.transport()->take_info()->resumed);
}

// --- Whom a client believes ---

TEST_F(TlsTransportTest, WrongNameIsRefused) {
  EXPECT_FALSE(meet("bank.test"));
  EXPECT_EQ(tls_failure_of(client->error), TlsFailure::kName);
  EXPECT_EQ(tls_failure_of(server->error), TlsFailure::kAlert);
}

TEST_F(TlsTransportTest, AddressInTheCertificateIsEnough) { EXPECT_TRUE(meet("127.0.0.1")); }

TEST_F(TlsTransportTest, AddressThatIsNotInItIsRefused) {
  EXPECT_FALSE(meet("127.0.0.2"));
  EXPECT_EQ(tls_failure_of(client->error), TlsFailure::kName);
}

TEST_F(TlsTransportTest, UnknownAuthorityIsRefused) {
  client_spec.ca = certificates.authority("other");
  EXPECT_FALSE(meet());
  EXPECT_EQ(tls_failure_of(client->error), TlsFailure::kUnknownCa);
}

TEST_F(TlsTransportTest, ExpiredCertificateIsRefused) {
  server_spec.certificates = {certificates.leaf("old", "ca", "DNS:shop.test", -1)};
  EXPECT_FALSE(meet());
  EXPECT_EQ(tls_failure_of(client->error), TlsFailure::kExpired);
  EXPECT_THAT(warnings, testing::Contains(testing::Field(&TlsWarning::message, testing::HasSubstr("expired on 2020-02-01"))));
}

TEST_F(TlsTransportTest, VerificationCanBeSwitchedOff) {
  client_spec.ca = certificates.authority("other");
  client_spec.verify = false;
  EXPECT_TRUE(meet("bank.test"));
}

// --- Whom a server lets in ---

TEST_F(TlsTransportTest, ClientCertificateIsToldInWords) {
  server_spec.client_ca = certificates.authority("people");
  const CertificateFiles own =
      certificates.leaf("alice", "people", "DNS:alice.test,URI:spiffe://mesh/alice,email:a@b.test", 30, "rsa:2048", "Alice \\\"A\\\"/O=Shop");
  client_spec.cert = own.cert;
  client_spec.key = own.key;
  ASSERT_TRUE(meet());
  const auto info = server->connection.transport()->take_info();
  ASSERT_NE(info->client, nullptr);
  EXPECT_EQ(info->client->san, "DNS:alice.test,URI:spiffe://mesh/alice,email:a@b.test");
  EXPECT_EQ(info->client->fingerprint.size(), 64U);
  EXPECT_THAT(info->client->subject, testing::StartsWith("O=Shop,CN=Alice"));
  EXPECT_THAT(info->client->forwarded, testing::HasSubstr(";URI=spiffe://mesh/alice"));
}

TEST_F(TlsTransportTest, ClientWithoutCertificateIsRefusedWhereOneIsRequired) {
  server_spec.client_ca = certificates.authority("people");
  EXPECT_FALSE(meet());
  EXPECT_EQ(tls_failure_of(server->error), TlsFailure::kNoCertificate);
}

TEST_F(TlsTransportTest, ClientWithoutCertificateIsLetInWhereItIsOptional) {
  server_spec.client_ca = certificates.authority("people");
  server_spec.client_auth = ClientAuth::kOptional;
  ASSERT_TRUE(meet());
  EXPECT_EQ(server->connection.transport()->take_info()->client, nullptr);
}

TEST_F(TlsTransportTest, ClientOfAnUnknownAuthorityIsRefusedEvenWhereItIsOptional) {
  server_spec.client_ca = certificates.authority("people");
  server_spec.client_auth = ClientAuth::kOptional;
  const CertificateFiles own = certificates.leaf("mallory", "ca", "DNS:mallory.test");
  client_spec.cert = own.cert;
  client_spec.key = own.key;
  EXPECT_FALSE(meet());
  EXPECT_EQ(tls_failure_of(server->error), TlsFailure::kUnknownCa);
}

TEST_F(TlsTransportTest, TicketFromBeforeTheAuthorityChangedIsNotAnEntrance) {
  ASSERT_TRUE(meet());
  server->say("x");
  context.flush();
  ASSERT_TRUE(wait([&] { return !slot.empty() && !client->got.empty(); }));
  server_spec.client_ca = certificates.authority("people");
  server_tls = *TlsServer::load(server_spec, tickets, warnings);
  EXPECT_FALSE(meet());
}

// --- Hostile ---

TEST_F(TlsTransportTest, PlainHttpIsRecognized) {
  load();
  const auto [accepted, opened] = tcp_pair();
  End end(context);
  ASSERT_TRUE(end.connection.start_handshake(accepted, server_tls->accept()));
  say(opened, "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n");
  ASSERT_TRUE(wait([&] { return end.closed; }));
  EXPECT_EQ(tls_failure_of(end.error), TlsFailure::kPlainHttp);
  close(opened);
}

TEST_F(TlsTransportTest, GarbageInAnyPortionEndsTheConnection) {
  load();
  const std::string_view kinds[] = {
      std::string_view("\x16\x03\x01\xff\xff", 5), std::string_view("\x16\x03\x01\x00\x04\x01\x00\x00\xff\x16\x03\x01", 12),
      std::string_view("\x80\x2e\x01\x03\x01", 5), std::string_view("\0\0\0\0\0\0\0\0", 8),
      std::string_view("\x15\x03\x03\x00\x02\x02\x28", 7), std::string_view("\x17\x03\x03\x00\x01x", 6)};
  for (const std::string_view garbage : kinds) {
    for (size_t step = 1; step <= garbage.size(); step += 3) {
      const auto [accepted, opened] = tcp_pair();
      End end(context);
      ASSERT_TRUE(end.connection.start_handshake(accepted, server_tls->accept()));
      for (size_t at = 0; at < garbage.size(); at += step) {
        (void)send(opened, garbage.data() + at, std::min(step, garbage.size() - at), MSG_NOSIGNAL);
        turns(*loop);
      }
      ::shutdown(opened, SHUT_WR);
      ASSERT_TRUE(wait([&] { return end.closed; }));
      EXPECT_FALSE(end.connected);
      EXPECT_NE(tls_failure_of(end.error), TlsFailure::kNone);
      close(opened);
    }
  }
}

// A short read was taken for all that there is: the end behind it has no readiness of its own, and the connection hung.
TEST_F(TlsTransportTest, EndBehindAPieceOfAHandshakeOrRecordIsSeen) {
  load();
  const auto [accepted, opened] = tcp_pair();
  End end(context);
  say(opened, std::string_view("\x16\x03\x01\x02\x00\x01\x00", 7));
  ::shutdown(opened, SHUT_WR);
  ASSERT_TRUE(end.connection.start_handshake(accepted, server_tls->accept()));
  ASSERT_TRUE(wait([&] { return end.closed; }));
  EXPECT_EQ(tls_failure_of(end.error), TlsFailure::kClosed);
  close(opened);
  ASSERT_TRUE(meet());
  say(client->connection.fd(), std::string_view("\x17\x03\x03\x00\x20 piece", 11));
  ::shutdown(client->connection.fd(), SHUT_WR);
  ASSERT_TRUE(wait([&] { return server->closed; }));
  EXPECT_NE(server->error, 0);
}

TEST_F(TlsTransportTest, DamagedRecordEndsTheConnection) {
  ASSERT_TRUE(meet());
  const std::string_view record("\x17\x03\x03\x00\x20 this is not what it claims to be!", 37);
  (void)send(client->connection.fd(), record.data(), record.size(), MSG_NOSIGNAL);
  ASSERT_TRUE(wait([&] { return server->closed; }));
  EXPECT_FALSE(server->by_peer);
  EXPECT_EQ(server->got, "");
}

}  // namespace
}  // namespace flagmesh::net
