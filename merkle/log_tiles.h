// The epoch log as C2SP tlog-tiles serves one, so that stock tools can read and check it.
// https://c2sp.org/tlog-tiles
//
//   path    = "tile/" level "/" index [ ".p/" width ]      ; hashes
//           / "tile/entries/" index [ ".p/" width ]        ; records
//   level   = "0" … "63"                                   ; 256^level leaves under each hash
//   index   = *( "x" 3DIGIT "/" ) 3DIGIT                   ; 1234067 is x001/x234/067
//   width   = "1" … "255"                                  ; of a tile that is not full yet
//
//   hashes  = 1*256 hash                                   ; 32 bytes each
//   entries = 1*256 ( u16 record )                         ; length, big-endian; epoch_record.h
//
// The checkpoint is the note that the engine publishes. Free functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "merkle/epoch_log.h"
#include "proxy/base/result.h"

namespace flagmesh::merkle {

inline constexpr uint64_t kTileWidth = 256;

struct TileName {
  bool entries = false;
  uint8_t level = 0;  // of hashes
  uint64_t index = 0;
  uint16_t width = kTileWidth;

  bool operator==(const TileName&) const = default;
  std::string path() const;
  // Strict: parse(path)->path() == path. Code "bad_tile".
  static Result<TileName> parse(std::string_view path);
};

// The bytes of the tile; nothing when the log is not that long, or does not have the records.
std::optional<std::string> read_tile(const EpochLog& log, const TileName& name);

}  // namespace flagmesh::merkle
