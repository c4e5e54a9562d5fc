// Replies of Redis (RESP2), read strictly within limits. hiredis's reader is behind it, seen only
// in reply.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"

namespace flagmesh::redis {

// What one reply may be at most; more ends the connection ("bad_reply"). Whoever can answer in the
// place of Redis chooses every length in a reply.
struct ReplyLimits {
  size_t array = 100'000;                // elements of one array
  size_t nodes = 1'000'000;              // of one reply, nested ones included
  size_t depth = 7;                      // arrays in arrays (hiredis's own bound)
  size_t bulk_bytes = 64 * 1024 * 1024;  // of one string
  size_t bytes = 96 * 1024 * 1024;       // of one reply in memory, whole or half
  size_t line_bytes = 64 * 1024;         // of a line: status, error, number, length
};

struct Reply {
  enum class Type : uint8_t { kNil, kStatus, kError, kInteger, kString, kArray };

  Type type = Type::kNil;
  int64_t integer = 0;
  std::string text;  // kStatus, kError, kString
  std::vector<Reply> elements;

  bool is_error() const { return type == Type::kError; }
  bool is_nil() const { return type == Type::kNil; }
  // The text of a string, nothing for nil; code "unexpected_reply" for any other type,
  // "redis_error" with Redis's words for an error reply.
  Result<std::optional<std::string>> optional_text() &&;
  // Any reply that is no error: code "redis_error".
  Status ok() const;
};

// Bytes in, replies out. A value of its connection; one thread.
class ReplyReader {
 public:
  explicit ReplyReader(ReplyLimits limits);
  ~ReplyReader();
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  // Appends bytes. Code "bad_reply": over a limit. After any error the reader is of no use.
  Status feed(std::string_view bytes);
  // The next whole reply; nothing when more bytes are needed. Code "bad_reply": not RESP2, or over
  // a limit.
  Result<std::optional<Reply>> next();

 private:
  struct Impl;
  struct Callbacks;
  std::unique_ptr<Impl> impl_;
};

// A command as RESP2 has it: an array of bulk strings.
// Empty when there is no memory for it.
std::string format_command(const std::vector<std::string_view>& words);

}  // namespace flagmesh::redis
