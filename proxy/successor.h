// Starts the program that is on disk now as this router's successor.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "proxy/base/result.h"

namespace flagmesh {

// On the main thread. One child at a time.
class Successor {
 public:
  // Remembers where the program is: an upgrade puts another file there.
  Successor();

  // With these arguments behind the program's name, and the same folder and environment. Codes
  // "successor" (one is on its way; cannot be started).
  Status start(const std::vector<std::string>& arguments);
  // To be called now and then: says when one has ended, which is when it failed (else we end
  // first).
  void reap();

 private:
  std::string program_;
  pid_t child_ = 0;
};

}  // namespace flagmesh
