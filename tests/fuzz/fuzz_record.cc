// Epoch records, leaves, tenant summaries, names of tiles: what is accepted is written back byte for byte.
#include <cstdlib>
#include <string_view>

#include "merkle/epoch_record.h"
#include "merkle/log_tiles.h"
#include "merkle/state_tree.h"

using namespace flagmesh::merkle;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (auto record = EpochRecord::parse(input); record)
    if (record->serialize() != input) std::abort();
  if (auto leaf = parse_leaf(input); leaf)
    if (leaf_data(leaf->opening, leaf->json) != input) std::abort();
  if (auto summary = TenantSummary::parse(input); summary)
    if (summary->json() != input) std::abort();
  if (auto name = TileName::parse(input); name)
    if (name->path() != input) std::abort();
  (void)TenantSecret::parse(input);
  (void)AuthorId::from_hex(input);
  return 0;
}
