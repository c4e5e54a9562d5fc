#include "merkle/log_tiles.h"

#include <utility>

#include "merkle/encoding.h"

namespace flagmesh::merkle {
namespace {

constexpr std::string_view kTile = "tile/";
constexpr std::string_view kEntries = "entries/";
constexpr uint64_t kGroup = 1000;
constexpr uint64_t kMaxIndex = uint64_t{1} << 56;  // 256 times that are 2^64 leaves

std::unexpected<Error> bad(const char* why) {
  return fail("bad_tile", why, {}, "see https://c2sp.org/tlog-tiles");
}

std::string three(uint64_t value) {
  std::string digits = std::to_string(value);
  return std::string(3 - digits.size(), '0') + digits;
}

std::string index_path(uint64_t index) {
  std::string path = three(index % kGroup);
  while (index >= kGroup) {
    index /= kGroup;
    path = "x" + three(index % kGroup) + "/" + path;
  }
  return path;
}

std::optional<uint64_t> three_digits(std::string_view text) {
  if (text.size() != 3) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

Result<uint64_t> parse_index(std::string_view text) {
  uint64_t index = 0;
  while (text.starts_with('x')) {
    const auto group = text.size() < 5 || text[4] != '/' ? std::nullopt
                                                         : three_digits(text.substr(1, 3));
    if (!group || index >= kMaxIndex / kGroup) return bad("the tile's index is no number");
    index = index * kGroup + *group;
    text.remove_prefix(5);
  }
  const auto last = three_digits(text);
  if (!last || index >= kMaxIndex / kGroup) return bad("the tile's index is no number");
  return index * kGroup + *last;
}

}  // namespace

std::string TileName::path() const {
  std::string path(kTile);
  path += entries ? std::string(kEntries) : std::to_string(level) + "/";
  path += index_path(index);
  if (width != kTileWidth) path += ".p/" + std::to_string(width);
  return path;
}

Result<TileName> TileName::parse(std::string_view path) {
  const std::string_view whole = path;
  TileName name;
  if (!path.starts_with(kTile)) return bad("a tile's path begins with tile/");
  path.remove_prefix(kTile.size());
  name.entries = path.starts_with(kEntries);
  if (name.entries) {
    path.remove_prefix(kEntries.size());
  } else {
    const size_t slash = path.find('/');
    const auto level = parse_decimal(path.substr(0, slash));
    if (slash == path.npos || !level || *level > 63) return bad("the tile's level is not 0 to 63");
    name.level = static_cast<uint8_t>(*level);
    path.remove_prefix(slash + 1);
  }
  if (const size_t partial = path.find(".p/"); partial != path.npos) {
    const auto width = parse_decimal(path.substr(partial + 3));
    if (!width || *width == 0 || *width >= kTileWidth) return bad("the width is not 1 to 255");
    name.width = static_cast<uint16_t>(*width);
    path = path.substr(0, partial);
  }
  const auto index = parse_index(path);
  if (!index) return std::unexpected(index.error());
  name.index = *index;
  if (name.path() != whole) return bad("the tile's index has needless zeros");
  return name;
}

std::optional<std::string> read_tile(const EpochLog& log, const TileName& name) {
  if (name.level > 7) return std::nullopt;  // 256^8 is more than any log has
  const uint64_t span = uint64_t{1} << (8 * name.level);  // leaves under one hash
  const uint64_t nodes = log.size() / span;
  const uint64_t first = name.index * kTileWidth;
  if (first > nodes || nodes - first < name.width) return std::nullopt;
  std::string bytes;
  for (uint64_t at = first; at < first + name.width; ++at) {
    if (!name.entries) {
      bytes += log.node(at * span, span).view();
      continue;
    }
    const EpochRecord* record = log.find(at + 1);
    if (record == nullptr) return std::nullopt;
    const std::string entry = record->serialize();
    bytes.push_back(static_cast<char>(entry.size() >> 8));
    bytes.push_back(static_cast<char>(entry.size()));
    bytes += entry;
  }
  return bytes;
}

}  // namespace flagmesh::merkle
