// The fields of one header or trailer block, in order, with known names found by one array read.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "proxy/base/arena.h"
#include "proxy/http/header_names.h"

namespace flagmesh::http {

struct Field {
  std::string_view name;   // as received (case kept); header_name(id) for those that we add
  std::string_view value;  // without surrounding white space
  HeaderId id = HeaderId::kOther;
  bool erased = false;  // taken out; encoders skip it
  // Set by the decoder and add_line: name and value lie in one block as "name: value\r\n", so that an
  // encoder can copy the line. Only true while `name` and `value` still have that distance; an encoder
  // checks.
  bool whole_line = false;
  bool never_indexed = false;  // came in HTTP/2 as one that may not be put into a compression's table: goes on as such
};

// Names and values are views that the arena's owner keeps alive; the list itself allocates its
// table in the arena and grows there. Trivially destructible. At most kMaxFields fields.
class HeaderList {
 public:
  static constexpr size_t kMaxFields = 250;

  HeaderList() { clear(); }
  void clear() {
    fields_ = nullptr;
    count_ = capacity_ = 0;
    first_.fill(0);
  }

  // False when the list is full.
  bool add(Arena& arena, HeaderId id, std::string_view name, std::string_view value,
           bool whole_line = false) {
    if (count_ == capacity_ && !grow(arena)) return false;
    add_reserved(id, name, value, whole_line);
    return true;
  }
  // REQUIRES: room was reserved for it. Inline, for decoders: half of what a call of add() costs is its seven arguments.
  [[gnu::always_inline]] void add_reserved(HeaderId id, std::string_view name, std::string_view value, bool whole_line) {
    // Member by member: a Field that is put together elsewhere and copied waits for its own stores.
    Field& field = fields_[count_];
    field.name = name;
    field.value = value;
    field.id = id;
    field.erased = false;
    field.whole_line = whole_line;
    field.never_indexed = false;
    ++count_;
    uint8_t& first = first_[static_cast<size_t>(id)];
    if (first == 0) first = static_cast<uint8_t>(count_);
  }
  // The field that begins at `line`, where the known name, ": ", `value_size` bytes of value and CR LF stand one behind the other: an
  // encoder for HTTP/1 copies lines that follow one another in memory in one go. Returns where the next line begins.
  const char* add_line(Arena& arena, HeaderId id, const char* line, size_t value_size) {
    const size_t name_size = header_name(id).size();
    const char* value = line + name_size + 2;
    add(arena, id, {line, name_size}, {value, value_size}, true);
    return value + value_size + 2;
  }
  // A known name, in lower case.
  bool add(Arena& arena, HeaderId id, std::string_view value) {
    return add(arena, id, header_name(id), value);
  }
  // Replaces every field of that name by one.
  bool set(Arena& arena, HeaderId id, std::string_view value) {
    remove(id);
    return add(arena, id, value);
  }

  // REQUIRES: id != kOther. The first field of that name, or null.
  const Field* find(HeaderId id) const {
    const uint8_t first = first_[static_cast<size_t>(id)];
    return first == 0 ? nullptr : &fields_[first - 1];
  }
  bool has(HeaderId id) const { return first_[static_cast<size_t>(id)] != 0; }
  // Its value, or an empty view.
  std::string_view value(HeaderId id) const {
    const Field* field = find(id);
    return field == nullptr ? std::string_view() : field->value;
  }
  // Room for `fields` fields in all, so that add() does not move the table until then; false when
  // that is over kMaxFields.
  bool reserve(Arena& arena, size_t fields);

  // The next field of the same name after `field`, or null.
  const Field* next(const Field* field) const;
  // The first field with that name whatever its id, compared without case; null when absent.
  const Field* find(std::string_view name) const;

  void remove(HeaderId id);
  void remove(std::string_view name);
  // `field` must be one of this list's.
  void erase(Field& field);

  // All fields, erased ones too: look at Field::erased.
  Field* begin() { return fields_; }
  Field* end() { return fields_ + count_; }
  const Field* begin() const { return fields_; }
  const Field* end() const { return fields_ + count_; }
  size_t size() const { return count_; }

 private:
  bool grow(Arena& arena);

  Field* fields_;
  uint16_t count_;
  uint16_t capacity_;
  // Index + 1 of the first field of each known name that is not erased; 0 = absent.
  std::array<uint8_t, static_cast<size_t>(HeaderId::kCount)> first_;
};

}  // namespace flagmesh::http
