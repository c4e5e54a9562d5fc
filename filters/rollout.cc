#include "filters/rollout.h"

#include "filters/request_context.h"
#include "proxy/base/random.h"

namespace flagmesh::filters {

using stream::RouteDecision;
using stream::Stream;
using stream::Why;

namespace {

// The first source with a usable value; a minted one is remembered so that the response sets it.
std::optional<std::string_view> targeting_key(Stream& stream) {
  RouteDecision& decision = stream.decision();
  for (const snapshot::KeySource& source : decision.route->bucket_by) {
    if (source.kind == snapshot::KeyKind::kMint) {
      std::array<uint8_t, 16> bytes;
      random_bytes(bytes);
      uint64_t halves[2];
      memcpy(halves, bytes.data(), sizeof halves);
      char* text = static_cast<char*>(stream.arena().allocate(32, 1));
      write_hex(halves[0], halves[1], text);
      decision.minted = {text, 32};
      return decision.minted;
    }
    const std::string_view value = key_from(stream, source);
    if (!value.empty()) return value;
  }
  return std::nullopt;
}

Why why_of(const flags::Evaluation& result) {
  if (result.variant != nullptr) return Why::kVariant;
  switch (result.reason) {
    case flags::Reason::kDisabled: return Why::kFlagDisabled;
    case flags::Reason::kError: return Why::kEvaluationError;
    default: return Why::kNoVariant;
  }
}

}  // namespace

stream::FilterResult Rollout::on_request(Stream& stream) {
  RouteDecision& decision = stream.decision();
  const snapshot::Route& route = *decision.route;
  if (route.is_flag_route()) {
    decide_flag(stream);
  } else if (!route.split.empty()) {
    decision.why = Why::kSplit;
    const auto random = static_cast<uint32_t>(stream.worker().rng.next() >> 32);
    decision.add(stream.worker_snapshot().container(route.pick_split(random)), false);
  } else if (upstream::Container* container = stream.worker_snapshot().container(route.container)) {
    decision.add(container, false);
  }
  return stream::FilterResult::kContinue;
}

std::string_view Rollout::variant_now(Stream& stream, std::string_view tenant) {
  const snapshot::Snapshot& snapshot = stream.worker().snapshot->get();
  const snapshot::FlagEntry* entry = snapshot.flags.find(tenant, stream.decision().flag);
  if (entry == nullptr) return {};
  std::optional<std::string_view> key;
  if (!stream.targeting_key().empty()) key = stream.targeting_key();
  const flags::Evaluation result = entry->flag->evaluate(RequestContext(stream, key));
  return result.variant == nullptr ? std::string_view() : std::string_view(result.variant->name);
}

void Rollout::decide_flag(Stream& stream) {
  RouteDecision& decision = stream.decision();
  const snapshot::Route& route = *decision.route;
  stream::WorkerSnapshot& snapshot = stream.worker_snapshot();
  const snapshot::RouteBinding& binding = snapshot.get().binding(route);
  decision.epoch = snapshot.get().trust.epoch;
  decision.epoch_line = snapshot.served().epoch_line;
  decision.why = Why::kFlagMissing;
  snapshot::ContainerIndex chosen = snapshot::kNoContainer;
  size_t counted = SIZE_MAX;
  if (binding.flag != nullptr) {
    const std::optional<std::string_view> key = targeting_key(stream);
    if (key) stream.set_targeting_key(*key);
    const flags::Evaluation result = binding.flag->evaluate(RequestContext(stream, key));
    decision.why = why_of(result);
    if (result.variant != nullptr) {
      decision.variant = result.variant->name;
      decision.variant_index = result.index;
      counted = result.index;
      chosen = binding.container_of(result.index);
      if (chosen == snapshot::kNoContainer) decision.why = Why::kVariantNotServed;
    }
  }
  if (const auto& counters = snapshot.served().variants[route.index]) {
    counters->at(stream.worker().index, counted).add();
    if (counted != SIZE_MAX) decision.variant_lines = counters->lines(counted);
  }
  if (chosen != snapshot::kNoContainer) decision.add(snapshot.container(chosen), true);
  if (chosen != route.fallback) decision.add(snapshot.container(route.fallback), false);
}

}  // namespace flagmesh::filters
