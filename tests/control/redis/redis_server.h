// A real redis-server on a Unix socket in a folder of its own, and a loop to drive what talks to
// it.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/redis/client.h"
#include "proxy/event/loop.h"
#include "proxy/net/io_context.h"

extern char** environ;

namespace flagmesh::redis {

class RedisServer {
 public:
  explicit RedisServer(std::vector<std::string> options = {}) : options_(std::move(options)) {
    char folder[] = "/tmp/flagmesh-redis-XXXXXX";
    folder_ = mkdtemp(folder);
    start();
  }
  ~RedisServer() {
    stop();
    std::filesystem::remove_all(folder_);
  }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  // Empty again: nothing is saved.
  void start() {
    std::vector<std::string> words{
        "redis-server", "--port", "0",     "--save", "",          "--appendonly",  "no",
        "--unixsocket", path(),   "--dir", folder_,  "--logfile", folder_ + "/log"};
    words.insert(words.end(), options_.begin(), options_.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ASSERT_EQ(posix_spawnp(&pid_, "redis-server", nullptr, nullptr, arguments.data(), environ), 0);
    const MonoMs deadline = mono_ms() + 10'000;
    while (!listens()) {
      ASSERT_LT(mono_ms(), deadline) << "redis-server does not listen";
      usleep(2'000);
    }
  }
  void stop() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
    unlink(path().c_str());
  }
  void freeze() { kill(pid_, SIGSTOP); }
  void thaw() { kill(pid_, SIGCONT); }

  std::string path() const { return folder_ + "/redis.sock"; }
  ClientOptions client() const {
    ClientOptions options;
    options.place.host = "unix:" + path();
    options.backoff_min_ms = 5;
    options.backoff_max_ms = 50;
    return options;
  }

 private:
  bool listens() const {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    const bool ok = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    close(fd);
    return ok;
  }

  std::vector<std::string> options_;
  std::string folder_;
  pid_t pid_ = 0;
};

// A loop that a test turns by itself.
class Pump {
 public:
  Pump() : loop_(*event::Loop::create()), context_(*loop_) {}

  event::Loop& loop() { return *loop_; }
  net::IoContext& context() { return context_; }

  // Turns until `condition` holds; false after ten seconds.
  bool until(const std::function<bool()>& condition, MonoMs patience_ms = 10'000) {
    const MonoMs deadline = mono_ms() + patience_ms;
    while (!condition()) {
      if (mono_ms() > deadline) return false;
      loop_->run_once(5);
    }
    return true;
  }
  // Turns for a while in which something must not happen.
  void run_for(MonoMs ms) {
    const MonoMs deadline = mono_ms() + ms;
    while (mono_ms() < deadline) loop_->run_once(5);
  }
  // Calls something that answers through a callback, on the loop (what it writes goes out when that
  // turn ends), and waits for it.
  template <class T>
  Result<T> wait(const std::function<void(std::move_only_function<void(Result<T>)>)>& call) {
    const auto answer = std::make_shared<std::optional<Result<T>>>();
    loop_->post([&call, answer] {
      call([answer](Result<T> result) { answer->emplace(std::move(result)); });
    });
    if (!until([&] { return answer->has_value(); })) return fail("test", "no answer came");
    return std::move(**answer);
  }

 private:
  std::unique_ptr<event::Loop> loop_;
  net::IoContext context_;
};

// A client that is connected, for a test to look into Redis and to spoil it.
class Hand {
 public:
  Hand(Pump& pump, const RedisServer& server)
      : pump_(pump), client_(pump.context(), server.client()) {
    client_.start({});
    EXPECT_TRUE(pump_.until([this] { return client_.connected(); }));
  }
  Reply operator()(const std::vector<std::string_view>& words) {
    pump_.until([this] { return client_.connected(); });
    Result<Reply> reply =
        pump_.wait<Reply>([&](auto done) { client_.command(words, std::move(done)); });
    EXPECT_TRUE(reply) << reply.error().text();
    return reply ? *std::move(reply) : Reply();
  }

 private:
  Pump& pump_;
  Client client_;
};

}  // namespace flagmesh::redis
