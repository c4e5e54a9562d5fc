#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "lockfile/approval.h"
#include "lockfile/diff.h"
#include "lockfile/lock_time.h"
#include "lockfile/make_lock.h"
#include "proxy/base/durable_file.h"
#include "proxy/base/time.h"
#include "proxy/commands.h"
#include "proxy/lock_inputs.h"

namespace flagmesh {

namespace {

using cli::refuse;

struct Arguments {
  std::string lock;
  std::vector<std::string> files;
  std::string tenant = "default";
  std::string secret;
  std::string base;
  std::string base_root;
  std::string archive;
  std::vector<std::string> keys;
  bool check = false;
  uint32_t valid_days = 30;
};

constexpr size_t kShownLetters = 12;  // of a root in file names and tables

std::string shown(const std::optional<merkle::Hash>& root) {
  return root ? root->hex().substr(0, kShownLetters) : "none";
}

// The tenant root that the step begins at: as the base lock leads to it, or as it is given.
Result<std::optional<merkle::Hash>> base_root(const Arguments& arguments) {
  if (!arguments.base_root.empty()) {
    Result<merkle::Hash> root = merkle::Hash::from_hex(arguments.base_root);
    if (!root) return std::unexpected(root.error());
    return *root;
  }
  if (arguments.base.empty()) return std::nullopt;
  Result<lockfile::LockFile> base = cli::read_lock(arguments.base);
  if (!base) return std::unexpected(base.error());
  return base->lock.tenant_root;
}

// Adds the lock to a folder of all that there were, which `lock history` reads.
Status archive(const Arguments& arguments, const lockfile::LockFile& file) {
  if (arguments.archive.empty()) return {};
  if (Status made = make_folders(arguments.archive); !made) return made;
  const std::string name = lockfile::format_time(unix_seconds()) + "-" +
                           shown(file.lock.tenant_root) + ".lock";
  return cli::write_lock(arguments.archive + "/" + name, file);
}

// For CI: the lock that is there is the lock of these files. Approvals are verify's to count.
int check(const Arguments& arguments, const lockfile::Lock& wanted) {
  Result<lockfile::LockFile> file = cli::read_lock(arguments.lock);
  if (!file) {
    printf("%s\n", file.error().text().c_str());
    return 1;
  }
  Result<std::vector<lockfile::FlagChange>> changes = lockfile::diff_locks(file->lock, wanted);
  if (!changes) return refuse("lock", changes.error());
  for (const lockfile::FlagChange& change : *changes) printf("%s", change.text().c_str());
  const bool same = file->lock.tenant_root == wanted.tenant_root;
  const bool expired = file->lock.not_after < unix_seconds();
  if (!same || expired) {
    printf("%s: %s\n", arguments.lock.c_str(),
           same ? "the lock has expired" : "the files are not what is locked: lock them again");
    return 1;
  }
  printf("%s: up to date, %zu approvals\n", arguments.lock.c_str(), file->approvals.size());
  return 0;
}

int run_lock(const Arguments& arguments) {
  if (arguments.files.empty() || arguments.lock.empty()) {
    return refuse("lock", {"bad_arguments", "FILES and --out are needed", {}, "see --help"});
  }
  Result<lockfile::FlagSetInput> input =
      cli::load_flags(arguments.files, arguments.tenant, arguments.secret);
  if (!input) return refuse("lock", input.error());
  Result<std::optional<merkle::Hash>> base = base_root(arguments);
  if (!base) return refuse("lock", base.error());
  Result<lockfile::Lock> lock =
      lockfile::make_lock(*input, *base, unix_seconds() + int64_t{arguments.valid_days} * 86'400);
  if (!lock) return refuse("lock", lock.error());
  if (arguments.check) return check(arguments, *lock);
  lockfile::LockFile file{.lock = std::move(*lock)};
  for (const std::string& path : arguments.keys) {
    if (Status approved = cli::approve_with(file, path); !approved) {
      return refuse("lock", approved.error());
    }
  }
  Status written = cli::write_lock(arguments.lock, file);
  if (written) written = archive(arguments, file);
  if (!written) return refuse("lock", written.error());
  printf("%s: %zu flags of tenant %s, root %s, %zu approvals\n", arguments.lock.c_str(),
         static_cast<size_t>(file.lock.flag_count()), arguments.tenant.c_str(),
         file.lock.tenant_root.hex().c_str(), file.approvals.size());
  return 0;
}

int run_sign(const Arguments& arguments) {
  Result<lockfile::LockFile> file = cli::read_lock(arguments.lock);
  if (!file) return refuse("lock sign", file.error());
  if (file->lock.not_after < unix_seconds()) {
    return refuse("lock sign", {"lock_expired", "the lock has expired", arguments.lock,
                                "make it again with flagmesh lock"});
  }
  for (const std::string& path : arguments.keys) {
    if (Status approved = cli::approve_with(*file, path); !approved) {
      return refuse("lock sign", approved.error());
    }
  }
  if (Status written = cli::write_lock(arguments.lock, *file); !written) {
    return refuse("lock sign", written.error());
  }
  printf("%s: tenant %s from %s to %s until %s, %zu approvals\n", arguments.lock.c_str(),
         file->lock.tenant.c_str(), shown(file->lock.base_root).c_str(),
         shown(file->lock.tenant_root).c_str(),
         lockfile::format_time(file->lock.not_after).c_str(), file->approvals.size());
  return 0;
}

// One version: what it changed, and who approved it.
void print_version(const lockfile::LockFile& file, const lockfile::LockFile* before) {
  std::string names;
  for (const merkle::NoteSignature& approval : file.approvals) {
    names += (names.empty() ? "" : ", ") + approval.name;
  }
  printf("%s <- %s  %zu flags, until %s, approved by %s\n", shown(file.lock.tenant_root).c_str(),
         shown(file.lock.base_root).c_str(), static_cast<size_t>(file.lock.flag_count()),
         lockfile::format_time(file.lock.not_after).c_str(),
         names.empty() ? "nobody" : names.c_str());
  if (before == nullptr) return;
  const auto changes = lockfile::diff_locks(before->lock, file.lock);
  if (!changes) return;
  for (const lockfile::FlagChange& change : *changes) printf("  %s", change.text().c_str());
}

// Oldest first, as their names sort; where a lock does not begin at the one before, that is said.
int run_history(const Arguments& arguments) {
  std::vector<std::string> names = arguments.files;
  std::error_code failed;
  if (names.size() == 1 && std::filesystem::is_directory(names[0], failed)) {
    const std::string folder = names[0];
    names.clear();
    for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
      if (entry.path().extension() == ".lock") names.push_back(entry.path().string());
    }
    std::ranges::sort(names);
  }
  std::optional<lockfile::LockFile> before;
  int code = 0;
  for (const std::string& name : names) {
    Result<lockfile::LockFile> file = cli::read_lock(name);
    if (!file) return refuse("lock history", file.error());
    if (before && file->lock.base_root != before->lock.tenant_root) {
      printf("-- the next does not begin where this one ended\n");
      code = 1;
    }
    print_version(*file, before ? &*before : nullptr);
    before = std::move(*file);
  }
  return code;
}

void add_sign(CLI::App& lock, int& exit_code) {
  CLI::App* command = lock.add_subcommand("sign", "Adds an approver's signature to a lock file");
  command->footer(
      "Examples:\n"
      "  flagmesh keygen --name alice@example.com --approver --out alice.key\n"
      "  flagmesh diff live/ flags/                    what is it that is approved?\n"
      "  flagmesh lock sign flags.lock --key alice.key\n"
      "Exit code: 0 signed, 2 lock or key cannot be read.");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("LOCK", arguments->lock, "the lock file")->required();
  command->add_option("--key", arguments->keys, "private key of an approver; may be repeated")
      ->required();
  command->callback([arguments, &exit_code] { exit_code = run_sign(*arguments); });
}

void add_history(CLI::App& lock, int& exit_code) {
  CLI::App* command = lock.add_subcommand("history", "Shows the versions that were locked");
  command->footer(
      "Examples:\n"
      "  flagmesh lock -o flags.lock --archive locks --base flags.lock flags/*.yaml\n"
      "  flagmesh lock history locks\n"
      "Exit code: 0, 1 a version does not begin where the one before ended, 2 a lock cannot be "
      "read.");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("LOCKS", arguments->files, "a folder of .lock files, or files, oldest first")
      ->required();
  command->callback([arguments, &exit_code] { exit_code = run_history(*arguments); });
}

void add_lock(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("lock", "Writes a lock file: exactly these flags, approved by these keys");
  command->footer(
      "Examples:\n"
      "  flagmesh lock -o flags.lock flags/*.yaml\n"
      "  flagmesh lock -o flags.lock --base flags.lock.live --key alice.key flags/*.yaml\n"
      "  flagmesh lock --check -o flags.lock flags/*.yaml      in CI: nothing is written\n"
      "  flagmesh lock sign flags.lock --key bob.key\n"
      "Exit code: 0 written or (--check) up to date, 1 (--check) it is not, 2 a file or key has "
      "errors.");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("FILES", arguments->files, "flag files, YAML or JSON, or folders of them");
  command->add_option("-o,--out", arguments->lock, "the lock file");
  command->add_option("--tenant", arguments->tenant, "whose flags they are");
  CLI::Option* base =
      command->add_option("--base", arguments->base,
                          "the lock that is in force now: the lock allows this one step only");
  command
      ->add_option("--base-root", arguments->base_root,
                   "the tenant root that is in force, as GET /api/v1/epochs/latest has it")
      ->excludes(base);
  command->add_option("--key", arguments->keys, "private key of an approver; may be repeated");
  command->add_option("--tenant-secret", arguments->secret,
                      "the engine's master secret or the tenant's, if it has one");
  command->add_option("--valid-days", arguments->valid_days, "how long the lock can be used");
  command->add_option("--archive", arguments->archive,
                      "folder that keeps every version, for flagmesh lock history");
  command->add_flag("--check", arguments->check,
                    "write nothing: is the lock file that of these files, and still good?");
  add_sign(*command, exit_code);
  add_history(*command, exit_code);
  command->require_subcommand(0, 1);
  command->callback([command, arguments, &exit_code] {
    if (command->get_subcommands().empty()) exit_code = run_lock(*arguments);
  });
}

}  // namespace

void add_lock_commands(CLI::App& app, int& exit_code) {
  add_lock(app, exit_code);
  add_verify_commands(app, exit_code);
}

}  // namespace flagmesh
