// Sockets for tests: pairs over loopback TCP, and a loop that runs until something is true.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <utility>

#include "proxy/event/loop.h"
#include "proxy/net/address.h"
#include "proxy/net/listener.h"

namespace flagmesh::net {

// Turns `loop` until `done` is true; false after 5 seconds.
template <class Done>
bool run_until(event::Loop& loop, Done&& done) {
  const MonoMs deadline = mono_ms() + 5'000;
  while (!done()) {
    if (mono_ms() > deadline) return false;
    loop.run_once(20);
  }
  return true;
}

// So many turns with what is ready only.
inline void turns(event::Loop& loop, int count = 5) {
  for (int i = 0; i < count; ++i) loop.run_once(0);
}

// Both ends of a TCP connection over loopback; the first is non-blocking.
inline std::pair<int, int> tcp_pair(int send_buffer = 0) {
  const int listening = listen_on(*Address::parse("127.0.0.1:0"), {.reuse_port = false}).value();
  const Address where = *bound_address(listening);
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (send_buffer != 0) {  // before connecting: it decides the window
    setsockopt(client, SOL_SOCKET, SO_RCVBUF, &send_buffer, sizeof send_buffer);
  }
  EXPECT_EQ(connect(client, where.data(), where.size()), 0);
  int accepted = -1;
  while (accepted < 0)
    accepted = accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (send_buffer != 0) {
    setsockopt(accepted, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
  }
  close(listening);
  return {accepted, client};
}

inline void say(int fd, std::string_view bytes) {
  ASSERT_EQ(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

// What can be read now without waiting.
inline std::string hear(int fd) {
  std::string all;
  char piece[4096];
  ssize_t n = 0;
  while ((n = recv(fd, piece, sizeof piece, MSG_DONTWAIT)) > 0)
    all.append(piece, static_cast<size_t>(n));
  return all;
}

// Ends with a reset instead of a FIN.
inline void reset_and_close(int fd) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(fd);
}

}  // namespace flagmesh::net
