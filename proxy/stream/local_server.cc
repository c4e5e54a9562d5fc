#include "proxy/stream/local_server.h"

#include "proxy/net/listener.h"
#include "proxy/stream/h1_session.h"
#include "proxy/stream/local_adapter.h"
#include "proxy/stream/worker_context.h"

namespace flagmesh::stream {

namespace {

class H1LocalServer final : public LocalServer {
 public:
  H1LocalServer(net::IoContext& context, LocalHandler& handler, int fd)
      : worker_(context, 0, stats_),
        adapter_(handler),
        fd_(fd),
        listener_(context.loop(), fd, [this](int client, const net::Address& peer) {
          H1Session::start(worker_, sessions_, client, peer);
        }) {
    worker_.sole_handler = &adapter_;
  }
  ~H1LocalServer() override {
    sessions_.close_all();
    worker_.io.loop().deleter().drain();
  }

  Status open(const LocalServerOptions& options) {
    if (Result<net::Address> bound = net::bound_address(fd_); bound) {
      address_ = *bound;
    } else {
      return std::unexpected(bound.error());
    }
    if (options.access_log) {
      if (Status opened = worker_.access_log.open(worker_.io.loop(), "stdout"); !opened) return opened;
    }
    return listener_.start();
  }

  const net::Address& address() const override { return address_; }
  int listen_fd() const override { return fd_; }
  void drain() override {
    worker_.draining = true;
    listener_.drain_and_close();
    sessions_.close_idle();
  }

 private:
  WorkerStats stats_;
  WorkerContext worker_;
  LocalAdapter adapter_;
  SessionList sessions_;
  int fd_;
  net::Listener listener_;
  net::Address address_;
};

}  // namespace

Result<std::unique_ptr<LocalServer>> LocalServer::start(net::IoContext& context, const net::Address& address,
                                                        LocalHandler& handler,
                                                        const LocalServerOptions& options) {
  int fd = options.listen_fd;
  if (fd < 0) {
    Result<int> listening = net::listen_on(address, {.reuse_port = false});
    if (!listening) return std::unexpected(listening.error());
    fd = *listening;
  }
  auto server = std::make_unique<H1LocalServer>(context, handler, fd);
  if (Status opened = server->open(options); !opened) return std::unexpected(opened.error());
  return server;
}

}  // namespace flagmesh::stream
