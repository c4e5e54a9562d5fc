#include <CLI/CLI.hpp>

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <functional>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "proxy/cli_support.h"
#include "proxy/commands.h"
#include "proxy/log.h"
#include "proxy/server.h"
#include "proxy/state_sources.h"
#include "proxy/successor.h"
#include "proxy/systemd_notify.h"
#include "proxy/takeover_predecessor.h"

namespace flagmesh {

namespace {

// The file's identity and time: editors replace files, so the inode counts too.
struct FileStamp {
  ino_t inode = 0;
  timespec modified{};
  off_t size = 0;
  bool operator==(const FileStamp& other) const {
    return inode == other.inode && size == other.size && modified.tv_sec == other.modified.tv_sec &&
           modified.tv_nsec == other.modified.tv_nsec;
  }
};

FileStamp stamp_of(const std::string& file) {
  struct stat info {};
  if (stat(file.c_str(), &info) != 0) return {};
  return {info.st_ino, info.st_mtim, info.st_size};
}

// The router's process: signals, the watched configuration file, the end.
class RouterProcess {
 public:
  RouterProcess(std::string file, std::string ports_file, bool take_over)
      : file_(std::move(file)),
        ports_file_(std::move(ports_file)),
        take_over_(take_over),
        watch_([](void* self) { static_cast<RouterProcess*>(self)->look_at_file(); }, this) {}

  int run() {
    seen_ = stamp_of(file_);
    config::ParsedConfig parsed = config::load_config(file_);
    if (cli::print(parsed.diagnostics)) return 2;
    if (!parsed.config.proxy) {
      fprintf(stderr, "%s: error: there is no `proxy` section; a router needs one\n",
              file_.c_str());
      return 2;
    }
    set_up_log(parsed.config.log);
    if (Status started = start(std::move(parsed.config)); !started) {
      spdlog::error("cannot start: {}", started.error().text());
      return 1;
    }
    notify_ready();
    loop_->run();
    server_.reset();
    spdlog::info("stopped");
    return 0;
  }

 private:
  Status start(config::Config config) {
    Result<std::unique_ptr<event::Loop>> loop = event::Loop::create();
    if (!loop) return std::unexpected(loop.error());
    loop_ = std::move(*loop);
    io_ = std::make_unique<net::IoContext>(*loop_);
    Result<Builder::MakeSource> make_source = state_source_for(config, take_over_);
    if (!make_source) return std::unexpected(make_source.error());
    if (config.trust.policy == snapshot::TrustPolicy::kUnsigned) {
      spdlog::warn(
          "trust.policy is unsigned: whoever reaches the source of state can change flags");
    }
    Result<std::unique_ptr<takeover::Predecessor>> predecessor = meet_predecessor(*config.proxy);
    if (!predecessor) return std::unexpected(predecessor.error());
    Result<std::unique_ptr<Server>> server =
        Server::create(*loop_, *io_,
                       {.config = std::move(config),
                        .make_source = *make_source,
                        .ports_file = ports_file_,
                        .predecessor = std::move(*predecessor),
                        .handed_over = [this] { loop_->stop(); }});
    if (!server) return std::unexpected(server.error());
    server_ = std::move(*server);
    for (const net::Address& address : server_->listen_addresses()) {
      spdlog::info("listening on {} with {} workers", address.text(), server_->workers().size());
    }
    if (server_->admin_address() != nullptr)
      spdlog::info("admin on {}", server_->admin_address()->text());
    return watch_signals();
  }

  // Null: nobody to take over from.
  Result<std::unique_ptr<takeover::Predecessor>> meet_predecessor(
      const config::ProxyConfig& proxy) const {
    if (!take_over_) return nullptr;
    if (proxy.takeover_socket.empty()) {
      return fail("takeover", "--take-over needs to know where the running router listens", file_,
                  "set proxy.takeover_socket, in its configuration too");
    }
    auto predecessor = takeover::Predecessor::meet(proxy.takeover_socket);
    if (predecessor && *predecessor == nullptr) {
      spdlog::warn("no router runs at {}: nothing to take over, starting afresh",
                   proxy.takeover_socket);
    }
    return predecessor;
  }

  Status watch_signals() {
    const auto stop_with_delay = [this] { stop(server_->config().proxy->shutdown_delay); };
    for (const auto& [number, handler] : std::initializer_list<std::pair<int, std::function<void()>>>{
             {SIGTERM, stop_with_delay},
             {SIGINT, stop_with_delay},
             {SIGQUIT, [this] { stop(0); }},
             {SIGHUP, [this] { reload(); }},
             {SIGUSR1, [this] { server_->reopen_logs(); }},
             {SIGUSR2, [this] { start_successor(); }}}) {
      if (Status watched = loop_->on_signal(number, handler); !watched) return watched;
    }
    watch_.set(loop_->timers(), loop_->now_ms() + server_->config().proxy->watch_settle);
    return {};
  }

  void start_successor() {
    if (server_->config().proxy->takeover_socket.empty()) {
      spdlog::error("USR2: proxy.takeover_socket is not set, so no successor can take over");
      return;
    }
    std::vector<std::string> arguments{"proxy", "-c", file_, "--take-over"};
    if (!ports_file_.empty()) arguments.insert(arguments.end(), {"--ports-file", ports_file_});
    if (Status started = successor_.start(arguments); !started) {
      spdlog::error("USR2: {}", started.error().text());
    } else {
      spdlog::info("USR2: started the program on disk as successor");
    }
  }

  // The second time it is meant.
  void stop(MonoMs delay) {
    if (std::exchange(stopping_, true)) {
      spdlog::info("stopping at once");
      loop_->stop();
      return;
    }
    spdlog::info("shutting down");
    notify_stopping();
    server_->shut_down(delay, [this] { loop_->stop(); });
  }

  void look_at_file() {
    successor_.reap();
    const FileStamp now = stamp_of(file_);
    const config::ProxyConfig& proxy = *server_->config().proxy;
    // Two looks that agree: an editor may still be writing.
    if (proxy.watch_file && now.inode != 0 && !(now == seen_) && now == pending_) {
      seen_ = now;
      reload();
    }
    pending_ = now;
    watch_.set(loop_->timers(), loop_->now_ms() + server_->config().proxy->watch_settle);
  }

  void reload() {
    config::ParsedConfig parsed = config::load_config(file_);
    for (const Diagnostic& diagnostic : parsed.diagnostics) spdlog::warn("{}", diagnostic.text());
    Status reloaded = has_errors(parsed.diagnostics)
                          ? Status(fail("bad_config", "the new configuration has errors", file_))
                          : server_->reload(std::move(parsed.config));
    if (reloaded) {
      spdlog::info("configuration reloaded");
    } else {
      server_->count_reload_failure();
      spdlog::error("configuration refused, the running one stays: {}", reloaded.error().text());
    }
  }

  std::string file_;
  std::string ports_file_;
  bool take_over_;
  bool stopping_ = false;
  Successor successor_;
  FileStamp seen_;
  FileStamp pending_;
  std::unique_ptr<event::Loop> loop_;
  std::unique_ptr<net::IoContext> io_;
  std::unique_ptr<Server> server_;
  event::Timer watch_;
};

}  // namespace

void add_proxy_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "proxy", "Router: carries traffic to the containers that proven flags name");
  command->footer(
      "Examples:\n"
      "  flagmesh proxy -c flagmesh.yaml\n"
      "  flagmesh proxy -c flagmesh.yaml --take-over   the new program instead of the running one\n"
      "Signals: TERM, INT wait for proxy.shutdown_delay, finish what is in flight and exit; QUIT the "
      "same without the wait;\n"
      "a second one exits at once. HUP reads the configuration again (a changed file does too). USR1 "
      "opens the access log again. USR2\nstarts the program that is on disk now with --take-over.\n"
      "Exit code: 0 after a signal, 1 cannot start (address in use, bad key), 2 the configuration "
      "has errors.");
  auto arguments = cli::add_role_options(
      *command, "write the bound addresses to this file as JSON once they listen");
  auto take_over = std::make_shared<bool>(false);
  command->add_flag("--take-over", *take_over,
                    "take every listening socket of the router that runs at proxy.takeover_socket, "
                    "and its place once this one is ready; without one: start afresh");
  command->callback([arguments, take_over, &exit_code] {
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);  // a limit of file sizes is an error like a full disk
    exit_code = RouterProcess(arguments->config, arguments->ports_file, *take_over).run();
  });
}

}  // namespace flagmesh
