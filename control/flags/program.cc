#include "control/flags/program.h"

#include <cstring>
#include <new>
#include <type_traits>

namespace flagmesh::flags {

namespace {

bool is_tree(const JsonValue& value) {
  return value.is_array() || value.is_object();
}

// Hands out consecutive pieces of one block, those of the strictest alignment first.
class Packer {
 public:
  explicit Packer(std::byte* memory) : next_(memory) {}

  template <class T>
  T* take(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    T* const at = reinterpret_cast<T*>(next_);
    next_ += count * sizeof(T);
    return at;
  }
  template <class T>
  std::span<const T> copy(const std::vector<T>& items) {
    T* const at = take<T>(items.size());
    for (size_t i = 0; i < items.size(); ++i) new (&at[i]) T(items[i]);
    return {at, items.size()};
  }
  std::string_view copy(std::string_view text) {
    char* const at = take<char>(text.size());
    memcpy(at, text.data(), text.size());
    return {at, text.size()};
  }

 private:
  std::byte* next_;
};

}  // namespace

std::unique_ptr<const Program> ProgramParts::pack(std::string_view flag_key) && {
  size_t letters = 0;
  size_t trees = 0;
  for (const std::string& path : paths) letters += path.size();
  for (const JsonValue& constant : constants) {
    if (constant.is_string()) letters += constant.string().size();
    trees += is_tree(constant);
  }
  const size_t bytes = constants.size() * sizeof(Value) + paths.size() * sizeof(ContextPath) +
                       operations.size() * sizeof(Operation) + splits.size() * sizeof(Split) +
                       split_entries.size() * sizeof(SplitEntry) +
                       operands.size() * sizeof(uint32_t) + letters;
  auto program = std::make_unique<Program>();
  program->memory_ = std::make_unique_for_overwrite<std::byte[]>(bytes);
  if (trees != 0) {
    // Never grows: constants point into it.
    program->trees_ = std::make_unique<std::vector<JsonValue>>();
    program->trees_->reserve(trees);
  }
  Packer packer(program->memory_.get());
  Value* const values = packer.take<Value>(constants.size());
  ContextPath* const names = packer.take<ContextPath>(paths.size());
  program->operations = packer.copy(operations);
  program->splits = packer.copy(splits);
  program->split_entries = packer.copy(split_entries);
  program->operands = packer.copy(operands);
  for (size_t i = 0; i < constants.size(); ++i) {
    JsonValue& constant = constants[i];
    if (constant.is_string()) {
      new (&values[i]) Value(packer.copy(constant.string()));
    } else if (is_tree(constant)) {
      program->trees_->push_back(std::move(constant));
      new (&values[i]) Value(Value::from(program->trees_->back()));
    } else {
      new (&values[i]) Value(Value::from(constant));
    }
  }
  for (size_t i = 0; i < paths.size(); ++i) {
    new (&names[i]) ContextPath(ContextPath::of(packer.copy(paths[i])));
  }
  program->constants = {values, constants.size()};
  program->paths = {names, paths.size()};
  program->flag_key = flag_key;
  program->seed.update(flag_key);
  program->root = root;
  program->needs_targeting_key = needs_targeting_key;
  program->needs_time = needs_time;
  program->needs_any_path = needs_any_path;
  return program;
}

}  // namespace flagmesh::flags
