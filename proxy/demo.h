// `flagmesh demo`: engine, validator and router in one process with an in-memory carrier, and two feature containers. Its names are fixed
// (README.md, tests/e2e/test_demo.py): route /checkout, flag checkout, containers checkout-v1 and checkout-v2.
#pragma once

#include <memory>
#include <string>

#include "control/config/config.h"
#include "control/engine/engine.h"
#include "control/engine/engine_api.h"
#include "control/snapshot/memory_carrier.h"
#include "control/validator/validator.h"
#include "proxy/demo_container.h"
#include "proxy/loop_thread.h"
#include "proxy/server.h"
#include "proxy/temporary_folder.h"

namespace flagmesh {

struct DemoOptions {
  bool any_port = false;  // free ports instead of 9071, 8071, 9901, 7001 and 7002
  std::string ports_file;
  std::string program;  // how to call the program in printed commands
};

// Made on the main thread; every role has a thread of its own. State and keys live in a folder that goes with it.
class Demo {
 public:
  static Result<std::unique_ptr<Demo>> create(event::Loop& loop, net::IoContext& io, DemoOptions options);
  ~Demo();

  // What was started and five commands to paste.
  void introduce() const;

 private:
  Demo(DemoOptions options, TemporaryFolder folder) : options_(std::move(options)), folder_(std::move(folder)) {}
  Status start(event::Loop& loop, net::IoContext& io);
  Status start_containers(net::IoContext& io);
  Status write_files();
  Status start_engine();
  Status start_validator();
  Status start_router(event::Loop& loop, net::IoContext& io);
  Status write_ports_file() const;
  std::unique_ptr<snapshot::MemoryCarrier> carrier_for(event::Loop& loop);
  uint16_t port(uint16_t fixed) const { return options_.any_port ? 0 : fixed; }

  DemoOptions options_;
  TemporaryFolder folder_;
  snapshot::MemoryBus bus_;
  config::Config config_;
  std::unique_ptr<DemoContainer> v1_;
  std::unique_ptr<DemoContainer> v2_;
  std::unique_ptr<LoopThread> engine_thread_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<engine::EngineApi> api_;
  std::unique_ptr<stream::LocalServer> api_server_;
  std::unique_ptr<LoopThread> validator_thread_;
  std::unique_ptr<validator::Validator> validator_;
  std::unique_ptr<Server> server_;
};

}  // namespace flagmesh
