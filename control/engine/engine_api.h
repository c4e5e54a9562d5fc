// The engine's HTTP API (docs/engine.md): reads and changes flags, says how the engine is; and
// OFREP (docs/ofrep.md). api_routes.h has what there is, api_access.h who may.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "control/engine/api_access.h"
#include "control/engine/api_routes.h"
#include "control/engine/engine.h"
#include "control/engine/engine_flags.h"
#include "control/ofrep/ofrep_handler.h"
#include "proxy/stream/local_handler.h"

namespace flagmesh::engine {

// What one request asks for, apart from HTTP; tests feed it.
struct ApiRequest {
  http::Method method = http::Method::kGet;
  std::string_view path;  // normalised, without query
  std::string_view body = {};
  std::string_view host = {};  // Host field
  std::string_view content_type = {};
  bool from_loopback = false;
  std::string_view query = {};
  std::string_view token = {};
  std::string_view if_match = {};
  std::string_view if_none_match = {};
  std::string_view idempotency_key = {};
};

// On the engine's loop; the engine outlives it.
class EngineApi final : public stream::LocalHandler {
 public:
  using Answer = std::move_only_function<void(stream::LocalResponse)>;

  explicit EngineApi(Engine& engine);
  ~EngineApi() override;

  // The file of tokens has changed: these hold for the API and OFREP from now on. Not null where tokens were asked for before.
  void set_tokens(std::shared_ptr<const config::ApiTokens> tokens);

  void handle(const stream::LocalRequest& request, stream::LocalReply reply) override;
  // `answer` is called once, now or on a later turn; views of the request are not needed any more
  // when this returns.
  void handle(const ApiRequest& request, Answer answer);
  // A file of flags may be large.
  size_t max_body() const override { return kBodyBytes; }

  static constexpr size_t kBodyBytes = 16 * 1024 * 1024;
  // Answers to requests with an Idempotency-Key that are remembered, and for how long.
  static constexpr size_t kRemembered = 10'000;
  static constexpr MonoMs kRememberMs = 24 * 60 * 60 * 1000;

 private:
  // A request on its way through: routed and admitted.
  struct Call {
    const ApiRequest& request;
    const ApiRoute& route;
    std::string key;
    std::string author;
  };

  stream::LocalResponse public_page(std::string_view path) const;
  std::string_view below_root(std::string_view path, bool& known_tenant) const;
  stream::LocalResponse read(const Call& call) const;

  // engine_api_read.cc
  stream::LocalResponse tenants() const;
  stream::LocalResponse health() const;
  stream::LocalResponse list(const Call& call) const;
  stream::LocalResponse show(const Call& call) const;
  stream::LocalResponse history(const Call& call) const;
  stream::LocalResponse epochs(const Call& call) const;
  stream::LocalResponse latest_epoch() const;
  stream::LocalResponse log(const Call& call) const;
  stream::LocalResponse proof(const Call& call) const;
  stream::LocalResponse published() const;
  stream::LocalResponse evaluate(const Call& call) const;
  stream::LocalResponse validate(const Call& call) const;
  stream::LocalResponse export_flags() const;
  void routers(Answer answer) const;

  // engine_api_write.cc
  void write(const Call& call, Answer answer);
  void import_flags(const Call& call, Answer answer);
  Result<FlagRequest> request_of(const Call& call) const;
  Status check_conditions(const Call& call) const;
  stream::LocalResponse preview(const Call& call, const FlagRequest& request) const;
  Answer remembering(const Call& call, Answer answer);
  bool answered_before(const Call& call, Answer& answer);
  Engine::Done finished(std::string name, Answer answer);

  struct Remembered {
    std::string request;  // its digest
    MonoMs at = 0;
    bool done = false;
    stream::LocalResponse response;
  };

  Engine& engine_;
  EngineFlags flags_;
  ofrep::OfrepHandler ofrep_;
  ApiAccess access_;
  std::unordered_map<std::string, Remembered> remembered_;  // by author and key
  std::deque<std::string> remembered_order_;
};

}  // namespace flagmesh::engine
