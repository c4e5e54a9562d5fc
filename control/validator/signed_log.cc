#include "control/validator/signed_log.h"

#include <algorithm>
#include <optional>

#include "merkle/encoding.h"

namespace flagmesh::validator {
namespace {

constexpr std::string_view kFirstLine1 = "flagmesh signed log 1\n";
constexpr std::string_view kFirstLine2 = "flagmesh signed log 2\n";
constexpr size_t kFileBytes = 256 * 1024 * 1024;  // a million moved flags

std::unexpected<Error> bad() {
  return fail("corrupt_state", "no signed log");
}

// The next word of a line; what is behind its blank stays in `line`.
std::string_view next_word(std::string_view& line) {
  const size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

// The next line without its LF; nothing when there is none that is whole.
std::optional<std::string_view> next_line(std::string_view& text) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

std::string number(int64_t value) {
  return std::to_string(std::max<int64_t>(value, 0));
}

}  // namespace

Status SignedLog::parse(std::string_view text) {
  const bool first = text.starts_with(kFirstLine1);
  if (!first && !text.starts_with(kFirstLine2)) return bad();
  text.remove_prefix(kFirstLine1.size());
  const auto line = next_line(text);
  if (!line) return bad();
  const auto bytes = merkle::base64_decode(*line);
  if (!bytes) return bad();
  auto range = merkle::CompactRange::parse(*bytes);
  if (!range) return std::unexpected(range.error());
  range_ = std::move(*range);
  if (first) return text.empty() ? Status() : bad();
  while (!text.empty()) {
    const auto next = next_line(text);
    if (!next) return bad();
    if (auto parsed = parse_line(*next); !parsed) return parsed;
  }
  return {};
}

Status SignedLog::parse_line(std::string_view line) {
  const std::string_view kind = next_word(line);
  const auto first = merkle::parse_decimal(next_word(line));
  if (!first) return bad();
  if (kind == "head") {
    const auto root = merkle::Hash::from_base64(line);
    if (!root) return bad();
    head_ = {*first, *root};
    return {};
  }
  const auto epoch = merkle::parse_decimal(next_word(line));
  if (!epoch) return bad();
  if (kind == "lock") {
    const auto body = merkle::Hash::from_base64(line);
    if (!body) return bad();
    memory_.locks.push_back({static_cast<int64_t>(*first), *epoch, *body});
    return {};
  }
  const auto ppm = merkle::parse_decimal(next_word(line));
  const std::string_view tenant = next_word(line);
  if (kind != "moved" || !ppm || *ppm > UINT32_MAX || tenant.empty() || line.empty()) return bad();
  memory_.moves.push_back({static_cast<int64_t>(*first), *epoch, static_cast<uint32_t>(*ppm),
                           std::string(tenant), std::string(line)});
  return {};
}

Result<SignedLog> SignedLog::open(const std::string& state_dir) {
  if (auto made = make_folders(state_dir); !made) return std::unexpected(made.error());
  auto lock = FolderLock::take(state_dir);
  if (!lock) return std::unexpected(lock.error());
  SignedLog log(std::move(*lock), state_dir + "/signed");
  const auto bytes = read_if_exists(log.path_, kFileBytes);
  if (!bytes) return std::unexpected(bytes.error());
  if (!*bytes) return log;
  if (!log.parse(**bytes)) {
    return fail("corrupt_state", "the file does not say what was cosigned", log.path_,
                "restore it: a validator that forgets could sign two histories");
  }
  return log;
}

Result<merkle::CompactRange> SignedLog::follow(const snapshot::LogStep& step,
                                               const merkle::CompactRange& start,
                                               const merkle::Checkpoint& checkpoint) const {
  const uint64_t to = step.to();
  if (to < size()) {
    return fail("rollback", "epoch " + std::to_string(to) + " is older than epoch " +
                                std::to_string(size()) + ", which was cosigned");
  }
  if (to == size()) {
    if (checkpoint.root == root()) return range_;
    return fail("fork", "another log of size " + std::to_string(to) + " was cosigned");
  }
  const bool fresh = size() == 0;
  merkle::CompactRange range = fresh ? start : range_;
  if (range.size() < step.from || to - range.size() - 1 > step.skipped.size()) {
    return fail("gap", "the log between epoch " + std::to_string(range.size()) + " and " +
                           std::to_string(to) + " is not there");
  }
  for (size_t i = step.skipped.size() - (to - range.size() - 1); i < step.skipped.size(); ++i) {
    range.append(step.skipped[i]);
  }
  range.append(step.record.leaf());
  if (range.root() != checkpoint.root) {
    return fail("inconsistent_log",
                "the checkpoint of epoch " + std::to_string(to) + " does not continue the log");
  }
  return range;
}

Status SignedLog::advance(merkle::CompactRange range, PolicyMemory memory, HeadInForce head) {
  std::string text = std::string(kFirstLine2) + merkle::base64_encode(range.serialize()) + "\n";
  if (head.size > 0) {
    text += "head " + std::to_string(head.size) + " " + head.root.base64() + "\n";
  }
  for (const Move& move : memory.moves) {
    text += "moved " + number(move.time) + " " + std::to_string(move.epoch) + " " +
            std::to_string(move.ppm) + " " + move.tenant + " " + move.flag + "\n";
  }
  for (const UsedLock& used : memory.locks) {
    text += "lock " + number(used.not_after) + " " + std::to_string(used.epoch) + " " +
            used.body.base64() + "\n";
  }
  if (auto written = write_durably(path_, text); !written) return written;
  range_ = std::move(range);
  memory_ = std::move(memory);
  head_ = head;
  return {};
}

}  // namespace flagmesh::validator
