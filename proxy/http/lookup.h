// The answer of a search for one value where several may be: cookies, query parameters.
#pragma once

#include <cstdint>
#include <string_view>

namespace flagmesh::http {

enum class Found : uint8_t { kAbsent, kOnce, kRepeated };

struct Lookup {
  Found found = Found::kAbsent;
  std::string_view value;  // the first one's; empty when absent, and maybe when not

  void add(std::string_view another) {
    if (found == Found::kAbsent) value = another;
    found = found == Found::kAbsent ? Found::kOnce : Found::kRepeated;
  }
};

}  // namespace flagmesh::http
