#include "control/engine/engine_flags.h"

#include <array>

#include "control/flags/canonical_flag.h"
#include "proxy/base/random.h"

namespace flagmesh::engine {

EngineFlags::EngineFlags(const FlagStore& store) : store_(store) {
  std::array<uint8_t, 8> bytes;
  random_bytes(bytes);
  static constexpr char kDigits[] = "0123456789abcdef";
  for (const uint8_t byte : bytes) run_.append({kDigits[byte >> 4], kDigits[byte & 15]});
}

std::string EngineFlags::version(std::string_view) const {
  return run_ + "r" + std::to_string(store_.revision());
}

const flags::CompiledFlag* EngineFlags::find(std::string_view, std::string_view key) const {
  const FlagStore::Flag* flag = store_.find(key);
  return flag == nullptr ? nullptr : flag->compiled().get();
}

void EngineFlags::for_each(std::string_view,
                           const std::function<void(ofrep::FlagPtr)>& visit) const {
  for (const auto& [key, flag] : store_.flags()) {
    if (auto compiled = flag.compiled()) visit(std::move(compiled));
  }
}

const flags::JsonValue* EngineFlags::metadata(std::string_view tenant) const {
  if (metadata_text_ != store_.metadata()) {
    metadata_text_ = store_.metadata();
    metadata_.reset();
    auto parsed = flags::parse_canonical_flag_set_metadata(metadata_text_, tenant);
    if (parsed) metadata_ = std::move(*parsed);
  }
  return metadata_ ? &*metadata_ : nullptr;
}

}  // namespace flagmesh::engine
