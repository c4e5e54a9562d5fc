#include <CLI/CLI.hpp>

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "proxy/commands.h"
#include "proxy/demo.h"
#include "proxy/log.h"

namespace flagmesh {

namespace {

std::string own_path() {
  std::array<char, 4096> path{};
  const ssize_t n = readlink("/proc/self/exe", path.data(), path.size());
  return n <= 0 ? "flagmesh" : std::string(path.data(), static_cast<size_t>(n));
}

int run(DemoOptions options) {
  signal(SIGPIPE, SIG_IGN);
  set_up_log(
      {.level = config::LogLevel::kWarn, .format = config::LogFormat::kText, .access_log = "off"});
  options.program = own_path();
  Result<std::unique_ptr<event::Loop>> loop = event::Loop::create();
  if (!loop) {
    spdlog::error("cannot start: {}", loop.error().text());
    return 1;
  }
  net::IoContext io(**loop);
  Result<std::unique_ptr<Demo>> demo = Demo::create(**loop, io, std::move(options));
  if (!demo) {
    spdlog::error("cannot start: {}", demo.error().text());
    return 1;
  }
  for (const int number : {SIGINT, SIGTERM}) {
    if (Status watched = (*loop)->on_signal(number, [&] { (*loop)->stop(); }); !watched) return 1;
  }
  (*demo)->introduce();
  (*loop)->run();
  return 0;
}

}  // namespace

void add_demo_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "demo", "Engine, validator, router and two containers in one process; no Redis");
  command->footer(
      "Examples:\n"
      "  flagmesh demo              prints what it started and five commands to paste\n"
      "  flagmesh demo --any-port   when 9071, 8071, 9901, 7001 or 7002 are taken\n"
      "Exit code: 0 after Ctrl-C, 1 cannot start.");
  auto options = std::make_shared<DemoOptions>();
  command->add_flag("--any-port", options->any_port, "free ports instead of the usual ones");
  command->add_option("--ports-file", options->ports_file,
                      "write the bound addresses to this file as JSON");
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace flagmesh
