#include "control/validator/signed_log.h"

#include "merkle/encoding.h"

namespace flagmesh::validator {
namespace {

constexpr std::string_view kFirstLine = "flagmesh signed log 1\n";
constexpr size_t kFileBytes = 16 * 1024;

}  // namespace

Result<SignedLog> SignedLog::open(const std::string& state_dir) {
  if (auto made = make_folders(state_dir); !made) return std::unexpected(made.error());
  auto lock = FolderLock::take(state_dir);
  if (!lock) return std::unexpected(lock.error());
  SignedLog log(std::move(*lock), state_dir + "/signed");
  const auto bytes = read_if_exists(log.path_, kFileBytes);
  if (!bytes) return std::unexpected(bytes.error());
  if (!*bytes) return log;
  std::string_view text = **bytes;
  const bool framed = text.starts_with(kFirstLine) && text.ends_with('\n');
  if (framed) {
    text.remove_prefix(kFirstLine.size());
    text.remove_suffix(1);
  }
  const auto decoded = merkle::base64_decode(text);
  const auto range = framed && decoded ? merkle::CompactRange::parse(*decoded)
                                       : fail("corrupt_state", "no signed log");
  if (!range) {
    return fail("corrupt_state", "the file does not say what was cosigned", log.path_,
                "restore it: a validator that forgets could sign two histories");
  }
  log.range_ = *range;
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

Status SignedLog::advance(merkle::CompactRange range) {
  const std::string text =
      std::string(kFirstLine) + merkle::base64_encode(range.serialize()) + "\n";
  if (auto written = write_durably(path_, text); !written) return written;
  range_ = std::move(range);
  return {};
}

}  // namespace flagmesh::validator
