#include "merkle/epoch_log_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "merkle/encoding.h"
#include "merkle/secret_file.h"
#include "proxy/base/durable_file.h"

namespace flagmesh::merkle {

namespace {

constexpr std::string_view kHeader = "flagmesh epoch log 1\n";
constexpr size_t kCheckBytes = 8;
constexpr size_t kFrameBytes = kEpochRecordBytes + kCheckBytes;

std::string make_frame(const EpochRecord& record) {
  std::string frame = record.serialize();
  return frame += sha256(frame).view().substr(0, kCheckBytes);
}

constexpr char kLeafFrame = 2;
constexpr size_t kLeafAt = 9;

std::string make_leaf_frame(uint64_t epoch, const Hash& leaf) {
  std::string frame(1, kLeafFrame);
  append_u64(frame, epoch);
  frame.append(leaf.view());
  frame.resize(kEpochRecordBytes, 0);
  return frame += sha256(frame).view().substr(0, kCheckBytes);
}

// Adds what the frame says to the log. Codes "bad_record" (the frame itself), check_next's.
Status add_frame(std::string_view frame, EpochLog& log) {
  const std::string_view record = frame.substr(0, kEpochRecordBytes);
  if (sha256(record).view().substr(0, kCheckBytes) != frame.substr(kEpochRecordBytes))
    return fail("bad_record", "a record whose check does not fit");
  if (record.front() != kLeafFrame) {
    const Result<EpochRecord> parsed = EpochRecord::parse(record);
    if (!parsed) return fail("bad_record", parsed.error().message);
    return log.append(*parsed);
  }
  const uint64_t epoch = read_u64(record.substr(1));
  const bool zeros = record.find_first_not_of('\0', kLeafAt + Hash::kSize) == record.npos;
  if (epoch != log.size() + 1 || !zeros) return fail("bad_epoch", "a leaf out of its place");
  log.append_leaf(*Hash::from_bytes(record.substr(kLeafAt, Hash::kSize)));
  return {};
}

// The whole of `bytes`, also over interrupted and short writes.
bool write_at_end(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

Result<std::string> read_whole(int fd, const std::string& path) {
  std::string bytes;
  char buffer[64 * 1024];
  while (true) {
    ssize_t count = pread(fd, buffer, sizeof buffer, static_cast<off_t>(bytes.size()));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0)
      return fail("read_failed", std::string("cannot read the epoch log: ") + std::strerror(errno),
                  path);
    if (count == 0) return bytes;
    bytes.append(buffer, static_cast<size_t>(count));
  }
}

}  // namespace

EpochLogFile::EpochLogFile(EpochLogFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)),
      log_(std::move(other.log_)),
      cut_bytes_(other.cut_bytes_),
      failed_(other.failed_) {}

EpochLogFile& EpochLogFile::operator=(EpochLogFile&& other) noexcept {
  if (this == &other) return *this;
  if (fd_ >= 0) close(fd_);
  fd_ = std::exchange(other.fd_, -1);
  path_ = std::move(other.path_);
  log_ = std::move(other.log_);
  cut_bytes_ = other.cut_bytes_;
  failed_ = other.failed_;
  return *this;
}

EpochLogFile::~EpochLogFile() {
  if (fd_ >= 0) close(fd_);
}

Result<EpochLogFile> EpochLogFile::open(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0)
    return fail("open_failed", std::string("cannot open the epoch log: ") + std::strerror(errno),
                path);
  EpochLogFile file(fd, path);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0)
    return fail("locked", "another process has the epoch log", path,
                "stop the other engine or give this one its own state_dir");
  if (Status status = file.load(); !status) return std::unexpected(status.error());
  return file;
}

Status EpochLogFile::load() {
  Result<std::string> bytes = read_whole(fd_, path_);
  if (!bytes) return std::unexpected(bytes.error());
  // A crash may have torn the header of a new file too.
  if (bytes->size() < kHeader.size() && kHeader.starts_with(*bytes)) return cut_to(0, *bytes);
  if (!bytes->starts_with(kHeader)) return fail("corrupt_log", "not an epoch log", path_);
  return read_frames(*bytes);
}

Status EpochLogFile::read_frames(const std::string& bytes) {
  std::string_view rest = std::string_view(bytes).substr(kHeader.size());
  while (rest.size() >= kFrameBytes) {
    const Status status = add_frame(rest.substr(0, kFrameBytes), log_);
    const bool torn = !status && status.error().code == "bad_record";
    const bool last = rest.size() == kFrameBytes;
    if (!status && !(torn && last))
      return fail(
          "corrupt_log",
          "damaged at epoch " + std::to_string(log_.size() + 1) + ": " + status.error().message,
          path_, "restore the file, or remove it and recover from Redis or a validator");
    if (!status) break;
    rest.remove_prefix(kFrameBytes);
  }
  return rest.empty() ? Status() : cut_to(bytes.size() - rest.size(), bytes);
}

// Cuts a torn end off and makes that durable; an empty file gets its header.
Status EpochLogFile::cut_to(uint64_t size, const std::string& bytes) {
  cut_bytes_ = bytes.size() - size;
  bool ok = ftruncate(fd_, static_cast<off_t>(size)) == 0;
  if (ok && size == 0) ok = write_at_end(fd_, kHeader);
  if (!ok || fsync(fd_) != 0)
    return fail("write_failed", std::string("cannot write the epoch log: ") + std::strerror(errno),
                path_);
  return size == 0 ? sync_folder_of(path_) : Status();
}

Status EpochLogFile::recover(uint64_t keep, std::span<const Hash> leaves,
                             const EpochRecord& record) {
  if (keep == log_.size() && leaves.empty()) return append(record);
  EpochLog next = log_.first(keep);
  for (const Hash& leaf : leaves) next.append_leaf(leaf);
  if (Status status = next.append(record); !status) return status;
  auto file = GrowingFile::begin(path_);
  if (!file) return std::unexpected(file.error());
  Status written = file->write(kHeader);
  for (uint64_t epoch = 1; epoch <= next.size() && written; ++epoch) {
    const EpochRecord* known = next.find(epoch);
    written = file->write(known ? make_frame(*known) : make_leaf_frame(epoch, next.leaf(epoch)));
  }
  if (written) written = file->put_in_place();
  if (!written) return written;
  const int fd = ::open(path_.c_str(), O_RDWR | O_APPEND | O_CLOEXEC);
  if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (fd >= 0) close(fd);
    failed_ = true;
    return fail("locked", "another process has the epoch log", path_);
  }
  close(fd_);
  fd_ = fd;
  log_ = std::move(next);
  return {};
}

Status EpochLogFile::append(const EpochRecord& record) {
  if (failed_)
    return fail("write_failed", "an earlier write failed; the log must be opened again", path_);
  if (Status status = log_.check_next(record); !status) return status;
  if (!write_at_end(fd_, make_frame(record)) || fdatasync(fd_) != 0) {
    failed_ = true;
    return fail("write_failed", std::string("cannot write the epoch log: ") + std::strerror(errno),
                path_);
  }
  return log_.append(record);
}

}  // namespace flagmesh::merkle
