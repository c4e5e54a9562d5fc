// Routers' journals: whatever is on the disk is read or refused, and what is whole stays readable
// when it is cut behind any byte.
#include <cstdlib>
#include <string_view>

#include "control/snapshot/journal.h"

using namespace flagmesh::snapshot;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto stored = parse_journal(input);
  if (!stored) return 0;
  if (stored->whole_bytes > size) std::abort();
  const auto again = parse_journal(input.substr(0, stored->whole_bytes));
  if (!again || again->deltas != stored->deltas || again->head != stored->head) std::abort();
  return 0;
}
