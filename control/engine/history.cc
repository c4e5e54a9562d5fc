#include "control/engine/history.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "control/flags/canonical_json.h"
#include "control/flags/json_value.h"
#include "control/flags/read_json.h"
#include "merkle/secret_file.h"
#include "proxy/base/durable_file.h"

namespace flagmesh::engine {
namespace {

using flags::JsonValue;

constexpr std::string_view kFirstLine = "flagmesh history 1\n";
constexpr size_t kCheckLetters = 16;
constexpr size_t kFileBytes = size_t{4} * 1024 * 1024 * 1024;

JsonValue changes_json(const std::vector<FlagChange>& changes) {
  JsonValue::Array list;
  for (const FlagChange& change : changes) {
    JsonValue::Object object;
    object.push_back({"author", change.author});
    object.push_back({"flag", change.key});
    if (change.json && !change.over.empty()) object.push_back({"json", *change.json});
    if (!change.over.empty()) object.push_back({"over", change.over});
    if (!change.source.empty()) object.push_back({"source", change.source});
    object.push_back({"what", change.what});
    list.emplace_back(std::move(object));
  }
  return list;
}

std::string to_json(const HistoryEntry& entry) {
  JsonValue::Array nonces;
  for (const UsedNonce& used : entry.nonces) {
    JsonValue::Object object;
    object.push_back({"expires", static_cast<double>(used.expires)});
    object.push_back({"nonce", used.nonce});
    nonces.emplace_back(std::move(object));
  }
  JsonValue::Object object;
  object.push_back({"author", entry.author()});
  object.push_back({"changes", changes_json(entry.changes)});
  object.push_back({"epoch", static_cast<double>(entry.epoch)});
  object.push_back({"nonces", JsonValue(std::move(nonces))});
  object.push_back({"opening", entry.opening.hex()});
  object.push_back({"time", static_cast<double>(entry.time_ms)});
  return flags::canonical_json(JsonValue(std::move(object)));
}

std::string text_of(const JsonValue& object, std::string_view name) {
  const JsonValue* value = object.find(name);
  return value != nullptr && value->is_string() ? value->string() : std::string();
}

int64_t number_of(const JsonValue& object, std::string_view name) {
  const JsonValue* value = object.find(name);
  return value == nullptr ? 0 : value->integer().value_or(0);
}

const JsonValue::Array& list_of(const JsonValue& object, std::string_view name) {
  static const JsonValue::Array kEmpty;
  const JsonValue* value = object.find(name);
  return value != nullptr && value->is_array() ? value->array() : kEmpty;
}

// The check sum vouches that we wrote it, so what is missing is simply empty.
Result<HistoryEntry> from_json(std::string_view json) {
  const auto value = flags::parse_json(json);
  if (!value) return std::unexpected(value.error());
  HistoryEntry entry;
  entry.epoch = static_cast<uint64_t>(number_of(*value, "epoch"));
  entry.time_ms = number_of(*value, "time");
  const auto opening = merkle::Hash::from_hex(text_of(*value, "opening"));
  if (!opening) return std::unexpected(opening.error());
  entry.opening = *opening;
  for (const JsonValue& item : list_of(*value, "changes")) {
    FlagChange change{text_of(item, "flag"), std::nullopt, text_of(item, "over"),
                      text_of(item, "author"), text_of(item, "what"), text_of(item, "source")};
    if (item.find("json") != nullptr) change.json = text_of(item, "json");
    entry.changes.push_back(std::move(change));
  }
  for (const JsonValue& item : list_of(*value, "nonces")) {
    entry.nonces.push_back({text_of(item, "nonce"), number_of(item, "expires")});
  }
  return entry;
}

std::string check_of(std::string_view json) {
  return merkle::sha256(json).hex().substr(0, kCheckLetters);
}

std::unexpected<Error> failed(const char* code, const std::string& path, const char* what) {
  return fail(code, std::string("cannot ") + what + ": " + strerror(errno), path);
}

}  // namespace

std::string HistoryEntry::author() const {
  if (changes.empty()) return {};
  const std::string& first = changes.front().author;
  const bool same = std::ranges::all_of(
      changes, [&](const FlagChange& change) { return change.author == first; });
  return same ? first : "several";
}

merkle::AuthorId HistoryEntry::author_id() const {
  std::string text("author\0", 7);
  text += author();
  const merkle::Hash hash = merkle::hmac_sha256(opening.view(), text);
  merkle::AuthorId id;
  std::copy_n(hash.bytes.begin(), id.bytes.size(), id.bytes.begin());
  return id;
}

merkle::Hash HistoryEntry::commitment() const {
  return merkle::change_commitment(opening, flags::canonical_json(changes_json(changes)));
}

Result<History> History::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return failed("open_failed", path, "open");
  History history(fd, path);
  if (auto loaded = history.load(); !loaded) return std::unexpected(loaded.error());
  return history;
}

Status History::load() {
  auto bytes = read_if_exists(path_, kFileBytes);
  if (!bytes) return std::unexpected(bytes.error());
  const std::string text = std::move(*bytes).value_or("");
  std::string_view rest = text;
  size_t good = 0;
  if (rest.starts_with(kFirstLine)) {
    good = kFirstLine.size();
    rest.remove_prefix(good);
  } else if (!kFirstLine.starts_with(rest)) {
    return fail("corrupt_history", "this is no history of ours", path_);
  } else {
    rest = {};
  }
  for (size_t number = 2; !rest.empty(); ++number) {
    const size_t end = rest.find('\n');
    if (end == std::string_view::npos) break;  // torn
    const std::string_view line = rest.substr(0, end);
    const bool whole = line.size() > kCheckLetters + 1 && line[kCheckLetters] == ' ' &&
                       line.substr(0, kCheckLetters) == check_of(line.substr(kCheckLetters + 1));
    auto entry = whole ? from_json(line.substr(kCheckLetters + 1))
                       : fail("corrupt_history", "the check sum is wrong");
    // A power cut may leave the last line's end and not its middle.
    if (!entry && !whole && end + 1 == rest.size()) break;
    if (!entry) {
      return fail("corrupt_history", entry.error().message, path_ + ":" + std::to_string(number),
                  "restore the file from a backup, or begin a new state_dir");
    }
    entries_.push_back(std::move(*entry));
    good += end + 1;
    rest.remove_prefix(end + 1);
  }
  if (good == 0) {
    if (::ftruncate(fd_, 0) != 0 ||
        ::write(fd_, kFirstLine.data(), kFirstLine.size()) != ssize_t(kFirstLine.size())) {
      return failed("write_failed", path_, "begin the file");
    }
    if (auto synced = merkle::sync_folder_of(path_); !synced) return synced;
  } else if (::ftruncate(fd_, static_cast<off_t>(good)) != 0) {
    return failed("write_failed", path_, "cut a torn line");
  }
  return {};
}

History::History(History&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)),
      entries_(std::move(other.entries_)),
      failed_(other.failed_) {}

History& History::operator=(History&& other) noexcept {
  std::swap(fd_, other.fd_);
  path_.swap(other.path_);
  entries_.swap(other.entries_);
  std::swap(failed_, other.failed_);
  return *this;
}

History::~History() {
  if (fd_ >= 0) ::close(fd_);
}

Status History::append(const HistoryEntry& entry) {
  if (failed_)
    return fail("write_failed", "an earlier write failed", path_, "start the engine again");
  const std::string json = to_json(entry);
  const std::string line = check_of(json) + " " + json + "\n";
  const ssize_t written = ::write(fd_, line.data(), line.size());
  if (written != static_cast<ssize_t>(line.size()) || ::fsync(fd_) != 0) {
    failed_ = true;
    return failed("write_failed", path_, "write");
  }
  return {};
}

}  // namespace flagmesh::engine
