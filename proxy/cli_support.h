// What the commands share: how they say what went wrong, and how roles that run by themselves are
// run.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "control/config/config.h"
#include "control/snapshot/carrier.h"
#include "proxy/base/diagnostic.h"
#include "proxy/base/error.h"
#include "proxy/base/result.h"
#include "proxy/event/loop.h"
#include "proxy/net/io_context.h"

namespace CLI {
class App;
}

namespace flagmesh::cli {

// Exit codes of all commands.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;     // the answer is no, or something did not work
inline constexpr int kBadConfig = 2;  // the configuration or the command line has mistakes

// "flagmesh: error: …" on standard error; gives kFailed.
int complain(const Error& error);
// Each on a line of standard error. True when one is an error.
bool print(const Diagnostics& diagnostics);

// The configuration, or nothing after its mistakes were printed.
std::optional<config::Config> load(const std::string& file);

// A carrier over the Redis of the configuration; trouble goes to the log.
std::unique_ptr<snapshot::Carrier> redis_carrier(net::IoContext& io,
                                                 const config::RedisConfig& redis);

// What every role takes on its command line; lives as long as the command's callback.
struct RoleArguments {
  std::string config;
  std::string ports_file;  // where to write the bound addresses; empty: nowhere
};
std::shared_ptr<RoleArguments> add_role_options(CLI::App& command, const std::string& ports_help);

// A role that runs by itself: reads the configuration, sets up the log, and serves until a signal.
// Gives the exit code.
int run_role(const std::string& file, std::string_view section,
             bool (*has_section)(const config::Config&),
             const std::function<Status(const config::Config&)>& serve);

// Runs the loop until SIGTERM or SIGINT; `on_stop` is told the first time and stops the loop in its
// own time, a second signal stops it at once.
Status run_until_signal(event::Loop& loop, std::function<void()> on_stop);

// The first bytes of a file as a user names it. Codes "read_failed", "too_large" with the path as
// place.
Result<std::string> read_file(const std::string& path);

}  // namespace flagmesh::cli
