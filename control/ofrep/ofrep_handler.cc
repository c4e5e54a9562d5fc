#include "control/ofrep/ofrep_handler.h"

#include <utility>

#include "control/flags/canonical_json.h"
#include "control/ofrep/credentials.h"
#include "proxy/http/path_segment.h"

namespace flagmesh::ofrep {

using http::HeaderId;
using http::Method;
using stream::LocalResponse;

namespace {

constexpr std::string_view kRoot = "/ofrep/v1/";
constexpr std::string_view kFlags = "evaluate/flags";
constexpr uint32_t kInactivitySeconds = 120;

// A parameter that is plain letters: nothing here is ever escaped.
std::string_view parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const size_t equals = pair.find('=');
    if (pair.substr(0, equals) == name) {
      return equals == pair.npos ? std::string_view() : pair.substr(equals + 1);
    }
  }
  return {};
}

}  // namespace

// One request while it is answered.
struct OfrepHandler::Call {
  const stream::LocalRequest& request;
  stream::LocalReply reply;
  std::string_view prefix;  // of the path, before OFREP's part
  std::string_view rest;    // behind "/ofrep/v1/"
  std::string_view tenant;
  Fields fields;  // that every response of this request has
  EvaluateOptions options;

  void send(uint16_t status, std::string body, Fields more = {}) {
    LocalResponse response;
    response.status = status;
    response.headers = std::move(fields);
    response.headers.insert(response.headers.end(), std::make_move_iterator(more.begin()),
                            std::make_move_iterator(more.end()));
    if (body.empty()) response.content_type.clear();
    response.body = std::move(body);
    reply.send(std::move(response));
  }
  void fail(const Failure& failure, std::string_view key = {}, Fields more = {}) {
    send(failure.status, failure_json(failure, key), std::move(more));
  }
  void not_allowed(const char* methods) {
    fail({405, "GENERAL", std::string("use ") + methods}, {}, {{"allow", methods}});
  }
};

Result<OfrepOptions> ofrep_options(const config::OfrepConfig& config, const std::string& tokens) {
  OfrepOptions options{config, nullptr};
  if (tokens.empty()) return options;
  auto read = config::ApiTokens::read(tokens);
  if (!read) return std::unexpected(read.error());
  options.tokens = std::move(*read);
  return options;
}

OfrepHandler::OfrepHandler(event::Loop& loop, const FlagSource& source, OfrepOptions options)
    : loop_(loop),
      source_(source),
      options_(std::move(options)),
      cors_(options_.config.origins),
      listings_(source),
      budget_(options_.config.bulk_evaluations),
      jobs_(loop),
      streams_(loop, listings_) {}

void OfrepHandler::set_options(OfrepOptions options) {
  if (options.config.bulk_evaluations != options_.config.bulk_evaluations) {
    budget_ = BulkBudget(options.config.bulk_evaluations);
  }
  options_ = std::move(options);
  cors_ = Cors(options_.config.origins);
}

bool OfrepHandler::serves(std::string_view path) {
  return path.find(kRoot) != path.npos;
}

void OfrepHandler::handle(const stream::LocalRequest& request, stream::LocalReply reply) {
  Call call{.request = request, .reply = std::move(reply)};
  const size_t at = request.head.path.find(kRoot);
  if (at == std::string_view::npos) {
    return call.fail({404, "GENERAL", "OFREP is at …/ofrep/v1/evaluate/flags"});
  }
  call.prefix = request.head.path.substr(0, at);
  call.rest = request.head.path.substr(at + kRoot.size());
  if (Cors::is_preflight(request.head)) {
    call.fields = cors_.preflight_fields(request.head);
    return call.send(204, {});
  }
  call.fields = cors_.fields(request.head);
  call.tenant = source_.tenant(request.route);
  if (!allowed(call)) return;
  switch (source_.state(request.route)) {
    case FlagSource::State::kReady:
      break;
    case FlagSource::State::kStale:
      call.options.stale = true;
      call.fields.emplace_back("x-flagmesh-stale", "true");
      break;
    case FlagSource::State::kRefused:
    case FlagSource::State::kNone:
      return call.fail({503, "GENERAL", "there are no proven flags to evaluate"}, {},
                       {{"retry-after", "1"}, {"x-flagmesh-reason", "unproven"}});
  }
  const std::string_view explain = parameter(request.head.query, "explain");
  call.options.explain = explain == "true" || explain == "1";
  dispatch(call);
}

void OfrepHandler::dispatch(Call& call) {
  const Method method = call.request.head.method;
  const bool reads = method == Method::kGet || method == Method::kHead;
  if (call.rest == kFlags) {
    return method == Method::kPost ? evaluate_all(call) : call.not_allowed("POST");
  }
  if (call.rest.starts_with(kFlags) && call.rest[kFlags.size()] == '/') {
    const std::string_view segment = call.rest.substr(kFlags.size() + 1);
    return method == Method::kPost ? evaluate_one(call, segment) : call.not_allowed("POST");
  }
  if (call.rest == "events") return reads ? open_events(call) : call.not_allowed("GET");
  if (call.rest == "configuration") return reads ? configuration(call) : call.not_allowed("GET");
  call.fail({404, "GENERAL", "OFREP has no such path"});
}

// With tokens, whoever has one for the tenant may evaluate; event streams also take a ticket.
bool OfrepHandler::allowed(Call& call) {
  if (options_.tokens == nullptr) return true;
  const http::RequestHead& head = call.request.head;
  if (call.rest == "events" && options_.tokens->is_ticket(parameter(head.query, "ticket"),
                                                          call.tenant, loop_.unix_seconds())) {
    return true;
  }
  const config::ApiToken* token = options_.tokens->find(token_of(head.headers));
  if (token == nullptr) {
    call.fail({401, "GENERAL", "a token is needed: Authorization: Bearer, or X-API-Key"}, {},
              {{"www-authenticate", "Bearer"}});
    return false;
  }
  if (token->may(config::ApiRole::kViewer, call.tenant)) return true;
  call.fail({403, "GENERAL", "this token is not for this tenant"});
  return false;
}

void OfrepHandler::evaluate_one(Call& call, std::string_view segment) {
  const auto key = http::decode_segment(segment);
  if (!key || key->empty()) return call.fail({404, "FLAG_NOT_FOUND", "this is no flag's key"});
  const flags::CompiledFlag* flag = source_.find(call.tenant, *key);
  if (flag == nullptr) {
    return call.fail({404, "FLAG_NOT_FOUND", "there is no flag '" + *key + "'"}, *key);
  }
  const auto context = Context::parse(call.request.body);
  if (!context) return call.fail(context.error(), *key);
  call.options.set_metadata = source_.metadata(call.tenant);
  std::string body;
  const uint16_t status =
      append_evaluation(*flag, *context, loop_.unix_seconds(), call.options, body);
  call.send(status, std::move(body));
}

// Browsers go on where this says; a provider without SSE ignores it.
std::string OfrepHandler::event_streams_json(const Call& call) {
  std::string uri =
      std::string(call.prefix) + std::string(kRoot) + "events?since=" + streams_.id_of(call.tenant);
  if (options_.tokens != nullptr) {
    uri += "&ticket=" + options_.tokens->ticket(call.tenant, loop_.unix_seconds());
  }
  std::string json = "[{\"endpoint\":{\"requestUri\":";
  flags::append_json_string(uri, json);
  return json + "},\"inactivityDelaySec\":" + std::to_string(kInactivitySeconds) +
         ",\"type\":\"sse\"}]";
}

void OfrepHandler::evaluate_all(Call& call) {
  auto context = Context::parse(call.request.body);
  if (!context) return call.fail(context.error());
  const ListingPtr listing = listings_.of(call.tenant);
  const int64_t now = loop_.unix_seconds();
  const std::string tag = entity_tag(*listing, *context, now, call.options);
  const Fields caching = {{"etag", tag}, {"cache-control", "private, no-cache"}};
  if (none_match_has(call.request.head.headers.value(HeaderId::kIfNoneMatch), tag)) {
    return call.send(304, {}, caching);
  }
  const uint32_t wait = jobs_.full() ? 1 : budget_.take(listing->flags.size(), loop_.now_ms());
  if (wait != 0) {
    return call.fail({429, "GENERAL", "too many evaluations of all flags"}, {},
                     {{"retry-after", std::to_string(wait)}});
  }
  std::string tail = options_.config.event_streams == 0
                         ? std::string()
                         : ",\"eventStreams\":" + event_streams_json(call);
  if (listing->metadata != nullptr) {
    flags::append_canonical_json(*listing->metadata, tail.append(",\"metadata\":"));
  }
  // The request is gone when the last slice is done; the call's own parts are not.
  struct Pending {
    stream::LocalReply reply;
    Fields fields;
  };
  auto pending = std::make_shared<Pending>(Pending{std::move(call.reply), std::move(call.fields)});
  pending->fields.insert(pending->fields.end(), caching.begin(), caching.end());
  jobs_.start({.listing = listing,
               .context = std::move(*context),
               .unix_seconds = now,
               .options = call.options,
               .wanted = [pending] { return pending->reply.wanted(); },
               .done =
                   [pending, tail = std::move(tail)](std::string flags) {
                     LocalResponse response;
                     response.headers = std::move(pending->fields);
                     response.body = "{\"flags\":" + flags + tail + "}";
                     pending->reply.send(std::move(response));
                   }});
}

void OfrepHandler::open_events(Call& call) {
  if (streams_.size() >= options_.config.event_streams) {
    return call.fail({429, "GENERAL", "too many event streams"}, {}, {{"retry-after", "30"}});
  }
  const http::Field* last = call.request.head.headers.find("last-event-id");
  const std::string_view seen =
      last != nullptr ? last->value : parameter(call.request.head.query, "since");
  LocalResponse head;
  head.content_type = "text/event-stream";
  head.headers = std::move(call.fields);
  head.headers.emplace_back("cache-control", "no-cache, no-transform");
  head.headers.emplace_back("x-accel-buffering", "no");
  streams_.add(call.reply.start(std::move(head)), call.tenant, seen);
}

void OfrepHandler::configuration(Call& call) {
  call.send(200,
            "{\"capabilities\":{\"cacheInvalidation\":{\"polling\":{\"enabled\":true,"
            "\"minPollingIntervalMs\":1000}},\"flagEvaluation\":{\"supportedTypes\":[]}},"
            "\"name\":\"flagmesh\"}");
}

}  // namespace flagmesh::ofrep
