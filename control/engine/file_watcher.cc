#include "control/engine/file_watcher.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>

namespace flagmesh::engine {
namespace {

constexpr uint32_t kEvents =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB;

}  // namespace

FileWatcher::FileWatcher(event::Loop& loop, std::function<std::vector<std::string>()> list,
                         std::function<void()> on_change)
    : loop_(loop),
      list_(std::move(list)),
      on_change_(std::move(on_change)),
      settle_(&FileWatcher::on_settled, this),
      rescan_(&FileWatcher::on_rescan, this) {}

FileWatcher::~FileWatcher() {
  io_.close();
  if (fd_ >= 0) ::close(fd_);
}

Status FileWatcher::start() {
  fd_ = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd_ < 0) {
    return fail("watch_failed", std::string("cannot watch files: ") + strerror(errno), {},
                "raise fs.inotify.max_user_instances");
  }
  watch_folders();
  seen_ = look();
  rescan_.set(loop_.timers(), loop_.now_ms() + kRescanMs);
  return io_.open(loop_, fd_, event::Io::Mode::kLevelRead, *this);
}

// Adding a watch that is there already changes nothing. One that cannot be added is what rescanning
// is for.
void FileWatcher::watch_folders() {
  std::set<std::string> folders;
  for (const std::string& file : list_()) {
    const std::string folder = std::filesystem::path(file).parent_path().string();
    folders.insert(folder.empty() ? "." : folder);
  }
  for (const std::string& folder : folders) ::inotify_add_watch(fd_, folder.c_str(), kEvents);
}

FileWatcher::Fingerprints FileWatcher::look() {
  Fingerprints found;
  for (const std::string& file : list_()) {
    struct stat status {};
    std::string& print = found[file];
    if (::stat(file.c_str(), &status) != 0) continue;
    for (const int64_t part :
         {int64_t(status.st_dev), int64_t(status.st_ino), int64_t(status.st_size),
          int64_t(status.st_mtim.tv_sec), int64_t(status.st_mtim.tv_nsec)}) {
      print.append(std::to_string(part)).append(" ");
    }
  }
  return found;
}

void FileWatcher::on_io(bool, bool, bool) {
  alignas(inotify_event) char events[4096];
  while (::read(fd_, events, sizeof events) > 0) {
  }
  settle_.set(loop_.timers(), loop_.now_ms() + kSettleMs);
}

void FileWatcher::on_settled(void* self) {
  auto& watcher = *static_cast<FileWatcher*>(self);
  watcher.seen_ = watcher.look();
  watcher.on_change_();
}

void FileWatcher::on_rescan(void* self) {
  auto& watcher = *static_cast<FileWatcher*>(self);
  watcher.rescan_.set(watcher.loop_.timers(), watcher.loop_.now_ms() + kRescanMs);
  watcher.watch_folders();
  Fingerprints now = watcher.look();
  if (now == watcher.seen_) return;
  watcher.seen_ = std::move(now);
  watcher.on_change_();
}

}  // namespace flagmesh::engine
