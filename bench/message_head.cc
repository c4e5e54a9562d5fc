#include "bench/message_head.h"

#include <strings.h>

#include <cstring>

#include "bench/tool.h"

namespace flagmesh::bench {
namespace {

// The value when `line` is a field of that name (lower case, with its colon).
std::optional<std::string_view> value_of(std::string_view line, std::string_view name) {
  if (line.size() < name.size() || strncasecmp(line.data(), name.data(), name.size()) != 0) {
    return std::nullopt;
  }
  line.remove_prefix(name.size());
  while (line.starts_with(' ')) line.remove_prefix(1);
  return line;
}

void take_field(std::string_view line, MessageHead& head) {
  switch (line[0] | 0x20) {
    case 'c':
      if (const auto length = value_of(line, "content-length:")) {
        head.content_length = leading_number(*length);
      } else if (const auto option = value_of(line, "connection:")) {
        head.close = option->size() >= 5 && strncasecmp(option->data(), "close", 5) == 0;
      }
      break;
    case 't':
      if (value_of(line, "transfer-encoding:")) head.chunked = true;
      break;
    default:
      break;
  }
}

}  // namespace

std::optional<MessageHead> scan_head(std::string_view data) {
  MessageHead head;
  size_t begin = 0;
  while (true) {
    const void* found =
        begin < data.size() ? memchr(data.data() + begin, '\n', data.size() - begin) : nullptr;
    if (found == nullptr) return std::nullopt;
    const size_t end = static_cast<size_t>(static_cast<const char*>(found) - data.data());
    const std::string_view line =
        data.substr(begin, end - begin - (end > begin && data[end - 1] == '\r' ? 1 : 0));
    begin = end + 1;
    if (line.empty()) break;
    if (head.first_line.empty()) {
      head.first_line = line;
    } else {
      take_field(line, head);
    }
  }
  head.size = begin;
  return head;
}

}  // namespace flagmesh::bench
