#include "proxy/stream/local_server.h"

#include "proxy/net/listener.h"
#include "proxy/stream/h1_session.h"
#include "proxy/stream/local_adapter.h"
#include "proxy/stream/worker_context.h"

namespace flagmesh::stream {

namespace {

class H1LocalServer final : public LocalServer {
 public:
  H1LocalServer(net::IoContext& context, LocalHandler& handler, std::shared_ptr<net::ListenSocket> socket)
      : worker_(context, 0, stats_),
        adapter_(handler),
        socket_(std::move(socket)),
        listener_(context.loop(), socket_, [this](int client, const net::Address& peer) {
          H1Session::start(worker_, sessions_, behind_, client, peer);
        }) {
    worker_.sole_handler = &adapter_;
  }
  ~H1LocalServer() override {
    sessions_.close_all();
    worker_.io.loop().deleter().drain();
  }

  Status open(const LocalServerOptions& options) {
    if (options.access_log) {
      if (Status opened = worker_.access_log.open(worker_.io.loop(), "stdout"); !opened) return opened;
    }
    return listener_.start();
  }

  const net::Address& address() const override { return address_; }
  const std::shared_ptr<net::ListenSocket>& socket() const override { return socket_; }
  void release_socket() override {
    worker_.draining = true;
    listener_.release();
    socket_.reset();
    sessions_.expect_close();
  }
  void drain() override {
    worker_.draining = true;
    listener_.drain_and_close();
    socket_.reset();
    sessions_.close_idle();
  }

 private:
  WorkerStats stats_;
  WorkerContext worker_;
  LocalAdapter adapter_;
  SessionList sessions_;
  ListenerRef behind_{ListenerSettings{}};
  std::shared_ptr<net::ListenSocket> socket_;
  net::Address address_ = socket_->address();
  net::Listener listener_;
};

}  // namespace

Result<std::unique_ptr<LocalServer>> LocalServer::start(net::IoContext& context, const net::Address& address,
                                                        LocalHandler& handler,
                                                        const LocalServerOptions& options) {
  std::shared_ptr<net::ListenSocket> socket = options.socket;
  if (socket == nullptr) {
    Result<int> fd = net::listen_on(address, {.reuse_port = false});
    if (!fd) return std::unexpected(fd.error());
    socket = std::make_shared<net::ListenSocket>(*fd);
  }
  auto server = std::make_unique<H1LocalServer>(context, handler, std::move(socket));
  if (Status opened = server->open(options); !opened) return std::unexpected(opened.error());
  return server;
}

}  // namespace flagmesh::stream
