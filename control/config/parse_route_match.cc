#include "control/config/parse_route_match.h"

#include <algorithm>

#include "control/snapshot/path_regex.h"
#include "proxy/base/arena.h"
#include "proxy/http/path.h"
#include "proxy/http/tokens.h"

namespace flagmesh::config {

using flags::JsonMember;
using flags::JsonValue;
using snapshot::PathMatch;
using snapshot::Route;

namespace {

constexpr size_t kPathBytes = 4'096;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), http::to_lower);
  return out;
}

bool is_ipv6_literal(std::string_view host) {
  return host.starts_with('[') && host.ends_with(']') && http::is_valid_authority(host);
}

bool is_ipv4(std::string_view host) {
  const auto endpoint = parse_endpoint(std::string(host) + ":1");
  return endpoint && !is_host_name(host);
}

void add_host(ObjectReader& reader, const JsonValue& value, Route& route) {
  const std::string what = reader.member("host");
  const std::string* text = expect_text(reader.report(), value, what);
  if (text == nullptr) return;
  const auto refuse = [&](const std::string& why, const char* mend) {
    reader.report().error(value.mark(), what + ": " + in_quotes(*text) + why, mend);
  };
  std::string host = lower(*text);
  const std::string_view name = std::string_view(host).substr(host.starts_with("*.") ? 2 : 0);
  if (host == "*") return refuse(" is not needed", "leave 'host' out for any host");
  if (name.contains('*')) return refuse(" is no pattern", "write *.example.com");
  if (host.contains("://") || host.contains('/')) {
    return refuse(" is a URL", "write the host name alone");
  }
  if (is_ipv6_literal(host)) {
    route.hosts.push_back(std::move(host));
  } else if (host.contains(':')) {
    refuse(" has a port", "leave the port out: it is not compared");
  } else if (!is_host_name(name) && !is_ipv4(name)) {
    refuse(" is no host name", "write example.com or *.example.com");
  } else {
    if (host.ends_with('.')) host.pop_back();
    route.hosts.push_back(std::move(host));
  }
}

void parse_hosts(ObjectReader& reader, Route& route) {
  const JsonValue* value = reader.find("host");
  if (value == nullptr) return;
  if (!value->is_array()) return add_host(reader, *value, route);
  if (value->array().empty()) {
    reader.report().error(value->mark(), reader.member("host") + " is empty",
                          "leave it out for any host");
  }
  for (const JsonValue& item : value->array()) add_host(reader, item, route);
}

// A path that requests can have: the one in normal form (docs/http.md), since that is what is
// compared.
void set_path(ObjectReader& reader, const JsonValue& value, PathMatch match, Route& route) {
  const std::string what = reader.member("path");
  const std::string* text = expect_text(reader.report(), value, what);
  if (text == nullptr) return;
  const auto refuse = [&](const std::string& why, std::string mend) {
    reader.report().error(value.mark(), what + ": " + in_quotes(*text) + why, std::move(mend));
  };
  if (!text->starts_with('/'))
    return refuse(" does not begin with '/'", "write /" + text->substr(0, 40));
  if (text->size() > kPathBytes) return refuse(" is too long", "4096 bytes at most");
  if (text->find_first_of("?#") != std::string::npos) {
    return refuse(" has a query or a fragment", "only the path is compared");
  }
  BlockPool pool;
  Arena arena(pool);
  const auto target = http::parse_target(*text, http::Method::kGet, true, arena);
  if (!target) return refuse(" is no path of a request", "write other characters as %XX");
  if (target->path != *text) {
    return refuse(" is never seen: paths are compared in their normal form",
                  "write " + std::string(target->path.substr(0, 200)));
  }
  route.path_match = match;
  route.path = *text;
}

void set_regex(ObjectReader& reader, const JsonValue& value, Route& route) {
  const std::string what = reader.member("path");
  const std::string* text = expect_text(reader.report(), value, what);
  if (text == nullptr) return;
  if (const auto regex = snapshot::PathRegex::compile(*text); !regex) {
    reader.report().error(value.mark(), what + ": " + regex.error().message, "PCRE2 syntax");
    return;
  }
  if (!text->starts_with('^')) {
    reader.report().warning(value.mark(),
                            what + ": " + in_quotes(*text) + " is found anywhere in a path",
                            "begin it with ^ unless that is meant");
  }
  route.path_match = PathMatch::kRegex;
  route.path = *text;
}

void parse_path(ObjectReader& reader, Route& route) {
  const JsonValue* value = reader.find("path");
  if (value == nullptr) return;
  if (!value->is_object()) return set_path(reader, *value, PathMatch::kPrefix, route);
  ObjectReader form(reader.report(), *value, reader.member("path"));
  const JsonValue* prefix = form.find("prefix");
  const JsonValue* exact = form.find("exact");
  const JsonValue* regex = form.find("regex");
  form.finish();
  if ((prefix != nullptr) + (exact != nullptr) + (regex != nullptr) != 1) {
    reader.report().error(value->mark(), reader.member("path") + " must have one form",
                          "write /x, { exact: /x } or { regex: \"^/x$\" }");
    return;
  }
  if (prefix != nullptr) set_path(reader, *prefix, PathMatch::kPrefix, route);
  if (exact != nullptr) set_path(reader, *exact, PathMatch::kExact, route);
  if (regex != nullptr) set_regex(reader, *regex, route);
}

void parse_methods(ObjectReader& reader, Route& route) {
  const JsonValue* value = reader.find("methods");
  if (value == nullptr) return;
  if (value->is_array() && value->array().empty()) {
    reader.report().error(value->mark(), reader.member("methods") + " is empty",
                          "leave it out for any method");
  }
  for (auto& [method, mark] : reader.text_list("methods")) {
    const bool has_lower = std::ranges::any_of(method, [](char c) { return c >= 'a' && c <= 'z'; });
    if (!http::is_token(method)) {
      reader.report().error(mark, in_quotes(method) + " is no method");
    } else if (has_lower) {
      std::string upper(method);
      std::ranges::transform(upper, upper.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
      });
      reader.report().error(mark, "method " + in_quotes(method) + ": methods are case-sensitive",
                            "write " + upper);
    } else {
      route.methods.push_back(std::move(method));
    }
  }
}

void parse_headers(ObjectReader& reader, Route& route) {
  const JsonValue* value = reader.find("headers");
  if (value == nullptr) return;
  const std::string what = reader.member("headers");
  if (expect(reader.report(), *value, JsonValue::Type::kObject, what) == nullptr) return;
  for (const JsonMember& member : value->object()) {
    const auto name = header_name(member.name);
    if (!name) {
      reader.report().error(member.mark, in_quotes(member.name) + " is no name of a header");
    } else if (expect(reader.report(), member.value, JsonValue::Type::kString,
                      "header " + in_quotes(member.name)) != nullptr) {
      const bool twice =
          std::ranges::any_of(route.headers, [&](const auto& h) { return h.name == *name; });
      if (twice) {
        reader.report().error(member.mark, "header " + in_quotes(*name) + " is there twice",
                              "names of headers have no case");
      } else {
        route.headers.push_back({*name, member.value.string()});
      }
    }
  }
}

}  // namespace

std::optional<std::string> header_name(std::string_view text) {
  if (!http::is_token(text)) return std::nullopt;
  return lower(text);
}

void parse_route_match(ObjectReader& reader, Route& route) {
  parse_hosts(reader, route);
  parse_path(reader, route);
  parse_methods(reader, route);
  parse_headers(reader, route);
}

}  // namespace flagmesh::config
