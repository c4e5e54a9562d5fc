// The engine's HTTP API (docs/engine.md): reads and changes flags, says how the engine is; and OFREP (docs/ofrep.md).
//
// Without API tokens, changes are taken from loopback only: the client's socket must be on
// loopback, the Host a loopback name or address (a web page under a name that was bound to
// 127.0.0.1 is refused), and the body application/json (a form of another site is refused).
#pragma once

#include <string>
#include <string_view>

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
};

// On the engine's loop; the engine outlives it.
class EngineApi final : public stream::LocalHandler {
 public:
  using Answer = std::move_only_function<void(stream::LocalResponse)>;

  explicit EngineApi(Engine& engine);
  ~EngineApi() override;

  void handle(const stream::LocalRequest& request, stream::LocalReply reply) override;
  // `answer` is called once, now or on a later turn; views of the request are not needed any more
  // when this returns.
  void handle(const ApiRequest& request, Answer answer);

 private:
  stream::LocalResponse read(std::string_view path) const;
  stream::LocalResponse list() const;
  stream::LocalResponse show(std::string_view key) const;
  stream::LocalResponse latest_epoch() const;
  void write(const ApiRequest& request, std::string_view key, std::string_view action,
             Answer answer);
  void applied(std::string_view key, const FlagRequest& request, Answer answer);

  Engine& engine_;
  EngineFlags flags_;
  ofrep::OfrepHandler ofrep_;
};

}  // namespace flagmesh::engine
