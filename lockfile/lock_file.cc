#include "lockfile/lock_file.h"

#include <algorithm>

#include "lockfile/lines.h"
#include "lockfile/lock_time.h"
#include "merkle/encoding.h"
#include "merkle/sorted_tree.h"
#include "merkle/state_tree.h"

namespace flagmesh::lockfile {

namespace {

constexpr std::string_view kFirstLine = "flagmesh lock 1";
constexpr std::string_view kCanonicalisation = "flagmesh-flag-1";
constexpr std::string_view kNone = "none";
constexpr size_t kHashDigits = 2 * merkle::Hash::kSize;

void append_flags(std::string& text, const std::vector<LockedFlag>& flags) {
  for (const LockedFlag& flag : flags) text += "flag " + flag.leaf.hex() + ' ' + flag.key + '\n';
}

// What stands behind "flag " or "file ": a hash and a name.
struct HashedName {
  merkle::Hash hash;
  std::string name;
};

class BodyReader {
 public:
  explicit BodyReader(std::string_view body) : lines_(body, "bad_lock") {}

  Result<Lock> read() {
    if (Status status = read_head(); !status) return std::unexpected(status.error());
    if (Status status = read_flags(lock_.loose_flags); !status)
      return std::unexpected(status.error());
    while (!lines_.at_end()) {
      if (Status status = read_file(); !status) return std::unexpected(status.error());
    }
    Result<merkle::Hash> root = root_of_leaves(lock_);
    if (!root) return fail("bad_lock", root.error().message);
    if (*root != lock_.tenant_root)
      return fail("bad_lock", "the tenant root is not that of the flags that are listed");
    return std::move(lock_);
  }

 private:
  Status read_head() {
    Result<std::string_view> line = lines_.take();
    if (!line) return std::unexpected(line.error());
    if (*line != kFirstLine) return lines_.refuse("not a lock file of version 1");

    if (line = lines_.take("tenant"); !line) return std::unexpected(line.error());
    if (!merkle::is_tenant_name(*line)) return lines_.refuse("not a tenant's name");
    lock_.tenant = *line;

    if (line = lines_.take("canonicalisation"); !line) return std::unexpected(line.error());
    if (*line != kCanonicalisation) return lines_.refuse("an unknown canonicalisation");

    if (line = lines_.take("openings"); !line) return std::unexpected(line.error());
    if (*line != kNone && (line->size() != 8 || !merkle::hex_decode(*line)))
      return lines_.refuse("openings are 'none' or 8 hexadecimal digits");
    lock_.openings = *line;

    if (line = lines_.take("not-after"); !line) return std::unexpected(line.error());
    Result<int64_t> time = parse_time(*line);
    if (!time) return lines_.refuse(time.error().message);
    lock_.not_after = *time;
    return read_roots();
  }

  Status read_roots() {
    Result<std::string_view> line = lines_.take("base-root");
    if (!line) return std::unexpected(line.error());
    if (*line != kNone) {
      Result<merkle::Hash> root = merkle::Hash::from_hex(*line);
      if (!root) return lines_.refuse(root.error().message);
      lock_.base_root = *root;
    }
    if (line = lines_.take("tenant-root"); !line) return std::unexpected(line.error());
    Result<merkle::Hash> root = merkle::Hash::from_hex(*line);
    if (!root) return lines_.refuse(root.error().message);
    lock_.tenant_root = *root;

    if (!lines_.at("metadata")) return {};
    line = lines_.take("metadata");
    if (!line) return std::unexpected(line.error());
    Result<merkle::Hash> metadata = merkle::Hash::from_hex(*line);
    if (!metadata) return lines_.refuse(metadata.error().message);
    lock_.metadata = *metadata;
    return {};
  }

  Status read_flags(std::vector<LockedFlag>& flags) {
    while (lines_.at("flag")) {
      Result<HashedName> flag = take_hashed("flag");
      if (!flag) return std::unexpected(flag.error());
      if (!flags.empty() && flags.back().key >= flag->name)
        return lines_.refuse("flags that are not sorted by key");
      flags.push_back({std::move(flag->name), flag->hash});
    }
    return {};
  }

  Status read_file() {
    Result<HashedName> file = take_hashed("file");
    if (!file) return std::unexpected(file.error());
    if (!lock_.files.empty() && lock_.files.back().path >= file->name)
      return lines_.refuse("files that are not sorted by path");
    lock_.files.push_back({std::move(file->name), file->hash});
    return read_flags(lock_.files.back().flags);
  }

  Result<HashedName> take_hashed(std::string_view word) {
    Result<std::string_view> line = lines_.take(word);
    if (!line) return std::unexpected(line.error());
    if (line->size() < kHashDigits + 2 || (*line)[kHashDigits] != ' ')
      return lines_.refuse("a line without hash and name");
    Result<merkle::Hash> hash = merkle::Hash::from_hex(line->substr(0, kHashDigits));
    if (!hash) return lines_.refuse(hash.error().message);
    std::string_view name = line->substr(kHashDigits + 1);
    if (!is_line_text(name)) return lines_.refuse("a name with control characters");
    return HashedName{*hash, std::string(name)};
  }

  Lines lines_;
  Lock lock_;
};

}  // namespace

uint64_t Lock::flag_count() const {
  uint64_t count = loose_flags.size();
  for (const LockedFile& file : files) count += file.flags.size();
  return count;
}

std::string Lock::text() const {
  std::string text(kFirstLine);
  text += "\ntenant " + tenant;
  text += "\ncanonicalisation " + std::string(kCanonicalisation);
  text += "\nopenings " + openings;
  text += "\nnot-after " + format_time(not_after);
  text += "\nbase-root " + (base_root ? base_root->hex() : std::string(kNone));
  text += "\ntenant-root " + tenant_root.hex() + '\n';
  if (metadata) text += "metadata " + metadata->hex() + '\n';
  append_flags(text, loose_flags);
  for (const LockedFile& file : files) {
    text += "file " + file.sha256.hex() + ' ' + file.path + '\n';
    append_flags(text, file.flags);
  }
  return text;
}

Result<Lock> Lock::parse(std::string_view body) {
  return BodyReader(body).read();
}

Result<merkle::Hash> root_of_leaves(const Lock& lock) {
  std::vector<merkle::SortedTree::Entry> entries;
  entries.reserve(lock.flag_count() + 1);
  if (lock.metadata) entries.push_back({"", *lock.metadata});
  const auto add = [&entries](const std::vector<LockedFlag>& flags) {
    for (const LockedFlag& flag : flags) entries.push_back({flag.key, flag.leaf});
  };
  add(lock.loose_flags);
  for (const LockedFile& file : lock.files) add(file.flags);
  Result<merkle::SortedTree> tree = merkle::SortedTree::build(std::move(entries));
  if (!tree) return std::unexpected(tree.error());
  return tree->root();
}

std::string LockFile::text() const {
  std::string text = lock.text();
  if (!approvals.empty()) text += '\n';
  for (const merkle::NoteSignature& approval : approvals) text += approval.line();
  if (published) text += published->text();
  return text;
}

Result<LockFile> LockFile::parse(std::string_view bytes) {
  if (bytes.size() > kLockFileBytes) return fail("bad_lock", "a lock file of more than 64 MiB");
  LockFile file;
  // No line of the body and no signature begins with "==".
  if (size_t at = bytes.find("\n=="); at != std::string_view::npos) {
    Result<Published> published = Published::parse(bytes.substr(at + 1));
    if (!published) return std::unexpected(published.error());
    file.published = std::move(*published);
    bytes = bytes.substr(0, at + 1);
  }
  // An empty line is only before signatures.
  std::string text(bytes);
  if (bytes.find("\n\n") != std::string_view::npos) {
    Result<merkle::Note> note = merkle::Note::parse(bytes, kLockFileBytes);
    if (!note) return std::unexpected(note.error());
    text = std::move(note->text);
    file.approvals = std::move(note->signatures);
  }
  Result<Lock> lock = Lock::parse(text);
  if (!lock) return std::unexpected(lock.error());
  file.lock = std::move(*lock);
  return file;
}

}  // namespace flagmesh::lockfile
