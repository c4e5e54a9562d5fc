// A request as the facts that targeting may ask for, read lazily.
#pragma once

#include <optional>
#include <string_view>

#include "control/flags/context.h"
#include "proxy/stream/stream.h"

namespace flagmesh::filters {

// header.NAME (lower case), cookie.NAME, query.NAME, path, method, host, ip, tls.NAME (docs/tls.md). A header, cookie or parameter that comes more than once is
// absent: a request must not be able to show one value to the proxy and another to the container. Lives for one evaluation.
class RequestContext final : public flags::EvaluationContext {
 public:
  RequestContext(stream::Stream& stream, std::optional<std::string_view> key) : stream_(stream), key_(key) {}

  std::optional<std::string_view> targeting_key() const noexcept override { return key_; }
  flags::ContextValue lookup(const flags::ContextPath& path) const noexcept override;
  int64_t unix_seconds() const noexcept override;

 private:
  stream::Stream& stream_;
  std::optional<std::string_view> key_;
};

// The value of a source, or an empty view when it is absent, empty, repeated or longer than limits::kTargetingKeyBytes.
std::string_view key_from(stream::Stream& stream, const snapshot::KeySource& source);

}  // namespace flagmesh::filters
