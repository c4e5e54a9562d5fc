#include "tests/fakes/power_cut.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

namespace fs = std::filesystem;

namespace flagmesh::fakes {
namespace {

PowerCut* g_recording = nullptr;
bool g_checking = false;  // what is found after a cut is looked at: nothing there has to last
constexpr size_t kSector = 512;

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == path.npos ? std::string() : path.substr(0, slash);
}

void put(std::string& file, uint64_t at, std::string_view bytes) {
  if (file.size() < at + bytes.size()) file.resize(at + bytes.size());
  file.replace(at, bytes.size(), bytes);
}

}  // namespace

PowerCut* PowerCut::recording() {
  return g_recording;
}

bool PowerCut::checking() {
  return g_checking;
}

PowerCut::PowerCut(std::string folder) : folder_(std::move(folder)) {
  g_recording = this;
}

PowerCut::~PowerCut() {
  stop();
}

void PowerCut::stop() {
  if (g_recording == this) g_recording = nullptr;
}

void PowerCut::promise(uint64_t value) {
  steps_.push_back({.kind = Kind::kPromise, .at = value});
}

std::optional<std::string> PowerCut::below(const std::string& path) const {
  const std::string whole = fs::absolute(path).lexically_normal().string();
  if (whole == folder_) return "";
  if (!whole.starts_with(folder_ + "/")) return std::nullopt;
  std::string name = whole.substr(folder_.size() + 1);
  while (name.ends_with('/')) name.pop_back();
  return name;
}

void PowerCut::opened(int fd, const std::string& path, int flags, bool existed) {
  const auto name = below(path);
  if (!name) return;
  if ((flags & O_DIRECTORY) != 0) {
    open_[fd] = {std::nullopt, *name};
    return;
  }
  if ((flags & O_ACCMODE) == O_RDONLY) return;
  if (!existed) {
    names_[*name] = files_++;
    steps_.push_back({.kind = Kind::kCreate, .file = names_[*name], .path = *name});
  }
  const size_t file = names_.at(*name);
  open_[fd] = {file, *name, 0, (flags & O_APPEND) != 0};
  if (existed && (flags & O_TRUNC) != 0) truncated(fd, 0);
}

void PowerCut::written(int fd, std::string_view bytes) {
  const auto at = open_.find(fd);
  if (at == open_.end() || !at->second.file) return;
  uint64_t& size = sizes_[*at->second.file];
  const uint64_t offset = at->second.append ? size : at->second.position;
  steps_.push_back(
      {.kind = Kind::kWrite, .file = *at->second.file, .at = offset, .bytes = std::string(bytes)});
  at->second.position = offset + bytes.size();
  size = std::max(size, offset + bytes.size());
}

void PowerCut::truncated(int fd, uint64_t size) {
  const auto at = open_.find(fd);
  if (at == open_.end() || !at->second.file) return;
  sizes_[*at->second.file] = size;
  steps_.push_back({.kind = Kind::kTruncate, .file = *at->second.file, .at = size});
}

void PowerCut::synced(int fd) {
  const auto at = open_.find(fd);
  if (at == open_.end()) return;
  if (at->second.file) {
    steps_.push_back({.kind = Kind::kSyncFile, .file = *at->second.file, .at = syncs_++});
  } else {
    steps_.push_back({.kind = Kind::kSyncFolder, .at = syncs_++, .path = at->second.path});
  }
}

void PowerCut::renamed(const std::string& from, const std::string& to) {
  const auto old_name = below(from);
  const auto new_name = below(to);
  if (!old_name || !new_name || !names_.contains(*old_name)) return;
  const size_t file = names_.at(*old_name);
  names_.erase(*old_name);
  names_[*new_name] = file;
  steps_.push_back({.kind = Kind::kRename, .file = file, .path = *new_name, .from = *old_name});
}

void PowerCut::removed(const std::string& path) {
  const auto name = below(path);
  if (!name || names_.erase(*name) == 0) return;
  steps_.push_back({.kind = Kind::kRemove, .path = *name});
}

void PowerCut::made_folder(const std::string& path) {
  if (const auto name = below(path); name) {
    steps_.push_back({.kind = Kind::kFolder, .path = *name});
  }
}

void PowerCut::closed(int fd) {
  open_.erase(fd);
}

PowerCut::Found PowerCut::after_cut(size_t steps, std::optional<size_t> without,
                                    const Luck& luck) const {
  // Up to which step each file and each folder is synced.
  std::map<size_t, size_t> file_synced;
  std::map<std::string, size_t> folder_synced;
  for (size_t i = 0; i < steps; ++i) {
    const Step& step = steps_[i];
    if ((step.kind == Kind::kSyncFile || step.kind == Kind::kSyncFolder) && step.at == without)
      continue;
    if (step.kind == Kind::kSyncFile) file_synced[step.file] = i;
    if (step.kind == Kind::kSyncFolder) folder_synced[step.path] = i;
  }
  std::minstd_rand random(luck.seed);
  const auto lucky = [&](int percent) {
    return std::uniform_int_distribution<int>(1, 100)(random) <= percent;
  };
  std::map<size_t, std::string> contents;
  std::map<std::string, size_t> names;
  std::set<std::string> folders;
  for (size_t i = 0; i < steps; ++i) {
    const Step& step = steps_[i];
    const bool in_file = step.kind == Kind::kWrite || step.kind == Kind::kTruncate;
    const bool in_folder = step.kind == Kind::kCreate || step.kind == Kind::kRename ||
                           step.kind == Kind::kRemove || step.kind == Kind::kFolder;
    if (!in_file && !in_folder) continue;
    bool durable;
    if (in_file) {
      const auto synced = file_synced.find(step.file);
      durable = synced != file_synced.end() && synced->second > i;
    } else {
      const auto synced = folder_synced.find(parent_of(step.path));
      durable = synced != folder_synced.end() && synced->second > i;
    }
    if (!durable && !lucky(in_file ? luck.files : luck.folders)) continue;
    switch (step.kind) {
      case Kind::kWrite: {
        const bool torn = !durable && luck.files == 50;
        std::string& file = contents[step.file];
        for (size_t at = 0; at < step.bytes.size(); at += kSector) {
          if (torn && !lucky(75)) continue;
          size_t length = std::min(kSector, step.bytes.size() - at);
          // The end of a write may be missing within a sector, too.
          if (torn && at + length == step.bytes.size() && lucky(30)) length = length / 2;
          put(file, step.at + at, std::string_view(step.bytes).substr(at, length));
        }
        break;
      }
      case Kind::kTruncate:
        contents[step.file].resize(step.at);
        break;
      case Kind::kCreate:
        names[step.path] = step.file;
        break;
      case Kind::kRename:
        names.erase(step.from);
        names[step.path] = step.file;
        break;
      case Kind::kRemove:
        names.erase(step.path);
        break;
      case Kind::kFolder:
        folders.insert(step.path);
        break;
      default:
        break;
    }
  }
  const auto reachable = [&](const std::string& path) {
    for (std::string up = parent_of(path); !up.empty(); up = parent_of(up)) {
      if (!folders.contains(up)) return false;
    }
    return true;
  };
  Found found;
  for (const std::string& folder : folders) {
    if (reachable(folder)) found.folders.push_back(folder);
  }
  for (const auto& [name, file] : names) {
    if (reachable(name)) found.files[name] = contents[file];
  }
  return found;
}

bool PowerCut::run(size_t steps, std::optional<size_t> without, const Luck& luck,
                   const Check& check) const {
  uint64_t promised = 0;
  for (size_t i = 0; i < steps; ++i) {
    if (steps_[i].kind == Kind::kPromise) promised = steps_[i].at;
  }
  const Found found = after_cut(steps, without, luck);
  // In memory where there is such a place: there are many thousands.
  const fs::path memory = "/dev/shm";
  std::string name =
      ((fs::exists(memory) ? memory : fs::temp_directory_path()) / "cut_XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) std::abort();
  for (const std::string& folder : found.folders) fs::create_directories(fs::path(name) / folder);
  for (const auto& [path, bytes] : found.files) {
    std::ofstream(fs::path(name) / path, std::ios::binary) << bytes;
  }
  const bool good = check(name, promised);
  fs::remove_all(name);
  if (!good && !without) {
    fprintf(stderr,
            "a power cut after step %zu of %zu (files %d %%, folders %d %%, seed %u) loses what "
            "was promised: %llu\n",
            steps, steps_.size(), luck.files, luck.folders, luck.seed,
            static_cast<unsigned long long>(promised));
  }
  return good;
}

bool PowerCut::survives(const Check& check, std::optional<size_t> without) const {
  static constexpr Luck kCertain[] = {{0, 0, 1}, {100, 0, 1}, {0, 100, 1}, {100, 100, 1}};
  static constexpr Luck kChance[] = {{50, 100, 0}, {50, 0, 0}, {50, 50, 0}};
  static constexpr uint32_t kRounds = 8;
  g_checking = true;
  bool good = true;
  for (size_t steps = 0; steps <= steps_.size() && good; ++steps) {
    for (const Luck& luck : kCertain) good = good && run(steps, without, luck, check);
    for (uint32_t round = 0; round < kRounds; ++round) {
      for (Luck luck : kChance) {
        luck.seed = static_cast<uint32_t>(steps) * kRounds + round + 1;
        good = good && run(steps, without, luck, check);
      }
    }
  }
  g_checking = false;
  return good;
}

}  // namespace flagmesh::fakes

using flagmesh::fakes::PowerCut;

extern "C" {

int __real_open(const char* path, int flags, ...);
ssize_t __real_write(int fd, const void* bytes, size_t size);
int __real_ftruncate(int fd, off_t size);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_rename(const char* from, const char* to);
int __real_unlink(const char* path);
int __real_mkdir(const char* path, mode_t mode);
int __real_close(int fd);

int __wrap_open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  PowerCut* disk = PowerCut::recording();
  const bool existed = disk != nullptr && access(path, F_OK) == 0;
  const int fd = __real_open(path, flags, mode);
  if (disk != nullptr && fd >= 0) disk->opened(fd, path, flags, existed);
  return fd;
}

ssize_t __wrap_write(int fd, const void* bytes, size_t size) {
  const ssize_t written = __real_write(fd, bytes, size);
  if (PowerCut* disk = PowerCut::recording(); disk != nullptr && written > 0) {
    disk->written(fd, {static_cast<const char*>(bytes), static_cast<size_t>(written)});
  }
  return written;
}

int __wrap_ftruncate(int fd, off_t size) {
  const int result = __real_ftruncate(fd, size);
  if (PowerCut* disk = PowerCut::recording(); disk != nullptr && result == 0) {
    disk->truncated(fd, static_cast<uint64_t>(size));
  }
  return result;
}

// The syncs themselves are left out: the recording is what counts, and tests are faster.
int __wrap_fsync(int fd) {
  PowerCut* disk = PowerCut::recording();
  if (disk == nullptr) return PowerCut::checking() ? 0 : __real_fsync(fd);
  disk->synced(fd);
  return 0;
}

int __wrap_fdatasync(int fd) {
  PowerCut* disk = PowerCut::recording();
  if (disk == nullptr) return PowerCut::checking() ? 0 : __real_fdatasync(fd);
  disk->synced(fd);
  return 0;
}

int __wrap_rename(const char* from, const char* to) {
  const int result = __real_rename(from, to);
  if (PowerCut* disk = PowerCut::recording(); disk != nullptr && result == 0)
    disk->renamed(from, to);
  return result;
}

int __wrap_unlink(const char* path) {
  const int result = __real_unlink(path);
  if (PowerCut* disk = PowerCut::recording(); disk != nullptr && result == 0) disk->removed(path);
  return result;
}

int __wrap_mkdir(const char* path, mode_t mode) {
  const int result = __real_mkdir(path, mode);
  if (PowerCut* disk = PowerCut::recording(); disk != nullptr && result == 0)
    disk->made_folder(path);
  return result;
}

int __wrap_close(int fd) {
  if (PowerCut* disk = PowerCut::recording(); disk != nullptr) disk->closed(fd);
  return __real_close(fd);
}

}  // extern "C"
