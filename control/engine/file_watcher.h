// Says when flag files may have changed: at once where the kernel tells, and by looking every few
// seconds where it does not (network file systems).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer.h"

namespace flagmesh::engine {

// On the loop's thread. Watches the folders of the files, so that editors that write a new file and
// rename it, and volumes that swap a link, are noticed.
class FileWatcher final : private event::IoHandler {
 public:
  static constexpr MonoMs kSettleMs = 50;  // after the last event of a burst
  static constexpr MonoMs kRescanMs = 3'000;

  // `list` gives the files to watch now; `on_change` is called on a turn of its own.
  FileWatcher(event::Loop& loop, std::function<std::vector<std::string>()> list,
              std::function<void()> on_change);
  FileWatcher(const FileWatcher&) = delete;
  FileWatcher& operator=(const FileWatcher&) = delete;
  ~FileWatcher();

  // Code "watch_failed". What is there now is not told.
  Status start();

 private:
  // Of each file: identity, size and time of change; a missing file has none.
  using Fingerprints = std::map<std::string, std::string>;

  void on_io(bool readable, bool writable, bool closed) override;
  static void on_settled(void* self);
  static void on_rescan(void* self);
  Fingerprints look();
  void watch_folders();

  event::Loop& loop_;
  std::function<std::vector<std::string>()> list_;
  std::function<void()> on_change_;
  int fd_ = -1;
  event::Io io_;
  event::Timer settle_;
  event::Timer rescan_;
  Fingerprints seen_;
};

}  // namespace flagmesh::engine
