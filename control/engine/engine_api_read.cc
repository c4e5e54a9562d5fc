// What the API tells.
#include <algorithm>
#include <utility>

#include "control/engine/api_flag.h"
#include "control/engine/api_response.h"
#include "control/engine/engine_api.h"
#include "control/flags/canonical_flag.h"
#include "control/flags/canonical_json.h"
#include "control/flags/parse.h"
#include "control/flags/prerequisites.h"
#include "control/flags/read_json.h"
#include "control/ofrep/bulk.h"
#include "lockfile/flag_proof.h"
#include "lockfile/published.h"
#include "merkle/log_tiles.h"
#include "merkle/note.h"

namespace flagmesh::engine {

using flags::JsonValue;
using stream::LocalResponse;

namespace {

constexpr size_t kPage = 100;
constexpr size_t kMaxPage = 1'000;

LocalResponse unknown_flag(const std::string& key) {
  return error_response("unknown_flag", "there is no flag '" + key + "'");
}

JsonValue number(uint64_t value) {
  return JsonValue(static_cast<double>(value));
}

JsonValue record_json(const merkle::EpochRecord& record) {
  JsonValue::Object object;
  object.push_back({"author", record.author.hex()});
  object.push_back({"change", record.change.hex()});
  object.push_back({"epoch", number(record.epoch)});
  object.push_back({"flags", number(record.flags)});
  object.push_back({"state_root", record.state_root.hex()});
  object.push_back({"time", number(record.time_ms)});
  return JsonValue(std::move(object));
}

JsonValue diagnostic_json(const Diagnostic& diagnostic) {
  JsonValue::Object object;
  object.push_back({"column", number(diagnostic.column)});
  object.push_back({"line", number(diagnostic.line)});
  object.push_back({"mend", diagnostic.mend});
  object.push_back({"message", diagnostic.message});
  object.push_back({"severity", diagnostic.severity == Severity::kError ? "error" : "warning"});
  return JsonValue(std::move(object));
}

}  // namespace

LocalResponse EngineApi::tenants() const {
  JsonValue::Object tenant;
  tenant.push_back({"epoch", number(engine_.epochs().epoch())});
  tenant.push_back({"flags", number(engine_.flags().flags().size())});
  tenant.push_back({"name", engine_.flags().tenant()});
  JsonValue::Object object;
  object.push_back({"tenants", JsonValue(JsonValue::Array{JsonValue(std::move(tenant))})});
  return json_response(200, JsonValue(std::move(object)));
}

// Reports come from whoever may write to the carrier: what is no object of a fair size is left out.
void EngineApi::routers(Answer answer) const {
  engine_.read_reports([epoch = engine_.epochs().epoch(), answer = std::move(answer)](
                           const Result<std::vector<std::string>>& reports) mutable {
    if (!reports) return answer(error_response(reports.error()));
    JsonValue::Array routers;
    for (const std::string& text : *reports) {
      auto report = flags::parse_json(text, {.bytes = 16 * 1024, .depth = 4, .nodes = 200});
      if (report && report->is_object()) routers.push_back(std::move(*report));
    }
    JsonValue::Object object;
    object.push_back({"epoch", number(epoch)});
    object.push_back({"routers", JsonValue(std::move(routers))});
    answer(json_response(200, JsonValue(std::move(object))));
  });
}

LocalResponse EngineApi::health() const {
  const auto why = engine_.not_ready();
  JsonValue::Object object;
  object.push_back({"ready", !why.has_value()});
  object.push_back({"epoch", number(engine_.epochs().epoch())});
  object.push_back({"standby", engine_.standing_by()});
  if (why) object.push_back({"reason", why->text()});
  if (const std::string note = engine_.note(); !note.empty()) object.push_back({"note", note});
  return json_response(why ? 503 : 200, JsonValue(std::move(object)));
}

LocalResponse EngineApi::list(const Call& call) const {
  const std::string tag = "\"" + flags_.version({}) + "\"";
  if (ofrep::none_match_has(call.request.if_none_match, tag)) {
    return {.status = 304, .content_type = "", .headers = {{"etag", tag}}};
  }
  JsonValue::Object all;
  for (const auto& [key, flag] : engine_.flags().flags()) {
    all.push_back({key, JsonValue(flag_json(flag))});
  }
  JsonValue::Object object;
  object.push_back({"tenant", engine_.flags().tenant()});
  object.push_back({"epoch", number(engine_.epochs().epoch())});
  object.push_back({"flags", JsonValue(std::move(all))});
  LocalResponse response = json_response(200, JsonValue(std::move(object)));
  response.headers.emplace_back("etag", tag);
  return response;
}

LocalResponse EngineApi::show(const Call& call) const {
  const FlagStore::Flag* flag = engine_.flags().find(call.key);
  if (flag == nullptr) return unknown_flag(call.key);
  const std::string tag = flag_tag(*flag);
  if (ofrep::none_match_has(call.request.if_none_match, tag)) {
    return {.status = 304, .content_type = "", .headers = {{"etag", tag}}};
  }
  JsonValue::Object object = flag_json(*flag);
  object.push_back({"key", call.key});
  object.push_back({"tenant", engine_.flags().tenant()});
  object.push_back({"epoch", number(engine_.epochs().epoch())});
  LocalResponse response = json_response(200, JsonValue(std::move(object)));
  response.headers.emplace_back("etag", tag);
  return response;
}

// Newest first; `before` goes on where a page ended.
LocalResponse EngineApi::history(const Call& call) const {
  const bool of_flag = call.route.call == ApiCall::kFlagHistory;
  const size_t limit = query_number(call.request.query, "limit", kPage, kMaxPage);
  const size_t before = query_number(call.request.query, "before", SIZE_MAX, SIZE_MAX);
  JsonValue::Array list;
  uint64_t last = 0;
  const auto& entries = engine_.changes();
  for (auto entry = entries.rbegin(); entry != entries.rend() && list.size() < limit; ++entry) {
    if (entry->number >= before || (of_flag && entry->flag != call.key)) continue;
    JsonValue::Object object;
    object.push_back({"author", entry->author});
    object.push_back({"epoch", number(entry->epoch)});
    object.push_back({"flag", entry->flag});
    object.push_back({"number", number(entry->number)});
    object.push_back({"time", number(static_cast<uint64_t>(entry->time_ms))});
    object.push_back({"what", entry->what});
    list.emplace_back(std::move(object));
    last = entry->number;
  }
  JsonValue::Object object;
  if (list.size() == limit && last > 0)
    object.push_back({"next", "before=" + std::to_string(last)});
  object.push_back({"changes", JsonValue(std::move(list))});
  return json_response(200, JsonValue(std::move(object)));
}

LocalResponse EngineApi::epochs(const Call& call) const {
  const merkle::EpochLog& log = engine_.epochs().log();
  const size_t from = std::max<size_t>(1, query_number(call.request.query, "from", 1, SIZE_MAX));
  const size_t limit = query_number(call.request.query, "limit", kPage, kMaxPage);
  JsonValue::Array list;
  uint64_t epoch = from;
  for (; epoch <= log.size() && list.size() < limit; ++epoch) {
    if (log.find(epoch) != nullptr) {
      list.push_back(record_json(log.record(epoch)));
      continue;
    }
    JsonValue::Object leaf;  // all that a log that was recovered has of it
    leaf.push_back({"epoch", number(epoch)});
    leaf.push_back({"leaf", log.leaf(epoch).hex()});
    list.emplace_back(std::move(leaf));
  }
  JsonValue::Object object;
  object.push_back({"records", JsonValue(std::move(list))});
  object.push_back({"size", number(log.size())});
  if (epoch <= log.size()) object.push_back({"next", "from=" + std::to_string(epoch)});
  return json_response(200, JsonValue(std::move(object)));
}

LocalResponse EngineApi::latest_epoch() const {
  const EpochCycle& epochs = engine_.epochs();
  if (epochs.epoch() == 0) return error_response("not_found", "nothing is published yet");
  const merkle::EpochRecord& record = epochs.log().record(epochs.epoch());
  JsonValue::Object object;
  object.push_back({"epoch", number(record.epoch)});
  object.push_back({"time", number(record.time_ms)});
  object.push_back({"flags", number(record.flags)});
  object.push_back({"state_root", record.state_root.hex()});
  if (const auto root = epochs.head_tenant_root()) object.push_back({"tenant_root", root->hex()});
  object.push_back({"checkpoint", epochs.head()});
  return json_response(200, JsonValue(std::move(object)));
}

// A proof file: lockfile/flag_proof.h.
LocalResponse EngineApi::proof(const Call& call) const {
  const EpochCycle& epochs = engine_.epochs();
  const auto proven = epochs.state().prove_at_head(engine_.flags().tenant(), call.key);
  if (!proven) {
    return engine_.flags().find(call.key) == nullptr
               ? unknown_flag(call.key)
               : error_response("not_found", "the flag is in no published epoch yet");
  }
  const merkle::EpochLog& log = epochs.log();
  auto checkpoint = merkle::Note::parse(epochs.head());
  if (!checkpoint) return error_response(checkpoint.error());
  const snapshot::TenantProof& tenant = proven->tenant;
  const lockfile::FlagProof proof{
      .json = proven->entry.json,
      .opening = proven->entry.opening,
      .in_tenant = {proven->index, proven->leaves, proven->path},
      .tenant_flags = tenant.flags,
      .tenant_opening = tenant.opening,
      .in_state = {tenant.index, tenant.tenants, tenant.path},
      .record = log.record(epochs.epoch()),
      .in_log = {.index = epochs.epoch() - 1,
                 .path = log.inclusion(epochs.epoch(), epochs.epoch()),
                 .checkpoint = *std::move(checkpoint)}};
  LocalResponse response = text_response(200, proof.text());
  response.content_type = "text/plain; charset=utf-8";
  return response;
}

// C2SP tlog-tiles: checkpoint, tile/…, tile/entries/….
LocalResponse EngineApi::log(const Call& call) const {
  const EpochCycle& epochs = engine_.epochs();
  if (call.key == "checkpoint") {
    if (epochs.head().empty()) return error_response("not_found", "nothing is published yet");
    return text_response(200, epochs.head());
  }
  const auto name = merkle::TileName::parse(call.key);
  if (!name) return error_response("not_found", name.error().text());
  auto bytes = merkle::read_tile(epochs.log(), *name);
  if (!bytes) return error_response("not_found", "the log does not have that tile");
  LocalResponse response;
  response.content_type = "application/octet-stream";
  response.body = std::move(*bytes);
  return response;
}

// Where the tenant's flags in force were published: the trailer of a lock (lockfile/published.h).
LocalResponse EngineApi::published() const {
  const EpochCycle& epochs = engine_.epochs();
  const auto tenant = epochs.state().prove_tenant_at_head(engine_.flags().tenant());
  if (!tenant) return error_response("not_found", "nothing is published yet");
  auto checkpoint = merkle::Note::parse(epochs.head());
  if (!checkpoint) return error_response(checkpoint.error());
  const lockfile::Published trailer{
      .tenant_opening = tenant->opening,
      .tenant_index = tenant->index,
      .tenants = tenant->tenants,
      .tenant_proof = tenant->path,
      .record = epochs.log().record(epochs.epoch()),
      .log_proof = epochs.log().inclusion(epochs.epoch(), epochs.epoch()),
      .checkpoint = *std::move(checkpoint)};
  LocalResponse response = text_response(200, trailer.text());
  response.content_type = "text/plain; charset=utf-8";
  return response;
}

// OFREP's result with its explanation.
LocalResponse EngineApi::evaluate(const Call& call) const {
  const FlagStore::Flag* flag = engine_.flags().find(call.key);
  if (flag == nullptr) return unknown_flag(call.key);
  const auto context = ofrep::Context::parse(call.request.body);
  if (!context) return error_response("bad_context", context.error().details);
  LocalResponse response;
  response.status = ofrep::append_evaluation(
      *flag->compiled(), *context, engine_.loop().unix_seconds(),
      {.explain = true, .set_metadata = flags_.metadata(engine_.flags().tenant())}, response.body);
  response.body += "\n";
  return response;
}

// A flag file, as JSON or YAML: every mistake in it.
LocalResponse EngineApi::validate(const Call& call) const {
  const bool json = call.request.content_type.starts_with("application/json");
  flags::ParsedFlags parsed = flags::parse_flag_file(
      call.request.body, json ? "body.json" : "body.yaml", engine_.flags().tenant());
  flags::resolve_prerequisites(parsed.flags, parsed.diagnostics);
  JsonValue::Array list;
  for (const Diagnostic& diagnostic : parsed.diagnostics)
    list.push_back(diagnostic_json(diagnostic));
  JsonValue::Object object;
  object.push_back({"diagnostics", JsonValue(std::move(list))});
  object.push_back({"flags", number(parsed.flags.flags.size())});
  object.push_back({"valid", parsed.diagnostics.empty()});
  return json_response(200, JsonValue(std::move(object)));
}

// Pure flagd: what any evaluator of the language reads.
LocalResponse EngineApi::export_flags() const {
  JsonValue::Object flags;
  for (const auto& [key, flag] : engine_.flags().flags()) {
    flags.push_back({key, flags::flagd_form(flag.definition)});
  }
  JsonValue::Object object;
  object.push_back({"$schema", "https://flagd.dev/schema/v0/flags.json"});
  object.push_back({"flags", JsonValue(std::move(flags))});
  if (const JsonValue* metadata = flags_.metadata(engine_.flags().tenant())) {
    object.push_back({"metadata", *metadata});
  }
  return json_response(200, JsonValue(std::move(object)));
}

}  // namespace flagmesh::engine
