#include "proxy/base/error.h"

namespace flagmesh {

std::string Error::text() const {
  std::string out;
  if (!place.empty()) out += place + ": ";
  out += message;
  if (!mend.empty()) out += " (" + mend + ")";
  return out;
}

}  // namespace flagmesh
