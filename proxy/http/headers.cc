#include "proxy/http/headers.h"

#include <algorithm>

#include "proxy/http/tokens.h"

namespace flagmesh::http {

const Field* HeaderList::next(const Field* field) const {
  for (const Field* f = field + 1; f != end(); ++f) {
    if (f->id == field->id && !f->erased &&
        (f->id != HeaderId::kOther || equals_ignore_case(f->name, field->name))) {
      return f;
    }
  }
  return nullptr;
}

const Field* HeaderList::find(std::string_view name) const {
  const HeaderId id = header_id(name);
  if (id != HeaderId::kOther) return find(id);
  for (const Field& field : *this) {
    if (field.id == id && !field.erased && equals_ignore_case(field.name, name)) return &field;
  }
  return nullptr;
}

void HeaderList::remove(HeaderId id) {
  if (!has(id)) return;
  first_[static_cast<size_t>(id)] = 0;
  for (Field& field : *this) {
    if (field.id == id) field.erased = true;
  }
}

void HeaderList::remove(std::string_view name) {
  const HeaderId id = header_id(name);
  if (id != HeaderId::kOther) return remove(id);
  for (Field& field : *this) {
    if (field.id == id && equals_ignore_case(field.name, name)) field.erased = true;
  }
}

void HeaderList::erase(Field& field) {
  if (field.erased) return;
  field.erased = true;
  uint8_t& first = first_[static_cast<size_t>(field.id)];
  if (first == 0 || &fields_[first - 1] != &field) return;
  const Field* other = next(&field);
  first = other == nullptr ? 0 : static_cast<uint8_t>(other - fields_ + 1);
}

bool HeaderList::reserve(Arena& arena, size_t fields) {
  if (fields > kMaxFields) return false;
  if (fields <= capacity_) return true;
  Field* bigger = arena.allocate_array<Field>(fields);
  std::copy_n(fields_, count_, bigger);
  fields_ = bigger;
  capacity_ = static_cast<uint16_t>(fields);
  return true;
}

bool HeaderList::grow(Arena& arena) {
  constexpr size_t kFirst = 16;
  if (count_ >= kMaxFields) return false;
  return reserve(arena, std::min(kMaxFields, std::max(kFirst, size_t{capacity_} * 2)));
}

}  // namespace flagmesh::http
