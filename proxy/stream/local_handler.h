// Answers that the process gives itself (engine API, admin, demo containers): a whole request in, a whole response out. Not for the hot path.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/snapshot/route.h"
#include "proxy/http/message.h"

namespace flagmesh::stream {

class Stream;

// Lives until LocalHandler::handle() returns.
struct LocalRequest {
  const http::RequestHead& head;  // method, path (normalised, without query), query, headers
  std::string_view body;          // whole, at most LocalHandler::max_body() bytes
  std::string_view peer_ip;       // the client's address as text, after trusted hops
  bool peer_is_loopback = false;  // of the socket itself, whatever headers say
  const snapshot::Route* route = nullptr;  // that led here; null behind a LocalServer
};

struct LocalResponse {
  uint16_t status = 200;
  std::string content_type = "application/json";  // empty: none is sent
  std::vector<std::pair<std::string, std::string>> headers = {};  // lower-case names; no framing fields
  std::string body = {};
};

// A response that goes on until one side ends it (events). Move-only, on the loop's thread; dropping it ends the response.
class LocalStream {
 public:
  LocalStream() = default;
  explicit LocalStream(std::shared_ptr<Stream*> stream) : stream_(std::move(stream)) {}
  LocalStream(LocalStream&&) = default;
  LocalStream& operator=(LocalStream&& other) noexcept {
    std::swap(stream_, other.stream_);
    return *this;
  }
  ~LocalStream() { end(); }

  // False once it was ended or the client has gone: nobody is told, whoever sends next sees it.
  bool open() const { return stream_ != nullptr && *stream_ != nullptr; }
  // Copies. Nothing happens when it is not open.
  void send(std::string_view bytes);
  // Bytes that the client has not taken.
  size_t waiting() const;
  void end();

 private:
  std::shared_ptr<Stream*> stream_;
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
  // Sends the head (`body` is not looked at) and goes on. A HEAD request, or a client that has gone, gets a stream that is not open.
  LocalStream start(LocalResponse head);
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
