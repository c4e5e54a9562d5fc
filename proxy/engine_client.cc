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

}  // namespace

Result<EngineAnswer> call_engine(const std::string& engine, http::Method method,
                                 const std::string& path, const std::string& body) {
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
  if (!answer) {
    if (answer.error().code == "unreachable")
      answer.error().mend = "is the engine running there? --engine URL says where";
    return std::unexpected(answer.error());
  }
  auto parsed = flags::parse_json(answer->body);
  if (!parsed) {
    return fail("bad_response", "status " + std::to_string(answer->status) + " and no JSON", base);
  }
  if (const flags::JsonValue* error = parsed->find("error")) {
    return fail(text_of(*error, "code"), text_of(*error, "message"), {}, text_of(*error, "mend"));
  }
  return EngineAnswer{answer->status, std::move(*parsed)};
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
