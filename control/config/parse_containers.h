// The section `proxy.containers`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/config/object_reader.h"
#include "control/snapshot/container_spec.h"

namespace flagmesh::config {

// The names that routes may use. Known before any route is read, whatever the order of the file,
// and complete even when a container itself has mistakes.
class ContainerNames {
 public:
  explicit ContainerNames(std::vector<std::string> names);

  // The container's index; an unknown name is reported at `mark` and gives kNoContainer. Marks the
  // container as used.
  snapshot::ContainerIndex resolve(Report& report, std::string_view name, flags::Mark mark,
                                   const std::string& what);
  bool used(snapshot::ContainerIndex index) const { return used_[static_cast<size_t>(index)]; }

 private:
  std::vector<std::string> names_;  // by index
  std::vector<std::pair<std::string, snapshot::ContainerIndex>> sorted_;
  std::vector<bool> used_;
};

// In file order; `value` is the mapping of names to containers. `connect_timeout` is for those that
// do not say.
std::vector<snapshot::ContainerSpec> parse_containers(Report& report, const flags::JsonValue& value,
                                                      Millis connect_timeout);

}  // namespace flagmesh::config
