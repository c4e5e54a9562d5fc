// A disk whose power is cut at any moment: records what a program does to the files of one folder,
// and shows what a machine could find there afterwards. Unsynced writes may be lost, torn or kept,
// each for itself; names that were made, moved or removed without a sync of their folder may be as
// before or as after, in any combination.
//
//   PowerCut disk(folder);
//   run the program; disk.promise(n) whenever it has said that n is durable
//   disk.stop();
//   disk.survives(check, std::nullopt)          // whatever the moment, what was promised is there
//   !disk.survives(check, 3)                    // and without the fourth sync it would not be
//
// Works by wrapping system calls at link time (target power_cut): the program under test is the one
// that is shipped. One at a time, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flagmesh::fakes {

class PowerCut {
 public:
  // Records from now on what happens below `folder`, which exists and is durable.
  explicit PowerCut(std::string folder);
  ~PowerCut();
  PowerCut(const PowerCut&) = delete;
  PowerCut& operator=(const PowerCut&) = delete;

  void promise(uint64_t value);
  void stop();
  size_t syncs() const { return syncs_; }

  // True when what is found in `folder` is as it has to be after the last promise before the cut
  // (0: none). It may write there.
  using Check = std::function<bool(const std::string& folder, uint64_t promised)>;
  // Cuts the power after every step, in many ways each, with sync number `without` left out. False
  // at the first cut for which `check` is; says which on stderr when `without` is empty.
  bool survives(const Check& check, std::optional<size_t> without) const;

  // For the wrapped calls.
  static PowerCut* recording();
  static bool checking();
  void opened(int fd, const std::string& path, int flags, bool existed);
  void written(int fd, std::string_view bytes);
  void truncated(int fd, uint64_t size);
  void synced(int fd);
  void renamed(const std::string& from, const std::string& to);
  void removed(const std::string& path);
  void made_folder(const std::string& path);
  void closed(int fd);

 private:
  enum class Kind : uint8_t {
    kWrite,
    kTruncate,
    kSyncFile,
    kCreate,
    kRename,
    kRemove,
    kFolder,
    kSyncFolder,
    kPromise
  };
  struct Step {
    Kind kind;
    size_t file = 0;  // number of an inode
    uint64_t at = 0;  // offset, size, promise, or number of the sync
    std::string bytes = {};
    std::string path = {};  // relative to the folder
    std::string from = {};
  };
  struct Open {
    std::optional<size_t> file;  // nothing: a folder
    std::string path;
    uint64_t position = 0;
    bool append = false;
  };
  // How much of what is not synced survives a cut.
  struct Luck {
    int files;  // in percent; 50: each for itself, perhaps torn
    int folders;
    uint32_t seed;
  };
  struct Found {
    std::map<std::string, std::string> files;
    std::vector<std::string> folders;
  };

  std::optional<std::string> below(const std::string& path) const;
  Found after_cut(size_t steps, std::optional<size_t> without, const Luck& luck) const;
  bool run(size_t steps, std::optional<size_t> without, const Luck& luck, const Check& check) const;

  std::string folder_;
  bool recording_ = true;
  size_t syncs_ = 0;
  size_t files_ = 0;
  std::map<int, Open> open_;
  std::map<std::string, size_t> names_;  // as the running program sees them
  std::map<size_t, uint64_t> sizes_;
  std::vector<Step> steps_;
};

}  // namespace flagmesh::fakes
