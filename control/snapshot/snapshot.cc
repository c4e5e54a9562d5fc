#include "control/snapshot/snapshot.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace flagmesh::snapshot {
namespace {

std::string name_of(const Route& route) {
  return "route " + std::to_string(route.index) + " (" + route.path + ")";
}

Status check_container(const Route& route, ContainerIndex index, size_t containers) {
  if (index >= 0 && static_cast<size_t>(index) < containers) return {};
  return fail("bad_routing", name_of(route) + " points to a container that does not exist");
}

Status check_route(const Route& route, size_t containers) {
  if (route.is_flag_route()) {
    for (const auto& [variant, container] : route.serve) {
      if (Status ok = check_container(route, container, containers); !ok) return ok;
    }
    return check_container(route, route.fallback, containers);
  }
  if (route.kind == HandlerKind::kLocal) return {};
  for (const WeightedContainer& part : route.split) {
    if (Status ok = check_container(route, part.container, containers); !ok) return ok;
  }
  return route.split.empty() ? check_container(route, route.container, containers) : Status();
}

void warn(Diagnostics& out, std::string message, std::string mend) {
  out.push_back({Severity::kWarning, "", 0, 0, std::move(message), std::move(mend)});
}

RouteBinding bind_route(const Route& route, const FlagTable& flags, Diagnostics& out) {
  RouteBinding binding;
  if (!route.is_flag_route()) return binding;
  const FlagEntry* entry = flags.find(route.tenant, route.flag);
  if (entry == nullptr) {
    warn(out, name_of(route) + ": flag '" + route.flag + "' does not exist",
         "until it does, the fallback is served");
    return binding;
  }
  const auto& variants = entry->flag->variants();
  const auto by_variant = std::make_shared<ContainerIndex[]>(variants.size(), kNoContainer);
  for (const auto& [name, container] : route.serve) {
    const auto variant = std::ranges::find(variants, name, &flags::Variant::name);
    if (variant == variants.end()) {
      warn(out, name_of(route) + ": flag '" + route.flag + "' has no variant '" + name + "'",
           "its container gets no requests by this route");
    } else {
      by_variant[variant - variants.begin()] = container;
    }
  }
  binding.flag = entry->flag.get();
  binding.by_variant = by_variant;
  binding.variants = static_cast<uint32_t>(variants.size());
  return binding;
}

}  // namespace

Result<BuiltSnapshot> build_snapshot(uint64_t generation, const Routing& routing, FlagTable flags,
                                     TrustStatus trust) {
  BuiltSnapshot built;
  auto snapshot = std::make_shared<Snapshot>();
  for (const Route& route : routing.routes->routes()) {
    if (Status ok = check_route(route, routing.containers->size()); !ok) {
      return std::unexpected(std::move(ok.error()));
    }
    snapshot->bindings.push_back(bind_route(route, flags, built.warnings));
  }
  snapshot->generation = generation;
  snapshot->routes = routing.routes;
  snapshot->containers = routing.containers;
  snapshot->flags = std::move(flags);
  snapshot->trust = std::move(trust);
  built.snapshot = std::move(snapshot);
  return built;
}

BuiltSnapshot derive_snapshot(uint64_t generation, const Snapshot& previous, FlagTable flags,
                              TrustStatus trust) {
  BuiltSnapshot built;
  auto snapshot = std::make_shared<Snapshot>(previous);
  const auto rebind = [&](const FlagEntry* before, const FlagEntry* after) {
    const FlagEntry& entry = after != nullptr ? *after : *before;
    for (const uint32_t index : previous.routes->routes_of_flag(entry.tenant(), entry.key())) {
      snapshot->bindings[index] =
          bind_route(previous.routes->routes()[index], flags, built.warnings);
    }
  };
  FlagTable::for_each_difference(previous.flags, flags, rebind);
  snapshot->generation = generation;
  snapshot->flags = std::move(flags);
  snapshot->trust = std::move(trust);
  built.snapshot = std::move(snapshot);
  return built;
}

}  // namespace flagmesh::snapshot
