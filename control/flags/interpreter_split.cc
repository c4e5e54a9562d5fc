// `fractional`: who gets what by hash.
#include "control/flags/fractional.h"
#include "control/flags/interpreter.h"

namespace flagmesh::flags {

std::optional<uint32_t> Interpreter::hash_of(const Value& source, const Scope* scope) noexcept {
  if (scope == nullptr) {
    if (source.is_string()) return murmur3(source.text());
    const auto key = context_.targeting_key();
    if (!key) return std::nullopt;
    Murmur3 state = program_.seed;
    state.update(*key);
    return state.finish();
  }
  // Inside a loop the element takes the context's place: it must be an object, and it knows no flag
  // key.
  if (scope->is_reduction || !scope->current.is_object()) return std::nullopt;
  if (source.is_string()) return murmur3(source.text());
  const JsonValue* key = scope->current.object().find("targetingKey");
  if (key == nullptr || !key->is_string()) return std::nullopt;
  return murmur3(key->string());
}

void Interpreter::note_bucket(uint32_t hash, uint64_t bucket, uint64_t total, uint64_t first,
                              uint64_t end) noexcept {
  if (trace_ == nullptr) return;
  trace_->decided = true;
  trace_->hash = hash;
  trace_->bucket = bucket;
  trace_->total_weight = total;
  trace_->first = first;
  trace_->end = end;
}

Value Interpreter::split(const Operation& operation, const Operands& operands) noexcept {
  const Split& split = program_.splits[operation.data];
  Value source;
  if (split.has_source) {
    source = operands[0];
    if (!source.is_string() && !source.is_null()) return fractional(operands);
  }
  const auto hash = hash_of(source, operands.scope);
  if (!hash || split.total == 0) return Value();
  const uint64_t bucket = bucket_of(*hash, split.total);
  uint64_t first = 0;
  for (const SplitEntry& entry : program_.split_entries.subspan(split.first, split.count)) {
    if (bucket < entry.end) {
      note_bucket(*hash, bucket, split.total, first, entry.end);
      return program_.constants[entry.constant];
    }
    first = entry.end;
  }
  return Value();
}

Value Interpreter::fractional(const Operands& operands) noexcept {
  const Value all = list(operands);
  if (!all.is_list() || all.size() == 0) return Value();
  const Value source = all.at(0);
  // A key source that is null counts as not written; anything else but a text is taken for an
  // entry.
  const size_t first = source.is_string() || source.is_null() ? 1 : 0;
  const auto hash = hash_of(source, operands.scope);
  if (!hash) return Value();
  uint64_t total = 0;
  for (size_t i = first; i < all.size(); ++i) {
    const auto weight = entry_weight(all.at(i));
    if (!weight) return Value();
    total += *weight;
  }
  if (total == 0 || total > uint64_t{kMaxTotalWeight}) return Value();
  const uint64_t bucket = bucket_of(*hash, total);
  uint64_t end = 0;
  for (size_t i = first; i < all.size(); ++i) {
    const uint64_t begin = end;
    end += *entry_weight(all.at(i));
    if (bucket < end) {
      note_bucket(*hash, bucket, total, begin, end);
      return all.at(i).at(0);
    }
  }
  return Value();
}

}  // namespace flagmesh::flags
