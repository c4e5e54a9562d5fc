// Says when files that belong together have changed, by looking at them now and then.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/base/time.h"

namespace flagmesh {

// On the main thread. Looking is a stat(2) for each file: it works on every file system, and through the links that Kubernetes swaps.
class CertificateWatch {
 public:
  struct Item {
    std::string what;                // for the log: "listener 0.0.0.0:9443"
    std::vector<std::string> files;  // a certificate and its key are written one after the other: all have to be still for a look's time
    std::function<Status()> load;    // on an error what there was stays, until the files change again
  };

  // Items that were loaded from the files as they are now.
  void set(std::vector<Item> items, MonoMs now);
  // Loads what has changed; call it every kLookMs. What has not changed is loaded again every kRenewMs, because an OCSP answer gets old.
  void look(MonoMs now);

  uint64_t loads() const { return loads_; }
  uint64_t failures() const { return failures_; }

  static constexpr MonoMs kLookMs = 500;
  static constexpr MonoMs kRenewMs = 3'600'000;

 private:
  struct Watched {
    Item item;
    std::string used;  // the files' fingerprint when they were loaded last, or refused
    std::string seen;  // at the last look
    MonoMs loaded_ms = 0;
  };
  void load(Watched& watched, MonoMs now);

  std::vector<Watched> watched_;
  uint64_t loads_ = 0;
  uint64_t failures_ = 0;
};

}  // namespace flagmesh
