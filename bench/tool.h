// What the bench programs share: sockets on 127.0.0.1, the clock, the body pattern, command line
// options. Errors in setting up end the program with a message; these tools have nobody to report
// to but the runner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace flagmesh::bench {

// Bytes that one read may take; a 256 KiB message is one read.
inline constexpr size_t kScratchBytes = 256 * 1024;

// Prints "PROGRAM: what: strerror(errno)" (without the reason when errno is 0) and exits with 2.
[[noreturn]] void die(const std::string& what);

// Nanoseconds of CLOCK_MONOTONIC.
int64_t now_ns();

// Raises the soft limit of open files to the hard one, and ignores SIGPIPE.
void prepare_process();

// A non-blocking listener on 127.0.0.1; backlog 4096.
int listen_local(uint16_t port);

// Listens on every port of a comma list, and has `epoll` tell of each with `mark` and the descriptor in data.u64.
void listen_all(int epoll, std::string_view ports, uint64_t mark);

// The next connection of a listener, non-blocking, TCP_NODELAY; -1 when there is none.
int accept_from(int listener);

// A connection to 127.0.0.1, non-blocking, TCP_NODELAY, that may still be connecting; -1 when it
// failed at once.
int connect_local(uint16_t port);

// Every body in the bench is a prefix of one endless text, so a receiver can check any part of it
// with one memcmp.
class Pattern {
 public:
  Pattern();
  // `size` bytes (at most kScratchBytes) of the text from `offset`. Valid as long as the pattern.
  const char* at(uint64_t offset) const { return text_.data() + offset % kPeriod; }
  bool matches(const char* data, size_t size, uint64_t offset) const;

 private:
  static constexpr size_t kPeriod = 4093;  // prime: a shifted or repeated part never looks right
  std::string text_;
};

// Options "--name value"; a name in `flags` has no value. Unknown names end the program.
class Options {
 public:
  Options(int argc, char** argv, const std::vector<std::string>& names,
          const std::vector<std::string>& flags);
  bool has(const std::string& name) const { return values_.contains(name); }
  std::string text(const std::string& name, const std::string& fallback) const;
  uint64_t number(const std::string& name, uint64_t fallback) const;

 private:
  std::unordered_map<std::string, std::string> values_;
};

// The decimal number that `text` starts with, 0 when it starts with none; `end` is moved behind it.
uint64_t leading_number(std::string_view text, size_t* end = nullptr);

}  // namespace flagmesh::bench
