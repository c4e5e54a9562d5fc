// Configurations with one mistake each. "@@" stands before the place that the diagnostic must name
// and is cut out.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace flagmesh::config {

struct Mistake {
  std::string yaml;     // a whole configuration
  std::string message;  // the diagnostic's, whole
  std::string mend;     // part of its mend; empty: any
};

// A sound configuration with containers web and api, and `more` of one section, indented as that
// section needs it.
std::string base(const std::string& routes, const std::string& containers, const std::string& proxy,
                 const std::string& top, const std::string& trust = "trust: { policy: unsigned }");
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

// Takes the marker out of the text; its line and column, 0:0 without one.
struct Place {
  uint32_t line = 0;
  uint32_t column = 0;
};
Place take_marker(std::string& yaml);

}  // namespace flagmesh::config
