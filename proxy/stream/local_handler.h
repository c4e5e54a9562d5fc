// Answers that the process gives itself (engine API, admin, demo containers): a whole request in, a whole response out. Not for the hot path.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/http/message.h"

namespace flagmesh::stream {

class Stream;

// Lives until LocalHandler::handle() returns.
struct LocalRequest {
  const http::RequestHead& head;  // method, path (normalised, without query), query, headers
  std::string_view body;          // whole, at most LocalHandler::max_body() bytes
  std::string_view peer_ip;       // the client's address as text, after trusted hops
  bool peer_is_loopback = false;  // of the socket itself, whatever headers say
};

struct LocalResponse {
  uint16_t status = 200;
  std::string content_type = "application/json";  // empty: none is sent
  std::vector<std::pair<std::string, std::string>> headers = {};  // lower-case names; no framing fields
  std::string body = {};
};

// The right to answer one request, once. May be kept and used on a later turn of the same loop; when the client has gone meanwhile, or
// the reply is dropped unused (then the client gets 500), nothing breaks. Move-only.
class LocalReply {
 public:
  LocalReply() = default;
  explicit LocalReply(std::shared_ptr<Stream*> stream) : stream_(std::move(stream)) {}
  LocalReply(LocalReply&&) = default;
  // What it held before is dropped with `other`.
  LocalReply& operator=(LocalReply&& other) noexcept {
    std::swap(stream_, other.stream_);
    return *this;
  }
  ~LocalReply();

  void send(LocalResponse response);
  // False once it was sent or the client has gone.
  bool wanted() const { return stream_ != nullptr && *stream_ != nullptr; }

 private:
  std::shared_ptr<Stream*> stream_;  // points to null once the stream has ended
};

// Shared by all streams of a loop and called on its thread.
class LocalHandler {
 public:
  virtual ~LocalHandler() = default;
  virtual void handle(const LocalRequest& request, LocalReply reply) = 0;
  // Longer bodies are answered with 413 before handle() is called.
  virtual size_t max_body() const { return 1024 * 1024; }
};

}  // namespace flagmesh::stream
