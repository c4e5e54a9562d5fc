#include "tests/fakes/peer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "proxy/net/listener.h"

namespace flagmesh::fakes {

namespace {

// Fields up to the empty line; the offset behind it.
size_t read_fields(const std::string& text, size_t at,
                   std::multimap<std::string, std::string>& out) {
  while (true) {
    const size_t end = text.find("\r\n", at);
    if (end == std::string::npos) return end;
    if (end == at) return end + 2;
    const size_t colon = text.find(':', at);
    std::string name = text.substr(at, colon - at);
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? char(c | 32) : c; });
    const size_t value = text.find_first_not_of(' ', colon + 1);
    out.emplace(name, value < end ? text.substr(value, end - value) : "");
    at = end + 2;
  }
}

// The offset behind a chunked body; npos while it is not whole.
size_t read_chunks(const std::string& text, size_t at, Message& out) {
  while (true) {
    const size_t line = text.find("\r\n", at);
    if (line == std::string::npos) return line;
    const size_t size = std::stoul(text.substr(at, line - at), nullptr, 16);
    at = line + 2;
    if (size == 0) {
      if (text.find("\r\n", at) == at) return at + 2;
      return text.find("\r\n\r\n", at) == std::string::npos ? std::string::npos
                                                            : read_fields(text, at, out.trailers);
    }
    if (text.size() < at + size + 2) return std::string::npos;
    out.body += text.substr(at, size);
    at += size + 2;
  }
}

}  // namespace

std::string Message::field(const std::string& name) const {
  std::string all;
  const auto [from, to] = fields.equal_range(name);
  for (auto it = from; it != to; ++it) all += (it == from ? "" : ", ") + it->second;
  return all;
}

void Peer::poll() {
  if (fd_ < 0) return;
  while (!unsent_.empty()) {
    const ssize_t n = send(fd_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n <= 0) break;
    unsent_.erase(0, static_cast<size_t>(n));
  }
  if (ending_ && unsent_.empty()) {
    ending_ = false;
    shutdown(fd_, SHUT_WR);
  }
  char piece[16384];
  for (int i = 0; reading_ && !over() && i < 64; ++i) {
    const ssize_t n = recv(fd_, piece, sizeof piece, MSG_DONTWAIT);
    if (n > 0) got.append(piece, static_cast<size_t>(n));
    if (n == 0) ended = true;
    if (n < 0 && errno != EAGAIN && errno != EINTR) broken = true;
    if (n < 0) break;
  }
}

void Peer::end_writing() {
  ending_ = true;
  poll();
}

void Peer::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Peer::reset() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

std::optional<Message> Peer::take(bool head_only) {
  Message message;
  if (got.find("\r\n\r\n") == std::string::npos) return std::nullopt;
  const size_t line = got.find("\r\n");
  message.start = got.substr(0, line);
  size_t at = read_fields(got, line + 2, message.fields);
  const bool response = message.start.starts_with("HTTP/");
  const int status = response ? message.status() : 0;
  if (head_only || status == 204 || status == 304 || (status >= 100 && status < 200)) {
    // no body
  } else if (message.count("content-length") != 0) {
    const size_t length = std::stoul(message.field("content-length"));
    if (got.size() < at + length) return std::nullopt;
    message.body = got.substr(at, length);
    at += length;
  } else if (message.count("transfer-encoding") != 0) {
    at = read_chunks(got, at, message);
    if (at == std::string::npos) return std::nullopt;
  } else if (response) {
    if (!ended) return std::nullopt;
    message.body = got.substr(at);
    at = got.size();
  }
  got.erase(0, at);
  return message;
}

Origin::Origin()
    : fd_(*net::listen_on(*net::Address::parse("127.0.0.1:0"), {.reuse_port = false})) {
  address_ = *net::bound_address(fd_);
}

void Origin::stop() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

void Origin::poll() {
  for (int fd = 0; fd_ >= 0 && (fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
    peers.push_back(std::make_unique<Peer>(fd));
  }
  for (const auto& peer : peers) peer->poll();
}

std::unique_ptr<Peer> connect_to(const net::Address& address, int receive_buffer) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receive_buffer != 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  EXPECT_EQ(connect(fd, address.data(), address.size()), 0);
  return std::make_unique<Peer>(fd);
}

}  // namespace flagmesh::fakes
