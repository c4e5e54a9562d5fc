#include "proxy/demo.h"

#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "control/redis/carrier_state_source.h"
#include "control/snapshot/acceptance.h"
#include "control/validator/validator_options.h"
#include "merkle/secret_file.h"

namespace flagmesh {

namespace {

constexpr const char* kFlags = R"(# Edit and save: the change is published at once.
flags:
  checkout:
    enabled: true
    variants: { "on": true, "off": false }
    defaultVariant: "off"
    rollout: { "on": 25, "off": 75 }
)";

Result<std::string> make_key(const std::string& path, const std::string& name, merkle::SignatureType type) {
  Result<merkle::SigningKey> key = merkle::SigningKey::generate(name, type);
  if (!key) return std::unexpected(key.error());
  if (Status written = merkle::write_secret_file(path, key->text() + "\n"); !written) {
    return std::unexpected(written.error());
  }
  return key->verifier().text();
}

std::string loopback(uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

// Quoted, because a verifier key may hold what YAML takes for syntax.
std::string quoted(const std::string& text) { return '"' + text + '"'; }

}  // namespace

Result<std::unique_ptr<Demo>> Demo::create(event::Loop& loop, net::IoContext& io, DemoOptions options) {
  Result<TemporaryFolder> folder = TemporaryFolder::create("flagmesh-demo");
  if (!folder) return std::unexpected(folder.error());
  std::unique_ptr<Demo> demo(new Demo(std::move(options), std::move(*folder)));
  if (Status started = demo->start(loop, io); !started) return std::unexpected(started.error());
  return demo;
}

Demo::~Demo() {
  server_.reset();
  if (validator_thread_ != nullptr) validator_thread_->stop();
  if (engine_thread_ != nullptr) engine_thread_->stop();
}

Status Demo::start(event::Loop& loop, net::IoContext& io) {
  if (Status status = start_containers(io); !status) return status;
  if (Status status = write_files(); !status) return status;
  if (Status status = start_engine(); !status) return status;
  if (Status status = start_validator(); !status) return status;
  if (Status status = start_router(loop, io); !status) return status;
  return options_.ports_file.empty() ? Status() : write_ports_file();
}

Status Demo::start_containers(net::IoContext& io) {
  const auto start_one = [&](const char* name, uint16_t fixed, std::unique_ptr<DemoContainer>& out) -> Status {
    auto container = DemoContainer::start(io, name, *net::Address::parse(loopback(port(fixed))));
    if (!container) return std::unexpected(container.error());
    out = std::move(*container);
    return {};
  };
  if (Status status = start_one("checkout-v1", 7001, v1_); !status) return status;
  return start_one("checkout-v2", 7002, v2_);
}

// The demo is configured as any installation is: keys in files, one YAML.
Status Demo::write_files() {
  const std::string& dir = folder_.path();
  Result<std::string> engine_key = make_key(dir + "/engine.key", "demo.flagmesh/flags", merkle::SignatureType::kEd25519);
  if (!engine_key) return std::unexpected(engine_key.error());
  Result<std::string> validator_key =
      make_key(dir + "/validator.key", "validator.demo.flagmesh", merkle::SignatureType::kCosignatureV1);
  if (!validator_key) return std::unexpected(validator_key.error());
  std::ofstream(dir + "/checkout.yaml") << kFlags;
  const std::string text =
      "proxy:\n"
      "  shutdown_delay: 0s\n"
      "  listeners: [{ address: " + quoted(loopback(port(9071))) + " }]\n"
      "  routes:\n"
      "    - path: /checkout\n"
      "      flag: checkout\n"
      "      serve: { \"on\": checkout-v2, \"off\": checkout-v1 }\n"
      "      fallback: checkout-v1\n"
      "      bucket_by: [\"header:x-user-id\", \"cookie:uid\", mint]\n"
      "  containers:\n"
      "    checkout-v1: { endpoints: [" + quoted(v1_->address().text()) + "] }\n"
      "    checkout-v2:\n"
      "      endpoints: [" + quoted(v2_->address().text()) + "]\n"
      "      health_check: { path: /health, interval: 500ms, timeout: 250ms, unhealthy_after: 2, healthy_after: 1 }\n"
      "flags: { source: memory, files: [checkout.yaml] }\n"
      "trust:\n"
      "  origin: demo.flagmesh/flags\n"
      "  keys: { engine: [" + quoted(*engine_key) + "], validator: [" + quoted(*validator_key) + "] }\n"
      "  require: { engine: 1, validator: 1 }\n"
      "engine: { address: " + quoted(loopback(port(8071))) + ", state_dir: engine, signing_key: engine.key }\n"
      "validator: { state_dir: validator, signing_key: validator.key }\n"
      "admin: { address: " + quoted(loopback(port(9901))) + " }\n"
      "log: { level: warn, access_log: \"off\" }\n";
  const std::string file = dir + "/flagmesh.yaml";
  std::ofstream(file) << text;
  config::ParsedConfig parsed = config::load_config(file);
  for (const Diagnostic& diagnostic : parsed.diagnostics) spdlog::warn("{}", diagnostic.text());
  if (has_errors(parsed.diagnostics)) return fail("bad_config", "the demo's configuration has errors", file);
  config_ = std::move(parsed.config);
  return {};
}

std::unique_ptr<snapshot::MemoryCarrier> Demo::carrier_for(event::Loop& loop) {
  return std::make_unique<snapshot::MemoryCarrier>(
      bus_, [&loop](std::move_only_function<void()> task) { loop.post(std::move(task)); });
}

Status Demo::start_engine() {
  Result<std::unique_ptr<LoopThread>> thread = LoopThread::create();
  if (!thread) return std::unexpected(thread.error());
  engine_thread_ = std::move(*thread);
  Result<engine::EngineOptions> options = engine::engine_options(config_);
  if (!options) return std::unexpected(options.error());
  auto engine = engine::Engine::create(engine_thread_->loop(), carrier_for(engine_thread_->loop()), std::move(*options));
  if (!engine) return std::unexpected(engine.error());
  engine_ = std::move(*engine);
  api_ = std::make_unique<engine::EngineApi>(*engine_);
  auto server = stream::LocalServer::start(engine_thread_->io(), *net::Address::parse(config_.engine->address), *api_,
                                           {.name = "engine"});
  if (!server) return std::unexpected(server.error());
  api_server_ = std::move(*server);
  if (Status started = engine_->start(); !started) return started;
  engine_thread_->start();
  return {};
}

Status Demo::start_validator() {
  Result<std::unique_ptr<LoopThread>> thread = LoopThread::create();
  if (!thread) return std::unexpected(thread.error());
  validator_thread_ = std::move(*thread);
  Result<validator::ValidatorOptions> options = validator::validator_options(config_);
  if (!options) return std::unexpected(options.error());
  auto validator = validator::Validator::create(validator_thread_->loop(), carrier_for(validator_thread_->loop()),
                                                std::move(*options));
  if (!validator) return std::unexpected(validator.error());
  validator_ = std::move(*validator);
  if (Status started = validator_->start(); !started) return started;
  validator_thread_->start();
  return {};
}

Status Demo::start_router(event::Loop& loop, net::IoContext& io) {
  const auto make_source = [this](net::IoContext& context) -> Result<std::unique_ptr<snapshot::StateSource>> {
    Result<snapshot::Acceptance> acceptance =
        snapshot::Acceptance::create(config::trust_rules(config_.trust), config_.flags.tenant);
    if (!acceptance) return std::unexpected(acceptance.error());
    return std::make_unique<redis::CarrierStateSource>(context.loop(), carrier_for(context.loop()),
                                                       std::move(*acceptance));
  };
  Result<std::unique_ptr<Server>> server =
      Server::create(loop, io, {.config = config_, .make_source = make_source, .ports_file = {}});
  if (!server) return std::unexpected(server.error());
  server_ = std::move(*server);
  return {};
}

Status Demo::write_ports_file() const {
  const std::string text = "{\"listeners\":[\"" + server_->listen_addresses().front().text() + "\"],\"admin\":\"" +
                           server_->admin_address()->text() + "\",\"api\":\"" + api_server_->address().text() +
                           "\",\"containers\":[\"" + v1_->address().text() + "\",\"" + v2_->address().text() + "\"]}\n";
  const std::string temporary = options_.ports_file + ".tmp";
  std::ofstream(temporary) << text;
  if (rename(temporary.c_str(), options_.ports_file.c_str()) != 0) {
    return fail("ports_file", strerror(errno), options_.ports_file);
  }
  return {};
}

void Demo::introduce() const {
  const std::string site = "http://" + server_->listen_addresses().front().text() + "/checkout";
  const std::string api = "http://" + api_server_->address().text();
  const char* program = options_.program.c_str();
  printf(
      "\nFlagmesh demo is running. In this process:\n"
      "  router          %s   (admin: http://%s/readyz, /metrics, /flags, /containers)\n"
      "  flag engine     %s\n"
      "  validator       cosigns every epoch; the router accepts nothing without it\n"
      "  checkout-v1     http://%s   variant off, and the fallback\n"
      "  checkout-v2     http://%s   variant on\n"
      "  flags           %s/checkout.yaml (edit it: the change is live at once)\n",
      site.c_str(), server_->admin_address()->text().c_str(), api.c_str(), v1_->address().text().c_str(),
      v2_->address().text().c_str(), folder_.path().c_str());
  printf(
      "\nPaste these into another terminal:\n\n"
      "  # two users in different containers, the same ones every time\n"
      "  $ curl -s -H 'x-user-id: user-1' %s; curl -s -H 'x-user-id: user-4' %s\n\n"
      "  # the split over 1,000 users\n"
      "  $ for i in $(seq 1000); do printf 'url=\"%s\"\\nheader=\"x-user-id: user-%%s\"\\nnext\\n' $i; done | curl -s -K - | grep -o 'checkout-v[12]' | sort | uniq -c\n\n",
      site.c_str(), site.c_str(), site.c_str());
  printf(
      "  # half of the users get the new checkout; nobody who has it loses it\n"
      "  $ %s set checkout --rollout on=50,off=50 --engine %s\n\n"
      "  # stop the container of `on` for 20 seconds: its users are served by the fallback\n"
      "  $ curl -s -X POST 'http://%s/stop?seconds=20'; curl -s -i -H 'x-user-id: user-4' %s\n\n"
      "  # the kill switch: everybody gets `off`\n"
      "  $ %s set checkout --kill off --engine %s\n\n"
      "Ctrl-C ends it.\n",
      program, api.c_str(), v2_->address().text().c_str(), site.c_str(), program, api.c_str());
  fflush(stdout);
}

}  // namespace flagmesh
