// A step between a request's head and its handler.
#pragma once

#include <cstdint>
#include <string_view>

namespace flagmesh::stream {

class Stream;

enum class FilterResult : uint8_t {
  kContinue,
  kReplied,  // the filter sent a local reply: the chain ends
};

// One object per worker and filter, shared by all streams; what it needs per request is in the stream. On the worker's thread.
class Filter {
 public:
  virtual ~Filter() = default;
  virtual std::string_view name() const = 0;
  // The head is complete, the route is known, stream.decision() is being filled.
  virtual FilterResult on_request(Stream& stream) = 0;
};

}  // namespace flagmesh::stream
