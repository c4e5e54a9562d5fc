#include <CLI/CLI.hpp>

#include <cstdio>

#include "lockfile/approval.h"
#include "lockfile/diff.h"
#include "lockfile/make_lock.h"
#include "lockfile/verify.h"
#include "proxy/commands.h"
#include "proxy/lock_inputs.h"

namespace flagmesh {

namespace {

using cli::refuse;

struct Arguments {
  std::string lock;
  std::string other;
  std::vector<std::string> files;
  std::string tenant = "default";
  std::string secret;
  std::vector<std::string> keys;
  size_t required = 0;
};

int run_verify(const Arguments& arguments) {
  Result<lockfile::LockFile> file = cli::read_lock(arguments.lock);
  if (!file) return refuse("verify", file.error());
  if (!arguments.keys.empty()) {
    const auto approvers = cli::approver_keys(arguments.keys);
    if (!approvers) return refuse("verify", approvers.error());
    const size_t required = arguments.required != 0 ? arguments.required : approvers->size();
    if (Status approved = lockfile::check_approvals(*file, *approvers, required); !approved) {
      printf("%s: %s\n", arguments.lock.c_str(), approved.error().text().c_str());
      return 1;
    }
  }
  Result<lockfile::FlagSetInput> input =
      cli::load_flags(arguments.files, file->lock.tenant, arguments.secret);
  if (!input) return refuse("verify", input.error());
  Result<std::vector<lockfile::Difference>> differences = lockfile::verify(file->lock, *input);
  if (!differences) return refuse("verify", differences.error());
  for (const lockfile::Difference& difference : *differences)
    printf("%s\n", difference.message().c_str());
  if (!differences->empty()) return 1;
  printf("%s: %zu flags are as locked\n", arguments.lock.c_str(),
         static_cast<size_t>(file->lock.flag_count()));
  return 0;
}

// A lock as it is, or the lock of flag files.
Result<lockfile::Lock> lock_of(const std::string& path, const Arguments& arguments) {
  if (cli::is_lock(path)) {
    Result<lockfile::LockFile> file = cli::read_lock(path);
    if (!file) return std::unexpected(file.error());
    return std::move(file->lock);
  }
  Result<lockfile::FlagSetInput> input =
      cli::load_flags({path}, arguments.tenant, arguments.secret);
  if (!input) return std::unexpected(input.error());
  return lockfile::make_lock(*input, std::nullopt, 0);
}

// With the values on both sides there is more to say than with leaf hashes.
Result<std::vector<lockfile::FlagChange>> changes_of(const Arguments& arguments) {
  if (!cli::is_lock(arguments.lock) && !cli::is_lock(arguments.other)) {
    Result<lockfile::FlagSetInput> before =
        cli::load_flags({arguments.lock}, arguments.tenant, arguments.secret);
    if (!before) return std::unexpected(before.error());
    Result<lockfile::FlagSetInput> after =
        cli::load_flags({arguments.other}, arguments.tenant, arguments.secret);
    if (!after) return std::unexpected(after.error());
    return lockfile::diff_flags(*before, *after);
  }
  Result<lockfile::Lock> before = lock_of(arguments.lock, arguments);
  if (!before) return std::unexpected(before.error());
  Result<lockfile::Lock> after = lock_of(arguments.other, arguments);
  if (!after) return std::unexpected(after.error());
  return lockfile::diff_locks(*before, *after);
}

int run_diff(const Arguments& arguments) {
  const auto changes = changes_of(arguments);
  if (!changes) return refuse("diff", changes.error());
  for (const lockfile::FlagChange& change : *changes) printf("%s", change.text().c_str());
  if (changes->empty()) printf("no flag differs\n");
  return changes->empty() ? 0 : 1;
}

void add_verify(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "verify", "Checks flag files against a lock; names each file and flag that differs");
  command->footer(
      "Examples:\n"
      "  flagmesh verify flags.lock flags/*.yaml\n"
      "  flagmesh verify flags.lock flags/*.yaml --keys alice@example.com+1b2c…\n"
      "Exit code: 0 as locked, 1 something differs or approvals are missing, 2 a file cannot be "
      "read.");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("LOCK", arguments->lock, "the lock file")->required();
  command->add_option("FILES", arguments->files, "flag files, named as when they were locked")
      ->required();
  command->add_option("--keys", arguments->keys, "verifier keys of approvers");
  command->add_option("--required", arguments->required,
                      "how many of --keys must have approved; default all");
  command->add_option("--tenant-secret", arguments->secret, "as for lock");
  command->callback([arguments, &exit_code] { exit_code = run_verify(*arguments); });
}

void add_diff(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "diff", "Shows what differs between two sets of flags, each a lock, a flag file or a folder");
  command->footer(
      "Examples:\n"
      "  flagmesh diff live/ flags/                  which field of which flag, how many users move\n"
      "  flagmesh diff flags.lock.live flags.lock    which flags\n"
      "Exit code: 0 no flag differs, 1 some do, 2 one cannot be read.");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("BEFORE", arguments->lock, "lock, flag file or folder of flag files")
      ->required();
  command->add_option("AFTER", arguments->other, "the same")->required();
  command->add_option("--tenant", arguments->tenant, "whose flags they are");
  command->add_option("--tenant-secret", arguments->secret, "as for lock");
  command->callback([arguments, &exit_code] { exit_code = run_diff(*arguments); });
}

}  // namespace

void add_verify_commands(CLI::App& app, int& exit_code) {
  add_verify(app, exit_code);
  add_diff(app, exit_code);
}

}  // namespace flagmesh
