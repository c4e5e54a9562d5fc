// Numbers as Prometheus reads them (text exposition format 0.0.4).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace flagmesh {

// Appends to one page. Each family begins with family(); its samples follow.
class MetricsPage {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  // `type`: "counter", "gauge" or "histogram".
  void family(std::string_view name, std::string_view type, std::string_view help);
  void sample(std::string_view name, Labels labels, double value);
  void sample(std::string_view name, Labels labels, uint64_t value);

  std::string take() { return std::move(page_); }

 private:
  void head(std::string_view name, Labels labels);
  std::string page_;
};

}  // namespace flagmesh
