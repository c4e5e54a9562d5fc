#pragma once

#include <expected>
#include <string>
#include <utility>

#include "proxy/base/error.h"

namespace flagmesh {

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

// fail("bad_signature", "the note has no signature by a pinned key")
inline std::unexpected<Error> fail(std::string code, std::string message, std::string place = {},
                                   std::string mend = {}) {
  return std::unexpected<Error>(
      Error{std::move(code), std::move(message), std::move(place), std::move(mend)});
}

}  // namespace flagmesh
