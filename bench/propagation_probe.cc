// bench_propagation_probe: how long it takes from the engine's acknowledgement of a change until every
// worker of a router enforces it, as a client sees it at the socket.
//
//   --api PORT --router PORT     of 127.0.0.1
//   --flag KEY --changes N       rollouts of that flag, one after the other (default: bench, 1000)
//   --connections C              to the router (default 12): workers take turns, so with two of them
//                                one is missed once in 2,000 runs
//   --pause-ms M                 between two changes (default 5)
//   --path P                     a proxied route of the flag (default /bytes/128)
//
// For each change: POST to the API; when its answer is there (t0), all connections ask for the route,
// again and again, until each one has seen an x-flagmesh-epoch of at least the answer's. The time is
// from t0 to the last connection's first such answer: it holds the request's own time, too. Requests
// are also under way while the API works, so that the first look is not late.
//
// One line of JSON; exit code 1 when a request failed.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "bench/tool.h"

namespace flagmesh::bench {
namespace {

// One keep-alive connection that has at most one request out.
class Peer {
 public:
  explicit Peer(uint16_t port) : fd_(connect_local(port)) {
    if (fd_ < 0) die("connect");
  }
  void ask(const std::string& request) {
    out_ = request;
    in_.clear();
    push();
  }
  bool asked() const { return asked_; }
  bool wants_write() const { return !out_.empty(); }
  int fd() const { return fd_; }

  void push() {
    asked_ = true;
    const ssize_t sent = write(fd_, out_.data(), out_.size());
    if (sent > 0) out_.erase(0, static_cast<size_t>(sent));
    if (sent < 0 && errno != EAGAIN && errno != EINPROGRESS && errno != ENOTCONN) die("write");
  }
  // True when a whole answer is there.
  bool pull() {
    char scratch[64 * 1024];
    for (;;) {
      const ssize_t got = read(fd_, scratch, sizeof scratch);
      if (got == 0) die("the peer closed the connection");
      if (got < 0 && errno == EAGAIN) break;
      if (got < 0) die("read");
      in_.append(scratch, static_cast<size_t>(got));
    }
    const size_t head = in_.find("\r\n\r\n");
    if (head == in_.npos) return false;
    if (in_.size() < head + 4 + number("content-length: ")) return false;
    asked_ = false;
    return true;
  }
  uint64_t status() const { return leading_number(std::string_view(in_).substr(9)); }
  // The number behind a text of the head or body; 0: it is not there.
  uint64_t number(std::string_view before) const {
    const size_t at = in_.find(before);
    return at == in_.npos ? 0 : leading_number(std::string_view(in_).substr(at + before.size()));
  }
  const std::string& answer() const { return in_; }

 private:
  int fd_;
  bool asked_ = false;
  std::string out_;
  std::string in_;
};

// The value below which the share `q` of them are, in milliseconds.
double quantile(std::vector<int64_t> times, double q) {
  if (times.empty()) return 0;
  std::sort(times.begin(), times.end());
  const auto at = static_cast<size_t>(q * static_cast<double>(times.size() - 1) + 0.5);
  return static_cast<double>(times[at]) / 1e6;
}

struct Probe {
  std::vector<Peer> peers;
  std::string request;
  uint64_t requests = 0;
  uint64_t failures = 0;
  std::string first_failure;

  void check(const Peer& peer) {
    requests++;
    if (peer.status() == 200) return;
    if (failures++ == 0) first_failure = peer.answer().substr(0, 100);
  }
  void ask_all() {
    for (Peer& peer : peers) {
      if (!peer.asked()) peer.ask(request);
    }
  }
};

std::vector<pollfd> places(const Probe& probe, const Peer* api) {
  std::vector<pollfd> fds;
  for (const Peer& peer : probe.peers) {
    fds.push_back({peer.fd(), static_cast<short>(POLLIN | (peer.wants_write() ? POLLOUT : 0)), 0});
  }
  if (api != nullptr) {
    fds.push_back({api->fd(), static_cast<short>(POLLIN | (api->wants_write() ? POLLOUT : 0)), 0});
  }
  return fds;
}

// Makes one change; gives the time of its acknowledgement, and the time when all had seen it.
struct Change {
  int64_t sent = 0;
  int64_t acknowledged = 0;
  int64_t enforced = 0;
};

Change change(Probe& probe, Peer& api, const std::string& post) {
  Change result;
  uint64_t epoch = 0;
  std::vector<int64_t> seen(probe.peers.size(), 0);
  std::vector<std::pair<uint64_t, int64_t>> newest(probe.peers.size());  // epoch, when first seen
  result.sent = now_ns();
  api.ask(post);
  probe.ask_all();
  for (;;) {
    std::vector<pollfd> fds = places(probe, epoch == 0 ? &api : nullptr);
    if (poll(fds.data(), fds.size(), 10'000) <= 0) die("nothing moves for 10 seconds");
    if (epoch == 0) {
      if ((fds.back().revents & POLLOUT) != 0) api.push();
      if ((fds.back().revents & ~POLLOUT) != 0 && api.pull()) {
        result.acknowledged = now_ns();
        epoch = api.number("\"epoch\":");
        if (api.status() != 200 || epoch == 0) die("the engine says: " + api.answer());
      }
    }
    for (size_t i = 0; i < probe.peers.size(); i++) {
      Peer& peer = probe.peers[i];
      if ((fds[i].revents & POLLOUT) != 0 && peer.wants_write()) peer.push();
      if ((fds[i].revents & ~POLLOUT) == 0 || !peer.pull()) continue;
      probe.check(peer);
      const uint64_t at = peer.number("x-flagmesh-epoch: ");
      if (at > newest[i].first) newest[i] = {at, now_ns()};
      if (epoch == 0 || newest[i].first < epoch) peer.ask(probe.request);
    }
    if (epoch == 0) continue;
    bool all = true;
    for (size_t i = 0; i < probe.peers.size(); i++) {
      if (newest[i].first >= epoch) {
        result.enforced = std::max(result.enforced, newest[i].second);
      } else {
        all = false;
        if (!probe.peers[i].asked()) probe.peers[i].ask(probe.request);
      }
    }
    if (all) return result;
  }
}

// Reads what is still under way, so that the next change begins with nothing out.
void settle(Probe& probe) {
  while (std::any_of(probe.peers.begin(), probe.peers.end(), [](const Peer& p) { return p.asked(); })) {
    std::vector<pollfd> fds = places(probe, nullptr);
    if (poll(fds.data(), fds.size(), 10'000) <= 0) die("nothing moves for 10 seconds");
    for (size_t i = 0; i < probe.peers.size(); i++) {
      Peer& peer = probe.peers[i];
      if ((fds[i].revents & POLLOUT) != 0 && peer.wants_write()) peer.push();
      if ((fds[i].revents & ~POLLOUT) != 0 && peer.asked() && peer.pull()) probe.check(peer);
    }
  }
}

int run(const Options& options) {
  prepare_process();
  const auto port = [&](const char* name) {
    return static_cast<uint16_t>(options.number(name, 0));
  };
  const std::string flag = options.text("flag", "bench");
  Probe probe;
  probe.request = "GET " + options.text("path", "/bytes/128") +
                  " HTTP/1.1\r\nHost: bench\r\nx-user-id: probe\r\n\r\n";
  const uint64_t connections = options.number("connections", 12);
  for (uint64_t i = 0; i < connections; i++) probe.peers.emplace_back(port("router"));
  Peer api(port("api"));
  std::vector<int64_t> calls;
  std::vector<int64_t> times;
  int64_t negative = 0;
  const uint64_t changes = options.number("changes", 1000);
  for (uint64_t i = 0; i < changes; i++) {
    const uint64_t on = i % 100;
    const std::string body =
        "{\"on\":" + std::to_string(on) + ",\"off\":" + std::to_string(100 - on) + "}";
    const std::string post = "POST /api/v1/flags/" + flag +
                             "/rollout HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                             "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    const Change result = change(probe, api, post);
    settle(probe);
    calls.push_back(result.acknowledged - result.sent);
    negative += result.enforced < result.acknowledged ? 1 : 0;
    times.push_back(std::max<int64_t>(0, result.enforced - result.acknowledged));
    usleep(static_cast<useconds_t>(options.number("pause-ms", 5) * 1000));
  }
  printf("{\"changes\":%zu,\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,"
         "\"before_ack\":%lld,\"api_p50_ms\":%.3f,\"api_p99_ms\":%.3f,\"requests\":%llu,"
         "\"failures\":%llu}\n",
         times.size(), quantile(times, 0.5), quantile(times, 0.9), quantile(times, 0.99),
         quantile(times, 1), static_cast<long long>(negative), quantile(calls, 0.5),
         quantile(calls, 0.99), static_cast<unsigned long long>(probe.requests),
         static_cast<unsigned long long>(probe.failures));
  if (probe.failures > 0) fprintf(stderr, "first failure: %s\n", probe.first_failure.c_str());
  return probe.failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace flagmesh::bench

int main(int argc, char** argv) {
  return flagmesh::bench::run(flagmesh::bench::Options(
      argc, argv, {"api", "router", "flag", "changes", "connections", "pause-ms", "path"}, {}));
}
