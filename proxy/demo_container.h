// A tiny feature container for `flagmesh demo`: answers JSON with its own name and the request it saw.
#pragma once

#include <memory>
#include <string>

#include "proxy/event/timer.h"
#include "proxy/net/io_context.h"
#include "proxy/stream/local_server.h"

namespace flagmesh {

// `POST /stop?seconds=30` makes it stop listening for that long, so that one can see the fallback. On the loop of `io`.
class DemoContainer final : public stream::LocalHandler {
 public:
  // Binds at once; port 0 is any free one.
  static Result<std::unique_ptr<DemoContainer>> start(net::IoContext& io, std::string name, const net::Address& address);

  const net::Address& address() const { return address_; }
  void handle(const stream::LocalRequest& request, stream::LocalReply reply) override;

 private:
  DemoContainer(net::IoContext& io, std::string name);
  Status listen(const net::Address& address);
  void on_timer();

  net::IoContext& io_;
  std::string name_;
  net::Address address_;
  std::unique_ptr<stream::LocalServer> server_;
  event::Timer timer_;  // stopping (after the answer is out), then coming back
  uint64_t stop_for_ms_ = 0;
};

}  // namespace flagmesh
