#include "control/config/redis_url.h"

#include <charconv>
#include <optional>

#include "control/config/scalar.h"
#include "proxy/http/tokens.h"
#include "proxy/net/address.h"

namespace flagmesh::config {
namespace {

constexpr const char* kForm =
    "write redis://HOST:PORT/DATABASE, rediss:// for TLS, or unix:/PATH";

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

Status parse_database(std::string_view text, RedisConfig& out) {
  uint32_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (!text.empty() && (error != std::errc() || rest != end || number > 65'535)) {
    return bad("the database in the Redis URL is no number");
  }
  out.database = number;
  return {};
}

}  // namespace

Status parse_redis_url(std::string_view url, RedisConfig& out) {
  const bool tls = url.starts_with("rediss://");
  const bool is_unix = url.starts_with("unix:");
  if (!tls && !is_unix && !url.starts_with("redis://")) {
    return bad("the Redis URL does not begin with redis://, rediss:// or unix:");
  }
  url.remove_prefix(url.find(':') + 1);
  if (url.starts_with("//")) url.remove_prefix(2);
  if (const size_t at = url.rfind('@'); at != std::string_view::npos) {
    if (Status login = parse_login(url.substr(0, at), out); !login) return login;
    url.remove_prefix(at + 1);
  }
  const std::string_view mark = is_unix ? "?db=" : "/";
  if (const size_t at = url.find(mark); at != std::string_view::npos) {
    if (Status database = parse_database(url.substr(at + mark.size()), out); !database) {
      return database;
    }
    url = url.substr(0, at);
  }
  if (tls) out.tls.emplace(net::TlsClientSpec{.offer_http1 = false});
  if (is_unix) {
    if (!url.starts_with('/')) return bad("the Redis URL has no path of a socket");
    out.host = "unix:" + std::string(url);
    return net::Address::parse(out.host) ? Status() : bad("the path of the socket is too long");
  }
  std::string address(url);
  if (!address.contains(':') || address.ends_with(']')) address += ":6379";
  const auto endpoint = parse_endpoint(address);
  if (!endpoint || !endpoint->unix_path.empty()) {
    return bad("the Redis URL has no valid host and port");
  }
  out.host = endpoint->host;
  out.port = endpoint->port;
  return {};
}

std::string RedisConfig::text() const {
  const auto place = [](const std::string& name, uint16_t number) {
    return (name.contains(':') ? "[" + name + "]" : name) + ":" + std::to_string(number);
  };
  const std::string tail = "/" + std::to_string(database);
  const std::string scheme = tls ? "rediss://" : "redis://";
  if (!sentinels.empty()) {
    std::string text = scheme + sentinel_master + " by ";
    for (const RedisPlace& sentinel : sentinels) {
      if (&sentinel != sentinels.data()) text += ",";
      text += place(sentinel.host, sentinel.port);
    }
    return text + tail;
  }
  if (host.starts_with("unix:")) return host + (database == 0 ? "" : "?db=" + tail.substr(1));
  return scheme + place(host, port) + tail;
}

}  // namespace flagmesh::config
