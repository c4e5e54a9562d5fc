// The admin port: what operators and probes ask.
#pragma once

#include <string>

#include "proxy/stream/local_handler.h"

namespace flagmesh {

class Server;

//   GET /healthz      200 while the process runs
//   GET /readyz       200 when it should get traffic, else 503; JSON says why, and how old the flag state is
//   GET /metrics      Prometheus text
//   GET /flags        the flags in force: key, state, variants, proof; JSON
//   GET /containers   endpoints with health, breaker, counts; JSON
// On the main thread; the server outlives it.
class Admin final : public stream::LocalHandler {
 public:
  explicit Admin(const Server& server) : server_(server) {}
  void handle(const stream::LocalRequest& request, stream::LocalReply reply) override;

 private:
  stream::LocalResponse ready() const;
  std::string metrics() const;
  std::string flags() const;
  std::string containers() const;

  const Server& server_;
};

}  // namespace flagmesh
