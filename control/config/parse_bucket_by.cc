#include "control/config/parse_bucket_by.h"

#include <algorithm>
#include <optional>

#include "control/config/parse_route_match.h"
#include "proxy/http/tokens.h"

namespace flagmesh::config {

using flags::Mark;
using snapshot::KeyKind;
using snapshot::KeySource;

namespace {

constexpr const char* kForms = "write header:NAME, cookie:NAME, query:NAME, ip or mint";

// A source with mistakes is reported and left out.
std::optional<KeySource> parse_source(Report& report, const std::string& text, Mark mark) {
  if (text == "ip") return KeySource{KeyKind::kIp, ""};
  if (text == "mint") return KeySource{KeyKind::kMint, ""};
  const size_t colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  const std::string name = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (kind != "header" && kind != "cookie" && kind != "query") {
    report.error(mark, in_quotes(text) + " is no source of a targeting key", kForms);
    return std::nullopt;
  }
  if (name.empty()) {
    report.error(mark, in_quotes(text) + " names no " + kind, "write " + kind + ":NAME");
    return std::nullopt;
  }
  if (kind == "query") return KeySource{KeyKind::kQuery, name};
  if (!http::is_token(name)) {
    report.error(mark, in_quotes(name) + " is no name of a " + kind);
    return std::nullopt;
  }
  if (kind == "cookie") return KeySource{KeyKind::kCookie, name};
  return KeySource{KeyKind::kHeader, *header_name(name)};
}

// "the last cookie listed, else flagmesh_id"
void settle_mint(snapshot::Route& route) {
  if (route.bucket_by.empty() || route.bucket_by.back().kind != KeyKind::kMint) return;
  for (const KeySource& source : route.bucket_by) {
    if (source.kind == KeyKind::kCookie) route.mint_cookie = source.name;
  }
  if (!route.mint_cookie.empty()) return;
  route.mint_cookie = kMintCookie;
  route.bucket_by.insert(route.bucket_by.end() - 1, {KeyKind::kCookie, route.mint_cookie});
}

}  // namespace

void parse_bucket_by(ObjectReader& reader, snapshot::Route& route) {
  const flags::JsonValue* value = reader.find("bucket_by");
  if (value == nullptr) {
    route.bucket_by = {{KeyKind::kMint, ""}};
    return settle_mint(route);
  }
  if (value->is_array() && value->array().empty()) {
    reader.report().error(value->mark(), reader.member("bucket_by") + " is empty", kForms);
  }
  const auto list = reader.text_list("bucket_by");
  for (size_t i = 0; i < list.size(); i++) {
    const auto& [text, mark] = list[i];
    const auto source = parse_source(reader.report(), text, mark);
    if (!source) continue;
    if (std::ranges::find(route.bucket_by, *source) != route.bucket_by.end()) {
      reader.report().error(mark, in_quotes(text) + " is listed twice", "remove one");
    } else if (source->kind == KeyKind::kMint && i + 1 != list.size()) {
      reader.report().error(mark, "'mint' must come last", "what follows it is never asked");
    } else {
      route.bucket_by.push_back(*source);
    }
  }
  settle_mint(route);
}

}  // namespace flagmesh::config
