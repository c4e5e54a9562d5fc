#include "control/config/parse_ofrep.h"

#include <algorithm>

namespace flagmesh::config {

namespace {

// "https://shop.example.com:8443": scheme and authority in lower case, nothing behind them; what a
// browser sends as Origin.
bool is_origin(std::string_view text) {
  const size_t scheme = text.find("://");
  if (scheme == text.npos || scheme == 0) return false;
  const std::string_view authority = text.substr(scheme + 3);
  return !authority.empty() && std::ranges::all_of(text, [](char c) {
    return c > ' ' && c < 0x7f && !(c >= 'A' && c <= 'Z');
  }) && authority.find_first_of("/?#@") == authority.npos;
}

}  // namespace

void parse_ofrep(ObjectReader& parent, OfrepConfig& out, std::string* tokens) {
  const flags::JsonValue* value = parent.find("ofrep");
  if (value == nullptr) return;
  ObjectReader reader(parent.report(), *value, "ofrep");
  if (reader.has("origins")) out.origins.clear();
  for (const auto& [origin, mark] : reader.text_list("origins")) {
    if (origin != "*" && !is_origin(origin)) {
      reader.report().error(mark, in_quotes(origin) + " is no origin",
                            "write https://shop.example.com, or \"*\" for all");
    }
    out.origins.push_back(origin);
  }
  reader.count("bulk_evaluations", out.bulk_evaluations, 1, 1'000'000'000);
  reader.count("event_streams", out.event_streams, 0, 1'000'000);
  if (tokens != nullptr) reader.key_file("tokens", *tokens);
  reader.finish();
}

}  // namespace flagmesh::config
