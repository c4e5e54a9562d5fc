#include "control/snapshot/journal.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "merkle/encoding.h"
#include "merkle/hash.h"
#include "merkle/note.h"
#include "merkle/secret_file.h"

namespace flagmesh::snapshot {
namespace {

namespace limits = published_limits;

constexpr std::string_view kFirstLine = "flagmesh journal 1\n";
constexpr std::string_view kMark = "FMJ";
constexpr char kChunk = 1;
constexpr char kBase = 2;
constexpr char kStep = 3;
constexpr size_t kHeadBytes = 3 + 1 + 4;
constexpr size_t kCheckBytes = 8;
constexpr size_t kPayloadBytes = limits::kDeltaBytes + merkle::kNoteBytes + 4;
// All chunks, and steps that are as long, with their frames.
constexpr size_t kFileBytes = size_t{3} * limits::kStateBytes;

std::string check_of(std::string_view kind_and_length, std::string_view payload) {
  const std::string_view parts[] = {kind_and_length, payload};
  return std::string(merkle::sha256(parts).view().substr(0, kCheckBytes));
}

std::string make_frame(char kind, std::string_view payload) {
  std::string frame(kMark);
  frame.reserve(kHeadBytes + payload.size() + kCheckBytes);
  frame.push_back(kind);
  merkle::append_u32(frame, static_cast<uint32_t>(payload.size()));
  frame.append(payload);
  return frame += check_of(std::string_view(frame).substr(kMark.size(), 5), payload);
}

struct Frame {
  char kind = 0;
  std::string_view payload;
  size_t bytes = 0;  // of the frame
};

// The frame that `bytes` begin with; nothing when they begin with no whole one.
std::optional<Frame> read_frame(std::string_view bytes) {
  if (bytes.size() < kHeadBytes + kCheckBytes || !bytes.starts_with(kMark)) return std::nullopt;
  const size_t length = merkle::read_u32(bytes.substr(4));
  if (length > kPayloadBytes || bytes.size() - kHeadBytes - kCheckBytes < length) {
    return std::nullopt;
  }
  const Frame frame{bytes[3], bytes.substr(kHeadBytes, length), kHeadBytes + length + kCheckBytes};
  if (bytes.substr(kHeadBytes + length, kCheckBytes) !=
      check_of(bytes.substr(kMark.size(), 5), frame.payload)) {
    return std::nullopt;
  }
  return frame;
}

// Whether a whole frame begins anywhere behind the first byte: then what is at the first byte was
// synced once, and no crash explains that it is not whole.
bool has_frame_behind(std::string_view bytes) {
  for (size_t at = bytes.find(kMark, 1); at != bytes.npos; at = bytes.find(kMark, at + 1)) {
    if (read_frame(bytes.substr(at))) return true;
  }
  return false;
}

std::unexpected<Error> corrupt(size_t at, std::string why) {
  return fail("corrupt_journal",
              "the journal " + std::move(why) + " at byte " + std::to_string(at));
}

// A payload's note, and what follows it.
bool split_note(std::string_view payload, std::string& note, std::string_view& rest) {
  if (payload.size() < 4) return false;
  const size_t length = merkle::read_u32(payload);
  if (length > merkle::kNoteBytes || payload.size() - 4 < length) return false;
  note = payload.substr(4, length);
  rest = payload.substr(4 + length);
  return true;
}

std::string with_note(std::string_view note, std::string_view rest) {
  std::string payload;
  payload.reserve(4 + note.size() + rest.size());
  merkle::append_u32(payload, static_cast<uint32_t>(note.size()));
  return payload.append(note).append(rest);
}

// One frame of a journal in its place. False when it cannot stand there.
bool take_frame(const Frame& frame, bool& has_base, StoredTrust& stored) {
  std::string_view rest;
  if (frame.kind == kChunk && !has_base) {
    stored.chunks.emplace_back(frame.payload);
    return true;
  }
  if (frame.kind == kBase && !has_base) {
    has_base = true;
    if (!split_note(frame.payload, stored.base_head, rest)) return false;
    Result<Manifest> manifest = Manifest::parse(rest);
    if (!manifest) return false;
    stored.manifest = *std::move(manifest);
    stored.head = stored.base_head;
    return true;
  }
  if (frame.kind != kStep || !has_base || !split_note(frame.payload, stored.head, rest))
    return false;
  stored.deltas.emplace_back(rest);
  return true;
}

Status unwritable(const Error& why) {
  return fail("unwritable_state_dir", why.message, why.place,
              "make room and look at the disk; the state in force stays until then");
}

// Entries in the order of their keys, as chunk frames; refs are what a manifest says of them.
class ChunkWriter {
 public:
  ChunkWriter(GrowingFile& file, std::vector<ChunkRef>& refs) : file_(file), refs_(refs) {}

  Status add(StateEntry entry) {
    bytes_ += entry.key.size() + entry.json.size() + merkle::Hash::kSize + 8;
    entries_.push_back(std::move(entry));
    return bytes_ >= limits::kChunkFullBytes ? finish() : Status();
  }
  Status finish() {
    if (entries_.empty()) return {};
    const std::string chunk = encode_chunk(entries_);
    refs_.push_back({merkle::sha256(chunk), static_cast<uint32_t>(chunk.size())});
    entries_.clear();
    bytes_ = 0;
    return file_.write(make_frame(kChunk, chunk));
  }

 private:
  GrowingFile& file_;
  std::vector<ChunkRef>& refs_;
  std::vector<StateEntry> entries_;
  size_t bytes_ = 0;
};

}  // namespace

Result<StoredTrust> parse_journal(std::string_view bytes) {
  if (!bytes.starts_with(kFirstLine)) return corrupt(0, "is no journal of ours");
  StoredTrust stored;
  bool has_base = false;
  size_t at = kFirstLine.size();
  while (at < bytes.size()) {
    const std::optional<Frame> frame = read_frame(bytes.substr(at));
    if (!frame) {
      // The base was whole before the file got its name.
      if (!has_base || has_frame_behind(bytes.substr(at))) return corrupt(at, "is damaged");
      break;
    }
    if (!take_frame(*frame, has_base, stored)) return corrupt(at, "has what cannot stand there");
    at += frame->bytes;
  }
  if (!has_base) return corrupt(at, "ends before its first state");
  stored.whole_bytes = at;
  return stored;
}

Result<std::unique_ptr<Journal>> Journal::open(std::string folder, bool wait) {
  if (Status made = make_folders(folder); !made) return std::unexpected(made.error());
  Result<FolderLock> lock = FolderLock::take(folder);
  if (!lock && !(wait && lock.error().code == "locked")) return std::unexpected(lock.error());
  std::optional<FolderLock> held;
  if (lock) held = *std::move(lock);
  return std::unique_ptr<Journal>(new Journal(std::move(folder), std::move(held)));
}

Status Journal::hold() {
  if (lock_) return {};
  Result<FolderLock> lock = FolderLock::take(folder_);
  if (!lock) return std::unexpected(lock.error());
  lock_ = *std::move(lock);
  return {};
}

void Journal::release() {
  file_.reset();
  lock_.reset();
}

Result<std::optional<StoredTrust>> Journal::read() const {
  auto bytes = read_if_exists(path(), kFileBytes);
  if (!bytes) return std::unexpected(bytes.error());
  if (!*bytes) return std::nullopt;
  Result<StoredTrust> stored = parse_journal(**bytes);
  if (!stored) {
    stored.error().place = path();
    stored.error().mend =
        "set trust.min_checkpoint to the epoch that other routers show, then remove the file";
    return std::unexpected(stored.error());
  }
  auto newest = read_if_exists(folder_ + "/newest", merkle::kNoteBytes);
  if (!newest) return std::unexpected(newest.error());
  stored->newest = std::move(*newest).value_or("");
  return std::optional(*std::move(stored));
}

Status Journal::resume(const StoredTrust& stored) {
  Result<GrowingFile> file = GrowingFile::open(path(), stored.whole_bytes);
  if (!file) return std::unexpected(file.error());
  file_ = *std::move(file);
  base_bytes_ = 0;
  for (const std::string& chunk : stored.chunks) base_bytes_ += chunk.size();
  return {};
}

Status Journal::keep(std::string_view head, const StateReplica::Proposal& proposal) {
  if (!lock_) return fail("unwritable_state_dir", "the folder is another process's", folder_);
  const bool outgrown = file_ && file_->size() > 2 * base_bytes_ + kStepBytes;
  const bool fits = proposal.step.log.skipped.size() <= limits::kSkippedEpochs;
  const bool as_step = file_ && !proposal.step.full && !outgrown && fits;
  Status kept = as_step ? write_step(head, proposal) : write_base(head, proposal);
  if (kept) return {};
  file_.reset();
  return unwritable(kept.error());
}

Status Journal::write_step(std::string_view head, const StateReplica::Proposal& proposal) {
  const Delta delta{proposal.step.log, proposal.step.tenants.front()};
  const std::string bytes = delta.encode();
  if (bytes.size() > limits::kDeltaBytes) return write_base(head, proposal);
  if (Status written = file_->write(make_frame(kStep, with_note(head, bytes))); !written) {
    return written;
  }
  return file_->sync();
}

Status Journal::write_base(std::string_view head, const StateReplica::Proposal& proposal) {
  Result<GrowingFile> file = GrowingFile::begin(path());
  if (!file) return std::unexpected(file.error());
  if (Status written = file->write(kFirstLine); !written) return written;
  Manifest manifest{proposal.log_before, proposal.record, proposal.step.tenants.front().proof, {}};
  ChunkWriter chunks(*file, manifest.chunks);
  Status written;
  if (!proposal.metadata.json.empty()) written = chunks.add(proposal.metadata);
  const std::string& tenant = proposal.step.tenants.front().tenant;
  proposal.after.for_each_of(tenant, [&](const FlagEntry& entry) {
    if (written) {
      written = chunks.add({std::string(entry.key()), entry.opening, entry.canonical_json});
    }
    return written.has_value();
  });
  if (written) written = chunks.finish();
  if (written) written = file->write(make_frame(kBase, with_note(head, manifest.encode())));
  if (written) written = file->put_in_place();
  if (!written) return written;
  file_ = *std::move(file);
  base_bytes_ = file_->size();
  return {};
}

Status Journal::keep_newest(std::string_view head) {
  if (!lock_) return fail("unwritable_state_dir", "the folder is another process's", folder_);
  Status kept = write_durably(folder_ + "/newest", head);
  return kept ? Status() : unwritable(kept.error());
}

Status Journal::forget() {
  file_.reset();
  const std::string to = path() + ".forgotten";
  for (const auto& [from, aside] : {std::pair(path(), to), {folder_ + "/newest", to + ".newest"}}) {
    if (std::rename(from.c_str(), aside.c_str()) != 0 && errno != ENOENT) {
      return fail("write_failed", std::string("cannot move it away: ") + std::strerror(errno),
                  from);
    }
  }
  return merkle::sync_folder_of(to);
}

}  // namespace flagmesh::snapshot
