#include "proxy/certificate_watch.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

namespace flagmesh {

namespace {

std::string fingerprint(const std::vector<std::string>& files) {
  std::string all;
  for (const std::string& file : files) {
    struct stat info {};
    if (stat(file.c_str(), &info) != 0) {
      all += "gone;";
      continue;
    }
    for (const auto number : {static_cast<uint64_t>(info.st_ino), static_cast<uint64_t>(info.st_size),
                              static_cast<uint64_t>(info.st_mtim.tv_sec), static_cast<uint64_t>(info.st_mtim.tv_nsec)}) {
      all += std::to_string(number) + ',';
    }
    all += ';';
  }
  return all;
}

}  // namespace

void CertificateWatch::set(std::vector<Item> items, MonoMs now) {
  watched_.clear();
  for (Item& item : items) {
    const std::string print = fingerprint(item.files);
    watched_.push_back({.item = std::move(item), .used = print, .seen = print, .loaded_ms = now});
  }
}

void CertificateWatch::look(MonoMs now) {
  for (Watched& watched : watched_) {
    const std::string print = fingerprint(watched.item.files);
    const bool still = print == watched.seen;
    watched.seen = print;
    if (still && (print != watched.used || now - watched.loaded_ms >= kRenewMs)) load(watched, now);
  }
}

void CertificateWatch::load(Watched& watched, MonoMs now) {
  const bool changed = watched.used != watched.seen;
  watched.used = watched.seen;
  watched.loaded_ms = now;
  if (const Status loaded = watched.item.load(); !loaded) {
    ++failures_;
    spdlog::error("{}: the certificates stay as they were: {}", watched.item.what, loaded.error().text());
    return;
  }
  ++loads_;
  if (changed) spdlog::info("{}: certificates reloaded", watched.item.what);
}

}  // namespace flagmesh
