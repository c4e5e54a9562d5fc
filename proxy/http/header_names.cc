#include "proxy/http/header_names.h"

#include <array>
#include <cstring>

#include "proxy/http/tokens.h"

namespace flagmesh::http {
namespace {

constexpr size_t kIds = static_cast<size_t>(HeaderId::kCount);
constexpr size_t kShortest = 2;
constexpr size_t kLongest = 24;  // room for the longest name, a multiple of eight

// In the order of HeaderId.
constexpr std::array<std::string_view, kIds> kNames{
    "",
    "accept",
    "accept-encoding",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "etag",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "if-match",
    "if-none-match",
    "keep-alive",
    "location",
    "max-forwards",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "retry-after",
    "server",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "x-api-key",
    "x-flagmesh-epoch",
    "x-flagmesh-flag",
    "x-flagmesh-reason",
    "x-flagmesh-stale",
    "x-flagmesh-variant",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
};

constexpr size_t kSlots = 128;

// Perfect for kNames (checked when the table is built, below): the factors were found by trying
// random ones. Blind to case: 0x20 is what upper and lower case differ in.
constexpr size_t slot_of(std::string_view name) {
  const auto fold = [&](size_t i) { return static_cast<uint8_t>(name[i]) | 0x20u; };
  const size_t size = name.size();
  return (fold(0) * 58 + fold(size / 2) * 40 + fold(size - 2) * 29 + size * 8) % kSlots;
}

// A listed name, ready to be compared eight bytes at a time. `fold` has 0x20 where there is a
// letter.
struct alignas(64) Slot {
  std::array<char, kLongest> text{};
  std::array<char, kLongest> fold{};
  uint8_t size = 0;
  HeaderId id = HeaderId::kOther;
};

consteval std::array<Slot, kSlots> make_slots() {
  std::array<Slot, kSlots> slots;
  for (size_t i = 1; i < kIds; ++i) {
    Slot& slot = slots[slot_of(kNames[i])];
    if (slot.size != 0) throw "two names in one slot: look for other factors";
    slot.size = static_cast<uint8_t>(kNames[i].size());
    slot.id = static_cast<HeaderId>(i);
    for (size_t j = 0; j < kNames[i].size(); ++j) {
      slot.text[j] = kNames[i][j];
      slot.fold[j] = kNames[i][j] >= 'a' ? 0x20 : 0;
    }
  }
  return slots;
}

constexpr std::array<Slot, kSlots> kSlotTable = make_slots();

template <class Word>
bool same(const char* name, const Slot& slot, size_t at) {
  Word a;
  Word b;
  Word fold;
  memcpy(&a, name + at, sizeof(Word));
  memcpy(&b, slot.text.data() + at, sizeof(Word));
  memcpy(&fold, slot.fold.data() + at, sizeof(Word));
  return static_cast<Word>(a | fold) == b;
}

// The last word of a name overlaps the one before it, so nothing is read behind the name.
bool same_name(const char* name, const Slot& slot) {
  const size_t size = slot.size;
  if (size >= 8) {
    for (size_t at = 0; at + 8 < size; at += 8) {
      if (!same<uint64_t>(name, slot, at)) return false;
    }
    return same<uint64_t>(name, slot, size - 8);
  }
  if (size >= 4) return same<uint32_t>(name, slot, 0) && same<uint32_t>(name, slot, size - 4);
  return same<uint16_t>(name, slot, 0) && same<uint16_t>(name, slot, size - 2);
}

}  // namespace

std::string_view header_name(HeaderId id) {
  return id < HeaderId::kCount ? kNames[static_cast<size_t>(id)] : std::string_view();
}

HeaderId header_id(std::string_view name) {
  if (name.size() < kShortest || name.size() > kLongest) return HeaderId::kOther;
  const Slot& slot = kSlotTable[slot_of(name)];
  if (slot.size != name.size() || !same_name(name.data(), slot)) return HeaderId::kOther;
  return slot.id;
}

bool is_flagmesh_name(std::string_view name) {
  constexpr std::string_view kPrefix = "x-flagmesh-";
  return name.size() >= kPrefix.size() &&
         equals_ignore_case(name.substr(0, kPrefix.size()), kPrefix);
}

}  // namespace flagmesh::http
