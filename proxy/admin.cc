#include "proxy/admin.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>

#include "proxy/base/time.h"
#include "proxy/router_metrics.h"
#include "proxy/server.h"

namespace flagmesh {

namespace {

using Json = rapidjson::Writer<rapidjson::StringBuffer>;

void put(Json& json, std::string_view name, std::string_view text) {
  json.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
  json.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}
void put(Json& json, const char* name, uint64_t number) {
  json.Key(name);
  json.Uint64(number);
}
void put_bool(Json& json, const char* name, bool value) {
  json.Key(name);
  json.Bool(value);
}

}  // namespace

void Admin::handle(const stream::LocalRequest& request, stream::LocalReply reply) {
  const std::string_view path = request.head.path;
  if (request.head.method != http::Method::kGet && request.head.method != http::Method::kHead) {
    reply.send({.status = 405, .headers = {{"allow", "GET, HEAD"}}, .body = "{\"error\":\"GET only\"}\n"});
  } else if (path == "/healthz") {
    reply.send({.body = "{\"status\":\"ok\"}\n"});
  } else if (path == "/readyz") {
    reply.send(ready());
  } else if (path == "/metrics") {
    reply.send({.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics()});
  } else if (path == "/flags") {
    reply.send({.body = flags()});
  } else if (path == "/containers") {
    reply.send({.body = containers()});
  } else {
    reply.send({.status = 404,
                .body = "{\"error\":\"there are /healthz /readyz /metrics /flags /containers\"}\n"});
  }
}

// Not ready: shutting down, no snapshot yet, or flag routes without any proven state. State past its age keeps it ready (the routes'
// when_unproven says what happens), but shows.
stream::LocalResponse Admin::ready() const {
  const snapshot::SourceStatus::View source = server_.source_view();
  const Builder::Published current = server_.current();
  const std::string why = server_.unready_reason();
  const bool stale = current != nullptr && !current->snapshot->trust.fresh_at(unix_millis(), mono_ms());
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  json.StartObject();
  put_bool(json, "ready", why.empty());
  if (!why.empty()) put(json, "reason", why);
  if (current != nullptr) {
    const snapshot::TrustStatus& trust = current->snapshot->trust;
    put(json, "epoch", trust.epoch);
    put(json, "policy", trust.policy == snapshot::TrustPolicy::kSigned ? "signed" : "unsigned");
    put_bool(json, "stale", stale);
    if (trust.freshness != nullptr && trust.freshness->newest_ms() != 0) {
      put(json, "age_ms", static_cast<uint64_t>(std::max<int64_t>(0, unix_millis() - trust.freshness->newest_ms())));
    }
  }
  put_bool(json, "source_connected", source.connected);
  if (!source.last_refusal.empty()) {
    put(json, "last_refusal_reason", source.last_refusal_reason);
    put(json, "last_refusal", source.last_refusal);
  }
  if (!source.note.empty()) put(json, "note", source.note);
  json.EndObject();
  return {.status = static_cast<uint16_t>(why.empty() ? 200 : 503),
          .body = std::string(buffer.GetString(), buffer.GetSize()) + "\n"};
}

std::string Admin::metrics() const { return router_metrics(server_); }

std::string Admin::flags() const {
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  json.StartObject();
  const Builder::Published current = server_.current();
  if (current != nullptr) {
    const snapshot::Snapshot& snapshot = *current->snapshot;
    put(json, "epoch", snapshot.trust.epoch);
    put(json, "state_root", snapshot.trust.state_root.hex());
    put_bool(json, "proven", snapshot.trust.proven);
    json.Key("flags");
    json.StartArray();
    snapshot.flags.for_each([&](const snapshot::FlagEntry& entry) {
      json.StartObject();
      put(json, "tenant", entry.tenant());
      put(json, "key", entry.key());
      put(json, "leaf", entry.leaf.hex());
      json.Key("definition");
      json.RawValue(entry.canonical_json.data(), entry.canonical_json.size(), rapidjson::kObjectType);
      json.EndObject();
      return true;
    });
    json.EndArray();
  }
  json.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

std::string Admin::containers() const {
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  json.StartArray();
  for (const auto& container : server_.containers()) {
    json.StartObject();
    put(json, "name", container->spec().name);
    put(json, "circuit_breaker", upstream::breaker_state_name(container->breaker()));
    put(json, "healthy_endpoints", uint64_t{container->healthy_endpoints()});
    const ContainerTotals total = sum_shards(*container);
    put(json, "requests", total.requests);
    put(json, "failures", total.failures);
    put(json, "active_connections", total.active_connections);
    put(json, "active_requests", total.active_requests);
    json.Key("endpoints");
    json.StartArray();
    for (const auto& endpoint : *container->endpoints()) {
      json.StartObject();
      put(json, "name", endpoint->name);
      put(json, "address", endpoint->address.text());
      put_bool(json, "healthy", endpoint->healthy());
      put_bool(json, "check_failed", endpoint->check_failed.load());
      put_bool(json, "ejected", endpoint->ejected.load());
      json.EndObject();
    }
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

}  // namespace flagmesh
