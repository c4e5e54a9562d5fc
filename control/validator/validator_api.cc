#include "control/validator/validator_api.h"

#include <utility>

#include "control/flags/canonical_json.h"
#include "control/flags/json_value.h"
#include "merkle/checkpoint.h"
#include "merkle/note.h"
#include "proxy/base/time.h"

namespace flagmesh::validator {

using flags::JsonValue;
using http::Method;
using stream::LocalResponse;

namespace {

constexpr const char* kPlain = "text/plain; charset=utf-8";

LocalResponse plain(uint16_t status, std::string text) {
  return {.status = status, .content_type = kPlain, .body = std::move(text)};
}

// C2SP tlog-witness, "add-checkpoint".
uint16_t status_of(const std::string& code) {
  if (code == "unknown_log") return 404;
  if (code == "bad_signature") return 403;
  if (code == "wrong_size" || code == "fork") return 409;
  if (code == "inconsistent_log") return 422;
  return code == "bad_request" ? 400 : 500;
}

LocalResponse wrong_size(uint64_t size) {
  return {.status = 409, .content_type = "text/x.tlog.size", .body = std::to_string(size) + "\n"};
}

void family(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out.append("# HELP ").append(name).append(" ").append(help).append("\n");
  out.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

void single(std::string& out, std::string_view name, std::string_view type, std::string_view help,
            uint64_t value) {
  family(out, name, type, help);
  out.append(name).append(" ").append(std::to_string(value)).append("\n");
}

}  // namespace

void ValidatorApi::handle(const stream::LocalRequest& request, stream::LocalReply reply) {
  reply.send(answer(request.head.method, request.head.path, request.body));
}

LocalResponse ValidatorApi::answer(Method method, std::string_view path, std::string_view body) {
  if (path == "/add-checkpoint") {
    if (method != Method::kPost) {
      LocalResponse response = plain(405, "POST it\n");
      response.headers.emplace_back("allow", "POST");
      return response;
    }
    return add_checkpoint(body);
  }
  if (method != Method::kGet && method != Method::kHead) {
    LocalResponse response = plain(405, "GET it\n");
    response.headers.emplace_back("allow", "GET, HEAD");
    return response;
  }
  if (path == "/healthz") return plain(200, "ok\n");
  if (path == "/readyz") return ready();
  if (path == "/metrics") return metrics();
  if (path == "/checkpoint") return checkpoint();
  return plain(404, "there is nothing here\n");
}

LocalResponse ValidatorApi::ready() const {
  const ValidatorMetrics& metrics = validator_.metrics();
  const bool stuck = metrics.refusal && metrics.refusal->code == "base_unknown";
  JsonValue::Object object;
  object.push_back({"epoch", static_cast<double>(metrics.epoch)});
  object.push_back({"key", validator_.key().text()});
  object.push_back({"ready", metrics.connected && !stuck});
  if (!metrics.connected) object.push_back({"reason", "the carrier cannot be reached"});
  if (metrics.refusal) {
    JsonValue::Object refused;
    refused.push_back({"message", metrics.refusal->text()});
    refused.push_back({"reason", metrics.refusal->code});
    refused.push_back({"time", static_cast<double>(metrics.refused_at)});
    object.push_back({"refused", JsonValue(std::move(refused))});
  }
  const uint16_t status = metrics.connected && !stuck ? 200 : 503;
  return {.status = status,
          .body = flags::canonical_json(JsonValue(std::move(object))) + "\n"};
}

LocalResponse ValidatorApi::metrics() const {
  const ValidatorMetrics& metrics = validator_.metrics();
  std::string out;
  single(out, "flagmesh_validator_epoch", "gauge", "Epoch of the newest checkpoint cosigned.",
         metrics.epoch);
  single(out, "flagmesh_validator_carrier_connected", "gauge", "1 while Redis can be reached.",
         metrics.connected ? 1 : 0);
  single(out, "flagmesh_validator_cosigned_total", "counter", "Checkpoints cosigned.",
         metrics.cosigned);
  single(out, "flagmesh_validator_heartbeats_total", "counter", "Cosignatures renewed.",
         metrics.heartbeats);
  family(out, "flagmesh_validator_refused_total", "counter",
         "Heads and candidates refused, by reason.");
  if (metrics.refused.empty()) out += "flagmesh_validator_refused_total 0\n";
  for (const auto& [code, count] : metrics.refused) {
    out += "flagmesh_validator_refused_total{reason=\"" + code + "\"} " + std::to_string(count) +
           "\n";
  }
  LocalResponse response = plain(200, std::move(out));
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  return response;
}

LocalResponse ValidatorApi::checkpoint() const {
  if (validator_.size() == 0) return plain(404, "nothing is cosigned yet\n");
  const auto signature = validator_.cosignature();
  if (!signature) return plain(500, signature.error().text() + "\n");
  const merkle::Checkpoint checkpoint{validator_.origin(), validator_.size(), validator_.root()};
  return plain(200, merkle::Note{checkpoint.text(), {*signature}}.str());
}

LocalResponse ValidatorApi::add_checkpoint(std::string_view body) {
  const auto request = AddCheckpoint::parse(body);
  if (!request) return plain(400, request.error().text() + "\n");
  const std::string origin = request->note.substr(0, request->note.find('\n'));
  if (origin == validator_.origin()) return own_checkpoint(*request);
  const auto line = witness_.add(*request, key_, unix_seconds());
  if (line) return plain(200, *line);
  if (line.error().code == "wrong_size") return wrong_size(witness_.size_of(origin));
  return plain(status_of(line.error().code), line.error().text() + "\n");
}

// The flags decide about its own log, not a proof: only what was judged is cosigned.
LocalResponse ValidatorApi::own_checkpoint(const AddCheckpoint& request) const {
  const auto note = merkle::Note::parse(request.note);
  if (!note) return plain(400, note.error().text() + "\n");
  const auto checkpoint = merkle::Checkpoint::parse(note->text);
  if (!checkpoint) return plain(400, checkpoint.error().text() + "\n");
  if (!validator_.is_signed(request.note)) {
    return plain(403, "the engine has not signed the checkpoint\n");
  }
  if (request.old_size > checkpoint->size) return plain(400, "the old size is above the size\n");
  if (checkpoint->size > validator_.size()) {
    LocalResponse response = plain(503, "the flags of that epoch are not judged yet\n");
    response.headers.emplace_back("retry-after", "1");
    return response;
  }
  if (request.old_size != validator_.size() || checkpoint->size != validator_.size()) {
    return wrong_size(validator_.size());
  }
  if (checkpoint->root != validator_.root()) return plain(409, "another log was cosigned\n");
  const auto signature = validator_.cosignature();
  if (!signature) return plain(500, signature.error().text() + "\n");
  return plain(200, signature->line());
}

}  // namespace flagmesh::validator
