#include "control/flags/model.h"

namespace flagmesh::flags {

std::optional<size_t> FlagDefinition::variant_index(std::string_view name) const {
  for (size_t i = 0; i < variants.size(); ++i) {
    if (variants[i].name == name) return i;
  }
  return std::nullopt;
}

const FlagDefinition* FlagSet::find(std::string_view key) const {
  for (const FlagDefinition& flag : flags) {
    if (flag.key == key) return &flag;
  }
  return nullptr;
}

}  // namespace flagmesh::flags
