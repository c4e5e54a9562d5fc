#include "control/validator/witness.h"

#include <algorithm>
#include <utility>

#include "merkle/checkpoint.h"
#include "merkle/encoding.h"
#include "merkle/note.h"
#include "merkle/proof.h"
#include "proxy/base/durable_file.h"

namespace flagmesh::validator {
namespace {

constexpr std::string_view kFirstLine = "flagmesh witness 1\n";
constexpr std::string_view kOld = "old ";
constexpr size_t kFileBytes = 1024 * 1024;
constexpr size_t kProofHashes = 63;

std::unexpected<Error> bad_request(std::string why) {
  return fail("bad_request", std::move(why), {}, "see https://c2sp.org/tlog-witness");
}

}  // namespace

Result<AddCheckpoint> AddCheckpoint::parse(std::string_view body) {
  AddCheckpoint request;
  size_t end = body.find('\n');
  if (!body.starts_with(kOld) || end == body.npos) return bad_request("there is no line 'old SIZE'");
  const auto old_size = merkle::parse_decimal(body.substr(kOld.size(), end - kOld.size()));
  if (!old_size) return bad_request("the old size is no number");
  request.old_size = *old_size;
  for (body.remove_prefix(end + 1); !body.starts_with('\n'); body.remove_prefix(end + 1)) {
    end = body.find('\n');
    if (end == body.npos) return bad_request("no empty line before the checkpoint");
    if (request.proof.size() == kProofHashes) return bad_request("the proof is over 63 hashes");
    const auto hash = merkle::Hash::from_base64(body.substr(0, end));
    if (!hash) return bad_request("a line of the proof is no hash in base64");
    request.proof.push_back(*hash);
  }
  request.note = body.substr(1);
  return request;
}

std::string AddCheckpoint::text() const {
  std::string out = std::string(kOld) + std::to_string(old_size) + "\n";
  for (const merkle::Hash& hash : proof) out += hash.base64() + "\n";
  return out + "\n" + note;
}

Result<Witness> Witness::open(const std::string& state_dir,
                              std::vector<config::WitnessedLogConfig> logs) {
  Witness witness;
  witness.path_ = state_dir + "/witness";
  witness.logs_ = std::move(logs);
  const auto bytes = read_if_exists(witness.path_, kFileBytes);
  if (!bytes) return std::unexpected(bytes.error());
  if (!*bytes) return witness;
  if (auto parsed = witness.parse(**bytes); !parsed) return std::unexpected(parsed.error());
  return witness;
}

Status Witness::parse(std::string_view text) {
  const auto bad = [this] {
    return fail("corrupt_state", "the file does not say what was cosigned", path_,
                "restore it: a witness that forgets could sign two histories");
  };
  if (!text.starts_with(kFirstLine)) return bad();
  for (text.remove_prefix(kFirstLine.size()); !text.empty();) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    const size_t first = line.find(' ');
    const size_t second = first == line.npos ? line.npos : line.find(' ', first + 1);
    if (end == text.npos || second == line.npos) return bad();
    const auto size = merkle::parse_decimal(line.substr(0, first));
    const auto root = merkle::Hash::from_base64(line.substr(first + 1, second - first - 1));
    if (!size || !root) return bad();
    seen_[std::string(line.substr(second + 1))] = {*size, *root};
    text.remove_prefix(end + 1);
  }
  return {};
}

bool Witness::knows(std::string_view origin) const {
  return std::ranges::find(logs_, origin, &config::WitnessedLogConfig::origin) != logs_.end();
}

uint64_t Witness::size_of(std::string_view origin) const {
  const auto known = seen_.find(origin);
  return known == seen_.end() ? 0 : known->second.size;
}

Result<std::string> Witness::add(const AddCheckpoint& request, const merkle::SigningKey& key,
                                 int64_t unix_seconds) {
  const auto note = merkle::Note::parse(request.note);
  if (!note) return bad_request(note.error().message);
  const auto checkpoint = merkle::Checkpoint::parse(note->text);
  if (!checkpoint) return bad_request(checkpoint.error().message);
  const auto log =
      std::ranges::find(logs_, checkpoint->origin, &config::WitnessedLogConfig::origin);
  if (log == logs_.end()) return fail("unknown_log", "this witness does not know that log");
  if (!merkle::verify_note(*note, log->keys)) {
    return fail("bad_signature", "none of the log's keys signed the checkpoint");
  }
  if (request.old_size > checkpoint->size) {
    return bad_request("the old size is above the checkpoint's");
  }
  const Seen seen = seen_.contains(log->origin) ? seen_[log->origin] : Seen{};
  if (request.old_size != seen.size) {
    return fail("wrong_size", "the newest checkpoint here is of size " + std::to_string(seen.size));
  }
  if (seen.size > 0 && checkpoint->size == seen.size && checkpoint->root != seen.root) {
    return fail("fork", "another log of that size was cosigned");
  }
  const Status consistent = seen.size == 0
                                ? request.proof.empty() ? Status() : fail("bad_proof", "not empty")
                                : merkle::verify_consistency(seen.size, checkpoint->size, seen.root,
                                                             checkpoint->root, request.proof);
  if (!consistent) return fail("inconsistent_log", "the proof does not lead to the checkpoint");
  if (checkpoint->size != seen.size) {
    if (auto kept = keep(log->origin, {checkpoint->size, checkpoint->root}); !kept) {
      return std::unexpected(kept.error());
    }
  }
  const auto signature = merkle::sign_text(note->text, key, unix_seconds);
  if (!signature) return std::unexpected(signature.error());
  return signature->line();
}

Status Witness::keep(const std::string& origin, const Seen& seen) {
  auto next = seen_;
  next[origin] = seen;
  std::string text(kFirstLine);
  for (const auto& [name, one] : next) {
    text += std::to_string(one.size) + " " + one.root.base64() + " " + name + "\n";
  }
  if (auto written = write_durably(path_, text); !written) return written;
  seen_ = std::move(next);
  return {};
}

}  // namespace flagmesh::validator
