// Configurations with one mistake each. "@@" stands before the place that the diagnostic must name
// and is cut out.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "control/config/config.h"

namespace flagmesh::config {

struct Mistake {
  std::string yaml;     // a whole configuration
  std::string message;  // the diagnostic's, whole
  std::string mend;     // part of its mend; empty: any
};

constexpr const char* kEngineKey =
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

// A sound configuration with containers web and api, and more in one of its sections, indented as
// that section needs it.
inline std::string base(const std::string& routes, const std::string& containers,
                        const std::string& proxy, const std::string& top,
                        const std::string& trust = "trust: { policy: unsigned }") {
  return "proxy:\n"
         "  listeners: [{ address: 127.0.0.1:9071 }]\n" +
         proxy +
         "  routes:\n"
         "    - { path: /web, container: web }\n"
         "    - { path: /api, container: api }\n" +
         routes +
         "  containers:\n"
         "    web: { endpoints: [\"127.0.0.1:7003\"] }\n"
         "    api: { endpoints: [\"127.0.0.1:7004\"] }\n" +
         containers + top + trust + "\n";
}

inline std::string route(const std::string& text) {
  return base("    - " + text + "\n", "", "", "");
}
inline std::string container(const std::string& text) {
  return base("", "    " + text + "\n", "", "");
}
inline std::string proxy(const std::string& text) {
  return base("", "", "  " + text + "\n", "");
}
inline std::string top(const std::string& text) {
  return base("", "", "", text + "\n");
}
inline std::string flag_route(const std::string& text) {
  return route("{ path: /f, flag: f, serve: { \"on\": web }, fallback: web, " + text + " }");
}

struct Place {
  uint32_t line = 0;
  uint32_t column = 0;
};
// Takes the marker out of the text; its line and column, 0:0 without one.
inline Place take_marker(std::string& yaml) {
  const size_t at = yaml.find("@@");
  if (at == std::string::npos) return {};
  yaml.erase(at, 2);
  const std::string before = yaml.substr(0, at);
  const size_t line_start = before.rfind('\n') + 1;
  return {static_cast<uint32_t>(1 + std::ranges::count(before, '\n')),
          static_cast<uint32_t>(1 + at - line_start)};
}

inline ParsedConfig parse(
    const std::string& text,
    const Environment& environment = [](const char*) { return std::string(); }) {
  return parse_config(text, "dir/f.yaml", environment);
}

inline std::string texts(const Diagnostics& diagnostics) {
  std::string all;
  for (const Diagnostic& d : diagnostics) all += d.text() + "\n";
  return all;
}

inline void expect_only(const Mistake& mistake, Severity severity) {
  std::string yaml = mistake.yaml;
  const Place place = take_marker(yaml);
  Diagnostics found = parse(yaml).diagnostics;
  std::erase_if(found, [&](const Diagnostic& d) { return d.severity != severity; });
  ASSERT_EQ(found.size(), 1u) << yaml << "\n" << texts(found);
  EXPECT_EQ(found[0].message, mistake.message) << yaml;
  EXPECT_TRUE(found[0].mend.contains(mistake.mend)) << found[0].text();
  EXPECT_EQ(std::pair(found[0].line, found[0].column), std::pair(place.line, place.column))
      << yaml << "\n"
      << found[0].text();
  EXPECT_EQ(found[0].file, "dir/f.yaml");
}

}  // namespace flagmesh::config
