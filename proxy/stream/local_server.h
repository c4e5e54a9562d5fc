// A LocalHandler behind its own address: the engine's API, the admin port, a demo container. Same codec, limits and errors as the data plane.
#pragma once

#include <memory>
#include <string>

#include "proxy/base/result.h"
#include "proxy/net/address.h"
#include "proxy/net/io_context.h"
#include "proxy/net/listen_socket.h"
#include "proxy/stream/local_handler.h"

namespace flagmesh::stream {

struct LocalServerOptions {
  std::string name;            // for logs: "engine", "admin"
  bool access_log = false;
  std::shared_ptr<net::ListenSocket> socket = nullptr;  // listen here instead of binding one
};

// Lives on the loop's thread, as do its connections; `context` and `handler` outlive it. Destroying it closes all of them.
class LocalServer {
 public:
  static Result<std::unique_ptr<LocalServer>> start(net::IoContext& context, const net::Address& address,
                                                    LocalHandler& handler, const LocalServerOptions& options);
  virtual ~LocalServer() = default;

  // Where it listens: the port is the real one when 0 was asked for.
  virtual const net::Address& address() const = 0;
  virtual const std::shared_ptr<net::ListenSocket>& socket() const = 0;
  // Another process accepts from the socket now; the connections that there are go on.
  virtual void release_socket() = 0;
  // Stops accepting and ends idle connections; requests in flight are answered.
  virtual void drain() = 0;
};

}  // namespace flagmesh::stream
