#include "proxy/lock_inputs.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "control/config/trust_material.h"
#include "lockfile/approval.h"
#include "lockfile/flag_files.h"
#include "merkle/secret_file.h"
#include "proxy/base/durable_file.h"
#include "proxy/cli_support.h"

namespace flagmesh::cli {
namespace {

constexpr std::string_view kLockBegins = "flagmesh lock ";

bool is_flag_file(const std::filesystem::path& path) {
  const std::string end = path.extension().string();
  return end == ".yaml" || end == ".yml" || end == ".json";
}

std::vector<std::string> files_of(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) return {path};
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(path, ignored)) {
    if (entry.is_regular_file(ignored) && is_flag_file(entry.path())) {
      files.push_back(entry.path().string());
    }
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

int refuse(const char* command, const Error& error) {
  fprintf(stderr, "flagmesh %s: %s\n", command, error.text().c_str());
  return 2;
}

Result<lockfile::FlagSetInput> load_flags(const std::vector<std::string>& files,
                                          const std::string& tenant, const std::string& secret) {
  std::vector<lockfile::FileText> texts;
  for (const std::string& name : files) {
    for (const std::string& path : files_of(name)) {
      Result<std::string> text = read_file(path);
      if (!text) return std::unexpected(text.error());
      texts.push_back({path, std::move(*text)});
    }
  }
  Result<config::SecretSource> source = config::SecretSource::read(secret);
  if (!source) return std::unexpected(source.error());
  lockfile::LoadedFlags loaded = lockfile::load_flag_files(
      texts, tenant, source->present() ? source->of(tenant) : merkle::TenantSecret());
  for (const Diagnostic& diagnostic : loaded.diagnostics)
    fprintf(stderr, "%s\n", diagnostic.text().c_str());
  if (has_errors(loaded.diagnostics)) return fail("bad_flag_files", "the flag files have errors");
  return std::move(loaded.input);
}

Result<lockfile::LockFile> read_lock(const std::string& path) {
  Result<std::string> text = read_file(path);
  if (!text) return std::unexpected(text.error());
  Result<lockfile::LockFile> lock = lockfile::LockFile::parse(*text);
  if (!lock)
    lock.error().place = path + (lock.error().place.empty() ? "" : ":" + lock.error().place);
  return lock;
}

Status write_lock(const std::string& path, const lockfile::LockFile& file) {
  return write_atomically(path, file.text());
}

bool is_lock(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return false;
  const Result<std::string> text = read_file(path);
  return text && text->starts_with(kLockBegins);
}

Status approve_with(lockfile::LockFile& file, const std::string& key_file) {
  Result<std::string> text = merkle::read_secret_file(key_file);
  if (!text) return std::unexpected(text.error());
  Result<merkle::SigningKey> key = merkle::SigningKey::parse(*text);
  if (!key) {
    key.error().place = key_file;
    return std::unexpected(key.error());
  }
  return lockfile::approve(file, key->with_type(merkle::SignatureType::kApproval));
}

Result<std::vector<merkle::VerifierKey>> approver_keys(const std::vector<std::string>& texts) {
  std::vector<merkle::VerifierKey> keys;
  for (const std::string& text : texts) {
    Result<merkle::VerifierKey> key = merkle::VerifierKey::parse(text);
    if (!key) return std::unexpected(key.error());
    keys.push_back(key->with_type(merkle::SignatureType::kApproval));
  }
  return keys;
}

}  // namespace flagmesh::cli
