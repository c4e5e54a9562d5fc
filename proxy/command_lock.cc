#include <CLI/CLI.hpp>

#include <cstdio>
#include <fstream>

#include "control/config/trust_material.h"
#include "lockfile/approval.h"
#include "lockfile/diff.h"
#include "lockfile/flag_files.h"
#include "lockfile/make_lock.h"
#include "lockfile/verify.h"
#include "merkle/secret_file.h"
#include "proxy/base/time.h"
#include "proxy/cli_support.h"
#include "proxy/commands.h"

namespace flagmesh {

namespace {

struct Arguments {
  std::string lock;
  std::string other;
  std::vector<std::string> files;
  std::string tenant = "default";
  std::string secret;
  std::string base;
  std::vector<std::string> keys;
  size_t required = 0;
  uint32_t valid_days = 30;
};

int refuse(const char* command, const Error& error) {
  fprintf(stderr, "flagmesh %s: %s\n", command, error.text().c_str());
  return 2;
}

Result<lockfile::FlagSetInput> load(const Arguments& arguments, const std::string& tenant) {
  std::vector<lockfile::FileText> texts;
  for (const std::string& path : arguments.files) {
    Result<std::string> text = cli::read_file(path);
    if (!text) return std::unexpected(text.error());
    texts.push_back({path, std::move(*text)});
  }
  Result<config::SecretSource> secret = config::SecretSource::read(arguments.secret);
  if (!secret) return std::unexpected(secret.error());
  lockfile::LoadedFlags loaded = lockfile::load_flag_files(
      texts, tenant, secret->present() ? secret->of(tenant) : merkle::TenantSecret());
  for (const Diagnostic& diagnostic : loaded.diagnostics)
    fprintf(stderr, "%s\n", diagnostic.text().c_str());
  if (has_errors(loaded.diagnostics)) return fail("bad_flag_files", "the flag files have errors");
  return std::move(loaded.input);
}

Result<lockfile::LockFile> read_lock(const std::string& path) {
  Result<std::string> text = cli::read_file(path);
  if (!text) return std::unexpected(text.error());
  Result<lockfile::LockFile> lock = lockfile::LockFile::parse(*text);
  if (!lock)
    lock.error().place = path + (lock.error().place.empty() ? "" : ":" + lock.error().place);
  return lock;
}

// The tenant root that the base lock leads to.
Result<std::optional<merkle::Hash>> base_root(const std::string& path) {
  if (path.empty()) return std::nullopt;
  Result<lockfile::LockFile> base = read_lock(path);
  if (!base) return std::unexpected(base.error());
  return base->lock.tenant_root;
}

int run_lock(const Arguments& arguments) {
  Result<lockfile::FlagSetInput> input = load(arguments, arguments.tenant);
  if (!input) return refuse("lock", input.error());
  Result<std::optional<merkle::Hash>> base = base_root(arguments.base);
  if (!base) return refuse("lock", base.error());
  Result<lockfile::Lock> lock =
      lockfile::make_lock(*input, *base, unix_seconds() + int64_t{arguments.valid_days} * 86'400);
  if (!lock) return refuse("lock", lock.error());
  lockfile::LockFile file{.lock = std::move(*lock)};
  for (const std::string& path : arguments.keys) {
    Result<std::string> text = merkle::read_secret_file(path);
    if (!text) return refuse("lock", text.error());
    Result<merkle::SigningKey> key = merkle::SigningKey::parse(*text);
    if (!key) return refuse("lock", key.error());
    // A key made without --approver serves as well: its approver form has the same name and public
    // key.
    if (Status approved = lockfile::approve(file, key->with_type(merkle::SignatureType::kApproval));
        !approved) {
      return refuse("lock", approved.error());
    }
  }
  std::ofstream out(arguments.lock, std::ios::binary | std::ios::trunc);
  out << file.text();
  out.close();
  if (!out)
    return refuse("lock", Error{"write_failed", "the lock cannot be written", arguments.lock});
  printf("%s: %zu flags of tenant %s, root %s, %zu approvals\n", arguments.lock.c_str(),
         static_cast<size_t>(file.lock.flag_count()), arguments.tenant.c_str(),
         file.lock.tenant_root.hex().c_str(), file.approvals.size());
  return 0;
}

int run_verify(const Arguments& arguments) {
  Result<lockfile::LockFile> file = read_lock(arguments.lock);
  if (!file) return refuse("verify", file.error());
  if (!arguments.keys.empty()) {
    std::vector<merkle::VerifierKey> approvers;
    for (const std::string& text : arguments.keys) {
      Result<merkle::VerifierKey> key = merkle::VerifierKey::parse(text);
      if (!key) return refuse("verify", key.error());
      approvers.push_back(key->with_type(merkle::SignatureType::kApproval));
    }
    const size_t required = arguments.required != 0 ? arguments.required : approvers.size();
    if (Status approved = lockfile::check_approvals(*file, approvers, required); !approved) {
      printf("%s: %s\n", arguments.lock.c_str(), approved.error().text().c_str());
      return 1;
    }
  }
  Result<lockfile::FlagSetInput> input = load(arguments, file->lock.tenant);
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

int run_diff(const Arguments& arguments) {
  Result<lockfile::LockFile> before = read_lock(arguments.lock);
  if (!before) return refuse("diff", before.error());
  Result<lockfile::LockFile> after = read_lock(arguments.other);
  if (!after) return refuse("diff", after.error());
  Result<std::vector<lockfile::FlagChange>> changes =
      lockfile::diff_locks(before->lock, after->lock);
  if (!changes) return refuse("diff", changes.error());
  for (const lockfile::FlagChange& change : *changes) printf("%s", change.text().c_str());
  if (changes->empty()) printf("no flag differs\n");
  return changes->empty() ? 0 : 1;
}

void add_lock(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("lock", "Writes a lock file: exactly these flags, approved by these keys");
  command->footer(
      "Examples:\n"
      "  flagmesh lock -o flags.lock flags/*.yaml\n"
      "  flagmesh lock -o flags.lock --base flags.lock.live --key alice.key flags/*.yaml\n"
      "Exit code: 0 written, 2 a file or key has errors.");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("FILES", arguments->files, "flag files, YAML or JSON")->required();
  command->add_option("-o,--out", arguments->lock, "the lock file")->required();
  command->add_option("--tenant", arguments->tenant, "whose flags they are");
  command->add_option("--base", arguments->base,
                      "the lock that is in force now: the lock allows this one step only");
  command->add_option("--key", arguments->keys, "private key of an approver; may be repeated");
  command->add_option("--tenant-secret", arguments->secret,
                      "the engine's master secret or the tenant's, if it has one");
  command->add_option("--valid-days", arguments->valid_days, "how long the lock can be used");
  command->callback([arguments, &exit_code] { exit_code = run_lock(*arguments); });
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
  CLI::App* command = app.add_subcommand("diff", "Shows which flags differ between two lock files");
  command->footer(
      "Example:\n"
      "  flagmesh diff flags.lock.live flags.lock\n"
      "Exit code: 0 no flag differs, 1 some do, 2 a lock cannot be read.");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("BEFORE", arguments->lock, "a lock file")->required();
  command->add_option("AFTER", arguments->other, "a lock file")->required();
  command->callback([arguments, &exit_code] { exit_code = run_diff(*arguments); });
}

}  // namespace

void add_lock_commands(CLI::App& app, int& exit_code) {
  add_lock(app, exit_code);
  add_verify(app, exit_code);
  add_diff(app, exit_code);
}

}  // namespace flagmesh
