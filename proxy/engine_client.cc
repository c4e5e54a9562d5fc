#include "proxy/engine_client.h"

#include <cstdlib>
#include <utility>

#include "control/flags/read_json.h"
#include "proxy/http_client.h"

namespace flagmesh {
namespace {

std::string text_of(const flags::JsonValue& object, std::string_view name) {
  const flags::JsonValue* value = object.find(name);
  return value != nullptr && value->is_string() ? value->string() : std::string();
}

Result<HttpAnswer> ask(const std::string& engine, http::Method method, const std::string& path,
                       const std::string& body) {
  std::string base = engine;
  while (base.ends_with('/')) base.pop_back();
  HttpCall call;
  call.method = method;
  call.url = base + path;
  call.body = body;
  if (const char* token = std::getenv("FLAGMESH_TOKEN"); token != nullptr && *token != '\0') {
    call.headers.emplace_back("authorization", std::string("Bearer ") + token);
  }
  auto answer = http_call(call);
  if (!answer && answer.error().code == "unreachable") {
    answer.error().mend = "is the engine running there? --engine URL says where";
  }
  return answer;
}

Result<EngineAnswer> parse_answer(const std::string& engine, const HttpAnswer& answer) {
  auto parsed = flags::parse_json(answer.body);
  if (!parsed) {
    return fail("bad_response", "status " + std::to_string(answer.status) + " and no JSON", engine);
  }
  if (const flags::JsonValue* error = parsed->find("error")) {
    return fail(text_of(*error, "code"), text_of(*error, "message"), {}, text_of(*error, "mend"));
  }
  return EngineAnswer{answer.status, std::move(*parsed)};
}

}  // namespace

Result<EngineAnswer> call_engine(const std::string& engine, http::Method method,
                                 const std::string& path, const std::string& body) {
  auto answer = ask(engine, method, path, body);
  if (!answer) return std::unexpected(answer.error());
  return parse_answer(engine, *answer);
}

Result<std::string> fetch_from_engine(const std::string& engine, const std::string& path) {
  auto answer = ask(engine, http::Method::kGet, path, {});
  if (!answer) return std::unexpected(answer.error());
  if (answer->status == 200) return std::move(answer->body);
  const auto error = parse_answer(engine, *answer);
  if (!error) return std::unexpected(error.error());
  return fail("bad_response", "status " + std::to_string(answer->status), engine);
}

std::string path_segment(const std::string& key) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain && key != "." && key != "..") {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kDigits[byte >> 4]);
      out.push_back(kDigits[byte & 15]);
    }
  }
  return out;
}

}  // namespace flagmesh
