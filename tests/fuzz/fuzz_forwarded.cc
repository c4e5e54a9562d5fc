// The Forwarded field of a request: what the reader takes apart is inside the field or the arena,
// and what we write it reads again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/http/forwarded.h"
#include "proxy/http/path.h"

using namespace flagmesh;
using namespace flagmesh::http;

namespace {

void require(bool true_here) {
  if (!true_here) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view value(reinterpret_cast<const char*>(data), size);
  static BlockPool pool;
  Arena arena(pool);
  ForwardedReader reader(value, arena);
  size_t elements = 0;
  while (const auto element = reader.next()) {
    require(!reader.bad());
    require(++elements <= size + 1);
    require(node_address(element->node).size() <= element->node.size());
    if (element->host.empty()) continue;
    require(is_valid_authority(element->host));
    std::string again = "for=unknown;host=";
    again += forwarded_value(element->host, arena);
    ForwardedReader second(again, arena);
    const auto read = second.next();
    require(read && read->host == element->host && !second.next() && !second.bad());
  }
  require(!reader.next());
  return 0;
}
