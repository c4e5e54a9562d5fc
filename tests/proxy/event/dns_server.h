// A DNS server for tests, on the test's loop: UDP and TCP on one free port of loopback, answering
// from a table.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/event/loop.h"

namespace flagmesh::event {

// What the server says of a name.
struct DnsRecord {
  std::vector<std::string> addresses = {};  // A and AAAA
  uint32_t ttl = 60;
  std::string cname = {};  // answered first; its own addresses follow under that name
  uint32_t cname_ttl = 60;
  uint8_t rcode = 0;
  bool too_large = false;  // over UDP only the truncation bit
  bool garbage = false;
  bool silent = false;
};

class DnsServer {
 public:
  explicit DnsServer(Loop& loop) : loop_(loop), udp_(*this, false), tcp_(*this, true) {
    // The same port for both; try again when the other protocol has it.
    for (int i = 0; i < 50 && !bind_both(); ++i) {
    }
    EXPECT_TRUE(udp_.io.open(loop_, udp_.fd, Io::Mode::kLevelRead, udp_));
    EXPECT_TRUE(tcp_.io.open(loop_, tcp_.fd, Io::Mode::kLevelRead, tcp_));
  }
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;
  ~DnsServer() {
    clients_.clear();
    udp_.shut();
    tcp_.shut();
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  std::map<std::string, DnsRecord> records;
  int udp_queries = 0;
  int tcp_queries = 0;

 private:
  struct Socket final : IoHandler {
    Socket(DnsServer& owner, bool is_tcp) : server(owner), tcp(is_tcp) {}
    void shut() {
      io.close();
      if (fd >= 0) close(fd);
      fd = -1;
    }
    void on_io(bool, bool, bool) override { tcp ? server.accept_one() : server.answer_udp(); }
    DnsServer& server;
    const bool tcp;
    int fd = -1;
    Io io;
  };
  struct Client final : IoHandler {
    Client(DnsServer& owner, int descriptor) : server(owner), fd(descriptor) {}
    ~Client() {
      io.close();
      close(fd);
    }
    void on_io(bool, bool, bool) override { server.answer_tcp(*this); }
    DnsServer& server;
    int fd;
    Io io;
    std::string heard;
  };

  bool bind_both() {
    udp_.shut();
    tcp_.shut();
    udp_.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    tcp_.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof at;
    auto* any = reinterpret_cast<sockaddr*>(&at);
    if (bind(udp_.fd, any, length) != 0 || getsockname(udp_.fd, any, &length) != 0) return false;
    port_ = ntohs(at.sin_port);
    return bind(tcp_.fd, any, length) == 0 && listen(tcp_.fd, 8) == 0;
  }

  void answer_udp() {
    char query[2048];
    sockaddr_in from{};
    socklen_t length = sizeof from;
    const ssize_t n =
        recvfrom(udp_.fd, query, sizeof query, 0, reinterpret_cast<sockaddr*>(&from), &length);
    if (n <= 12) return;
    ++udp_queries;
    const std::string reply = answer({query, static_cast<size_t>(n)}, false);
    if (reply.empty()) return;
    (void)sendto(udp_.fd, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from),
                 length);
  }

  void accept_one() {
    const int fd = accept4(tcp_.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    clients_[fd] = std::make_unique<Client>(*this, fd);
    EXPECT_TRUE(clients_[fd]->io.open(loop_, fd, Io::Mode::kLevelRead, *clients_[fd]));
  }

  void answer_tcp(Client& client) {
    char piece[2048];
    const ssize_t n = recv(client.fd, piece, sizeof piece, 0);
    if (n <= 0) {
      clients_.erase(client.fd);
      return;
    }
    client.heard.append(piece, static_cast<size_t>(n));
    while (client.heard.size() >= 2) {
      const size_t length =
          static_cast<uint8_t>(client.heard[0]) * 256U + static_cast<uint8_t>(client.heard[1]);
      if (client.heard.size() < 2 + length) return;
      ++tcp_queries;
      const std::string reply = answer(client.heard.substr(2, length), true);
      client.heard.erase(0, 2 + length);
      std::string framed;
      put16(framed, static_cast<uint16_t>(reply.size()));
      framed += reply;
      (void)send(client.fd, framed.data(), framed.size(), MSG_NOSIGNAL);
    }
  }

  static void put16(std::string& to, uint16_t value) {
    to += static_cast<char>(value >> 8);
    to += static_cast<char>(value & 255);
  }
  static void put_name(std::string& to, const std::string& name) {
    for (size_t at = 0; at < name.size();) {
      const size_t dot = std::min(name.find('.', at), name.size());
      to += static_cast<char>(dot - at);
      to += name.substr(at, dot - at);
      at = dot + 1;
    }
    to += '\0';
  }
  static void put_record(std::string& to, const std::string& name, uint16_t type, uint32_t ttl,
                         const std::string& data) {
    put_name(to, name);
    put16(to, type);
    put16(to, 1);
    put16(to, static_cast<uint16_t>(ttl >> 16));
    put16(to, static_cast<uint16_t>(ttl & 65535));
    put16(to, static_cast<uint16_t>(data.size()));
    to += data;
  }

  std::string answer(const std::string& query, bool tcp) {
    std::string name;
    size_t at = 12;
    while (at < query.size() && query[at] != 0) {
      const auto length = static_cast<uint8_t>(query[at]);
      if (!name.empty()) name += '.';
      name += query.substr(at + 1, length);
      at += 1U + length;
    }
    const uint16_t type = static_cast<uint8_t>(query[at + 2]);
    const auto known = records.find(name);
    const DnsRecord record = known == records.end() ? DnsRecord{.rcode = 3} : known->second;
    if (record.silent) return {};
    if (record.garbage) return query.substr(0, 2) + std::string(30, '\xff');
    std::string body;
    uint16_t count = 0;
    const bool cut = record.too_large && !tcp;
    if (!cut) {
      if (!record.cname.empty()) {
        std::string target;
        put_name(target, record.cname);
        put_record(body, name, 5, record.cname_ttl, target);
        ++count;
      }
      for (const std::string& address : record.addresses) {
        const bool v6 = address.find(':') != std::string::npos;
        if (type != (v6 ? 28 : 1)) continue;
        std::string data(v6 ? 16 : 4, '\0');
        inet_pton(v6 ? AF_INET6 : AF_INET, address.c_str(), data.data());
        put_record(body, record.cname.empty() ? name : record.cname, type, record.ttl, data);
        ++count;
      }
    }
    std::string reply = query.substr(0, 2);
    put16(reply, static_cast<uint16_t>(0x8180 | (cut ? 0x0200 : 0) | record.rcode));
    put16(reply, 1);
    put16(reply, count);
    put16(reply, 0);
    put16(reply, 0);
    return reply + query.substr(12, at + 5 - 12) + body;
  }

  Loop& loop_;
  Socket udp_;
  Socket tcp_;
  std::map<int, std::unique_ptr<Client>> clients_;
  uint16_t port_ = 0;
};

}  // namespace flagmesh::event
