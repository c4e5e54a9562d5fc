#include "proxy/metrics.h"

#include <cstdio>

namespace flagmesh {

void MetricsPage::family(std::string_view name, std::string_view type, std::string_view help) {
  page_.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ").append(name);
  page_.append(" ").append(type).append("\n");
}

void MetricsPage::head(std::string_view name, Labels labels) {
  page_ += name;
  char next = '{';
  for (const auto& [key, value] : labels) {
    page_ += next;
    next = ',';
    page_.append(key).append("=\"");
    for (const char c : value) {
      if (c == '"' || c == '\\') page_ += '\\';
      if (c == '\n') {
        page_ += "\\n";
      } else {
        page_ += c;
      }
    }
    page_ += '"';
  }
  if (next == ',') page_ += '}';
  page_ += ' ';
}

void MetricsPage::sample(std::string_view name, Labels labels, double value) {
  head(name, labels);
  char text[32];
  snprintf(text, sizeof text, "%.6g\n", value);
  page_ += text;
}

void MetricsPage::sample(std::string_view name, Labels labels, uint64_t value) {
  head(name, labels);
  page_ += std::to_string(value);
  page_ += '\n';
}

}  // namespace flagmesh
