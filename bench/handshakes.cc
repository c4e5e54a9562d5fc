// bench_handshakes: TLS 1.3 handshakes with 127.0.0.1:PORT (X25519, AES-128-GCM), nothing else.
//
//   --port P --at-once N (default 8) --requests N (default 2000)
//   --alpn NAME     http/1.1 (the default) or h2
//   --resume        with tickets: each connection goes on with a session of an earlier one, and it
//                   fails when that was refused
//   --step          print "ready" when all at-once connections have been made, and wait for a line
//
// Each one is over when the proxy has answered our close_notify, so it has seen all of it. The
// result is one line of JSON; the exit code is 1 when a handshake failed.
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "bench/tool.h"
#include "bench/wire.h"

namespace flagmesh::bench {
namespace {

struct Shake {
  Wire wire;
  SSL_SESSION* session = nullptr;  // the newest that the proxy gave us
  bool fresh = false;              // it came on this connection
  bool busy = false;
  bool shaken = false;
  bool said_end = false;
};

class Handshakes {
 public:
  Handshakes(uint16_t port, size_t at_once, const std::string& alpn, bool resume)
      : setup_(alpn), port_(port), resume_(resume), epoll_(epoll_create1(EPOLL_CLOEXEC)), all_(at_once) {}
  ~Handshakes() {
    for (Shake& one : all_) SSL_SESSION_free(one.session);
    ::close(epoll_);
  }

  uint64_t errors = 0;
  std::string first_error;

  // `resuming`: with a session, which must be accepted; else without one.
  void run(uint64_t count, bool resuming) {
    left_ = count;
    resuming_ = resuming;
    last_ns_ = now_ns();
    for (Shake& one : all_) begin(one);
    while (busy_ > 0) {
      epoll_event events[64];
      const int ready = epoll_wait(epoll_, events, std::size(events), 1000);
      for (int i = 0; i < ready; ++i) go_on(*static_cast<Shake*>(events[i].data.ptr));
      errno = 0;
      if (now_ns() - last_ns_ > 10'000'000'000) die("no handshake ended for 10 seconds");
    }
  }

 private:
  void begin(Shake& one) {
    if (left_ == 0) return;
    --left_;
    if (!one.wire.open(port_, &setup_, resuming_ ? one.session : nullptr)) die("connect");
    SSL_set_app_data(one.wire.ssl(), &one);
    SSL_CTX_sess_set_new_cb(SSL_get_SSL_CTX(one.wire.ssl()), keep);
    one.busy = true;
    one.fresh = one.shaken = one.said_end = false;
    ++busy_;
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.ptr = &one}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, one.wire.fd(), &event) != 0) die("epoll_ctl");
    go_on(one);
  }

  static int keep(SSL* ssl, SSL_SESSION* session) {
    Shake& one = *static_cast<Shake*>(SSL_get_app_data(ssl));
    SSL_SESSION_free(one.session);
    one.session = session;
    one.fresh = true;
    return 1;
  }

  // Reads until nothing is left; the end of a connection is the end of its handshake.
  void go_on(Shake& one) {
    if (!one.busy) return;
    char byte[4096];
    while (true) {
      const ssize_t n = one.wire.receive(byte, sizeof byte);
      // An end without close_notify takes this back.
      one.shaken = one.shaken || SSL_is_init_finished(one.wire.ssl()) == 1;
      if (n > 0) continue;
      if (n < 0 && errno == EAGAIN) {
        // With tickets: not before one has come, or the next connection could not resume.
        if (one.shaken && !one.said_end && (!resume_ || one.fresh)) {
          one.said_end = true;
          SSL_shutdown(one.wire.ssl());
          continue;
        }
        return;
      }
      const bool resumed = SSL_session_reused(one.wire.ssl()) == 1;
      const char* wrong = !one.shaken            ? "the handshake failed"
                          : resumed != resuming_ ? "resumed when it should not be, or not when it should"
                                                 : nullptr;
      if (wrong != nullptr && errors++ == 0) first_error = wrong;
      break;
    }
    one.wire.close();
    one.busy = false;
    --busy_;
    last_ns_ = now_ns();
    begin(one);
  }

  TlsClientSetup setup_;
  const uint16_t port_;
  const bool resume_;
  const int epoll_;
  std::vector<Shake> all_;
  uint64_t left_ = 0;
  size_t busy_ = 0;
  bool resuming_ = false;
  int64_t last_ns_ = 0;
};

}  // namespace
}  // namespace flagmesh::bench

int main(int argc, char** argv) {
  using namespace flagmesh::bench;
  prepare_process();
  const Options options(argc, argv, {"port", "at-once", "requests", "alpn"}, {"resume", "step"});
  const bool resume = options.has("resume");
  const uint64_t count = options.number("requests", 2000);
  const size_t at_once = options.number("at-once", 8);
  Handshakes run(static_cast<uint16_t>(options.number("port", 9443)), at_once, options.text("alpn", "http/1.1"), resume);
  run.run(at_once, false);
  run.run(count / 10, resume);
  std::string line;
  if (options.has("step")) {
    puts("ready");
    fflush(stdout);
    std::getline(std::cin, line);
  }
  run.errors = 0;
  const int64_t begin = now_ns();
  run.run(count, resume);
  const double seconds = static_cast<double>(now_ns() - begin) / 1e9;
  printf("{\"requests\": %llu, \"errors\": %llu, \"first_error\": \"%s\", \"seconds\": %.6f, \"rps\": %.1f}\n",
         static_cast<unsigned long long>(count), static_cast<unsigned long long>(run.errors), run.first_error.c_str(), seconds,
         static_cast<double>(count) / seconds);
  fflush(stdout);
  while (options.has("step") && std::getline(std::cin, line)) {
  }
  return run.errors == 0 ? 0 : 1;
}
