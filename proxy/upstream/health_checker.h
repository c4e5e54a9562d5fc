// Active health checks: GET a path at every endpoint now and then, from the main thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proxy/base/random.h"
#include "proxy/event/timer.h"
#include "proxy/http/h1_decoder.h"
#include "proxy/net/connection.h"
#include "proxy/upstream/h2_probe.h"
#include "proxy/upstream/shared_container.h"

namespace flagmesh::upstream {

// Checks one endpoint: a fresh connection each time, 200 to 399 is healthy. Lives on the loop of `context`.
class EndpointProbe final : private net::ConnectionHandler {
 public:
  EndpointProbe(net::IoContext& context, Rng& rng, std::shared_ptr<SharedContainer> container,
                std::shared_ptr<EndpointState> endpoint);
  ~EndpointProbe();
  void start();

  const EndpointState* endpoint() const { return endpoint_.get(); }

 private:
  void begin();
  void finish(bool success);
  void on_timer();
  void on_connected() override;
  size_t on_bytes(std::string_view bytes) override;
  void on_close(net::CloseCause cause, int error) override;
  void schedule(MonoMs after);
  std::string host() const;

  net::IoContext& context_;
  Rng& rng_;
  std::shared_ptr<SharedContainer> container_;
  std::shared_ptr<EndpointState> endpoint_;
  event::Timer timer_;  // the next check, or the end of the one that runs
  http::H1Limits limits_;
  BlockPool blocks_{1};
  std::unique_ptr<net::Connection> connection_;
  std::unique_ptr<http::H1ResponseDecoder> decoder_;
  std::string host_;
  std::unique_ptr<H2Probe> h2_;  // of a container that speaks HTTP/2
  uint32_t successes_ = 0;
  uint32_t failures_ = 0;
  bool running_ = false;
};

// All probes of the process. On the main thread.
class HealthChecker {
 public:
  explicit HealthChecker(net::IoContext& context) : context_(context) {}
  // Starts probes for what has a health check and is new, ends those for what is gone.
  void set_containers(const std::vector<std::shared_ptr<SharedContainer>>& containers);

 private:
  net::IoContext& context_;
  Rng rng_;
  std::vector<std::unique_ptr<EndpointProbe>> probes_;
};

}  // namespace flagmesh::upstream
