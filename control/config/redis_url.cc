#include "control/config/redis_url.h"

#include <charconv>
#include <optional>

#include "control/config/scalar.h"
#include "proxy/http/tokens.h"

namespace flagmesh::config {
namespace {

constexpr const char* kForm = "write redis://HOST:PORT/DATABASE";

std::unexpected<Error> bad(std::string message, std::string mend = kForm) {
  return fail("bad_value", std::move(message), {}, std::move(mend));
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = http::hex_value(text[i + 1]);
    const int low = http::hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

Status parse_login(std::string_view login, RedisConfig& out) {
  const size_t colon = login.find(':');
  if (colon == std::string_view::npos) {
    return bad("the Redis URL has a user without a password",
               "write USER:PASSWORD@ or leave both out");
  }
  auto user = percent_decoded(login.substr(0, colon));
  auto password = percent_decoded(login.substr(colon + 1));
  if (!user || !password) {
    return bad("the user or password in the Redis URL is not percent-encoded well",
               "write % as %25, @ as %40, / as %2F");
  }
  out.user = std::move(*user);
  out.password = Secret(std::move(*password));
  return {};
}

}  // namespace

Status parse_redis_url(std::string_view url, RedisConfig& out) {
  if (url.starts_with("rediss://")) {
    return bad("this build does not have TLS to Redis (rediss://) yet", "write redis://");
  }
  if (url.starts_with("unix:")) {
    return bad("this build does not have Unix sockets to Redis yet");
  }
  constexpr std::string_view kScheme = "redis://";
  if (!url.starts_with(kScheme)) return bad("the Redis URL does not begin with redis://");
  url.remove_prefix(kScheme.size());
  if (const size_t at = url.rfind('@'); at != std::string_view::npos) {
    if (Status login = parse_login(url.substr(0, at), out); !login) return login;
    url.remove_prefix(at + 1);
  }
  if (const size_t slash = url.find('/'); slash != std::string_view::npos) {
    const std::string_view database = url.substr(slash + 1);
    const char* end = database.data() + database.size();
    uint32_t number = 0;
    const auto [rest, error] = std::from_chars(database.data(), end, number);
    if (!database.empty() && (error != std::errc() || rest != end || number > 65'535)) {
      return bad("the database in the Redis URL is no number");
    }
    out.database = number;
    url = url.substr(0, slash);
  }
  std::string address(url);
  if (!address.contains(':') || address.ends_with(']')) address += ":6379";
  const auto endpoint = parse_endpoint(address);
  if (!endpoint) return bad("the Redis URL has no valid host and port");
  out.host = endpoint->host;
  out.port = endpoint->port;
  return {};
}

std::string RedisConfig::text() const {
  const bool ipv6 = host.contains(':');
  return "redis://" + (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port) + "/" +
         std::to_string(database);
}

}  // namespace flagmesh::config
