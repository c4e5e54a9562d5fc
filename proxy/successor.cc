#include "proxy/successor.h"

#include <spawn.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>

extern char** environ;

namespace flagmesh {

Successor::Successor() {
  std::array<char, 4096> path{};
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
  if (size > 0) program_.assign(path.data(), static_cast<size_t>(size));
}

Status Successor::start(const std::vector<std::string>& arguments) {
  reap();
  if (child_ != 0) return fail("successor", "a successor is on its way already");
  std::vector<char*> argv{program_.data()};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  // It begins as a shell would start it: nothing blocked, nothing ignored.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int error =
      posix_spawn(&child_, program_.c_str(), nullptr, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  if (error == 0) return {};
  child_ = 0;
  return fail("successor", std::string("cannot start it: ") + strerror(error), program_);
}

void Successor::reap() {
  int status = 0;
  if (child_ == 0 || waitpid(child_, &status, WNOHANG) != child_) return;
  spdlog::error("the successor {} ended before it took over, this router goes on: {} {}", child_,
                WIFEXITED(status) ? "exit code" : "signal",
                WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
  child_ = 0;
}

}  // namespace flagmesh
