#include "proxy/builder.h"

#include <spdlog/spdlog.h>

#include "control/flags/compiled_flag.h"

namespace flagmesh {

std::shared_ptr<stream::VariantCounters> VariantRegistry::counters_for(const flags::CompiledFlag& flag) {
  std::vector<std::string> names;
  for (const flags::Variant& variant : flag.variants()) names.push_back(variant.name);
  const std::lock_guard lock(mutex_);
  std::shared_ptr<stream::VariantCounters>& slot = counters_[{std::string(flag.tenant()), flag.key()}];
  if (slot == nullptr || slot->variants() != names) {
    slot = std::make_shared<stream::VariantCounters>(flag.key(), std::move(names), workers_);
  }
  return slot;
}

std::vector<std::shared_ptr<stream::VariantCounters>> VariantRegistry::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<stream::VariantCounters>> result;
  for (const auto& [key, counters] : counters_) result.push_back(counters);
  return result;
}

Builder::Builder(std::unique_ptr<event::Loop> loop, VariantRegistry& variants,
                 std::function<void(Published)> publish)
    : loop_(std::move(loop)), io_(*loop_), variants_(variants), publish_(std::move(publish)) {}

Result<std::unique_ptr<Builder>> Builder::create(const MakeSource& make_source, snapshot::TrustStatus initial_trust,
                                                 VariantRegistry& variants,
                                                 std::function<void(Published)> publish) {
  Result<std::unique_ptr<event::Loop>> loop = event::Loop::create();
  if (!loop) return std::unexpected(loop.error());
  std::unique_ptr<Builder> builder(new Builder(std::move(*loop), variants, std::move(publish)));
  Result<std::unique_ptr<snapshot::StateSource>> source = make_source(builder->io_);
  if (!source) return std::unexpected(source.error());
  builder->source_ = std::move(*source);
  builder->trust_ = std::move(initial_trust);
  return builder;
}

Builder::~Builder() { stop(); }

Status Builder::start() {
  if (Status started = source_->start([this](snapshot::AcceptedState state) { on_state(std::move(state)); });
      !started) {
    return started;
  }
  thread_ = std::thread([this] { loop_->run(); });
  return {};
}

void Builder::stop() {
  if (!thread_.joinable()) return;
  loop_->post([this] { source_->leave([this] { loop_->stop(); }); });
  thread_.join();
}

void Builder::set_routing(RoutingInput input) {
  loop_->post([this, next = std::move(input)]() mutable {
    input_ = std::move(next);
    build(true);
  });
}

void Builder::discard(Published unused) {
  loop_->post([dead = std::move(unused)] {});
}

void Builder::release_source() {
  loop_->post([this] { source_->release(); });
}

void Builder::enforced(uint64_t epoch) {
  loop_->post([this, epoch] { source_->enforced(epoch); });
}

void Builder::on_state(snapshot::AcceptedState state) {
  flags_ = std::move(state.flags);
  trust_ = std::move(state.trust);
  if (input_.routing.routes != nullptr) build(false);
}

void Builder::build(bool routing_changed) {
  snapshot::BuiltSnapshot built;
  if (!routing_changed && current_ != nullptr) {
    built = snapshot::derive_snapshot(++generation_, *current_->snapshot, flags_, trust_);
  } else {
    Result<snapshot::BuiltSnapshot> whole = snapshot::build_snapshot(++generation_, input_.routing, flags_, trust_);
    if (!whole) {
      spdlog::error("snapshot refused: {}", whole.error().text());
      return;
    }
    built = std::move(*whole);
  }
  if (trust_.epoch != 0) {
    for (const Diagnostic& warning : built.warnings) spdlog::warn("{}", warning.message);
  }
  auto served = std::make_shared<stream::ServedSnapshot>(std::move(built.snapshot));
  served->containers = input_.containers;
  for (const snapshot::RouteBinding& binding : served->snapshot->bindings) {
    served->variants.push_back(binding.flag == nullptr ? nullptr : variants_.counters_for(*binding.flag));
  }
  current_ = std::move(served);
  publish_(current_);
}

}  // namespace flagmesh
