#include "control/config/scalar.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "proxy/net/address.h"

namespace flagmesh::config {
namespace {

constexpr size_t kShownBytes = 60;
constexpr size_t kHostNameBytes = 253;
constexpr size_t kLabelBytes = 63;
constexpr uint64_t kMaxSize = (uint64_t{1} << 53) - 1;

std::unexpected<Error> bad(std::string message, std::string mend = {}) {
  return fail("bad_value", std::move(message), {}, std::move(mend));
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

struct Quantity {
  uint64_t number;
  std::string_view unit;
};

// Digits and what follows them; nothing without digits or beyond 2^64.
std::optional<Quantity> split_quantity(std::string_view text) {
  Quantity quantity{};
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, quantity.number);
  if (error != std::errc() || !is_digit(text.front())) return std::nullopt;
  quantity.unit = std::string_view(rest, static_cast<size_t>(end - rest));
  return quantity;
}

using Units = std::array<std::pair<std::string_view, uint64_t>, 4>;

// The number times its unit, or nothing when the unit is unknown or the product is above `max`.
std::optional<uint64_t> scaled(const Quantity& quantity, const Units& units, uint64_t max) {
  const auto unit = std::ranges::find(units, quantity.unit, &Units::value_type::first);
  if (unit == units.end() || quantity.number > max / unit->second) return std::nullopt;
  return quantity.number * unit->second;
}

bool is_ip(int family, const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return inet_pton(family, text.c_str(), bytes.data()) == 1;
}

Result<snapshot::EndpointSpec> parse_unix(std::string_view path) {
  if (!path.starts_with('/')) {
    return bad("the path of a Unix socket must begin with '/'", "write unix:/run/NAME.sock");
  }
  if (!net::Address::parse("unix:" + std::string(path))) {
    return bad("the path of a Unix socket is too long", "107 bytes at most");
  }
  snapshot::EndpointSpec endpoint;
  endpoint.unix_path = path;
  return endpoint;
}

Result<uint16_t> parse_port(std::string_view text) {
  const auto quantity = split_quantity(text.empty() ? "-" : text);
  if (!quantity || !quantity->unit.empty() || quantity->number > 65535) {
    return bad(in_quotes(text) + " is no port", "a number from 1 to 65535");
  }
  return static_cast<uint16_t>(quantity->number);
}

struct HostPort {
  std::string host;  // without brackets
  uint16_t port = 0;
  bool is_name = false;
};

Result<HostPort> parse_host_port(std::string_view text) {
  if (const size_t scheme = text.find("://"); scheme != std::string_view::npos) {
    return bad(in_quotes(text) + " is a URL", "write host:port alone");
  }
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.ends_with(']')) {
    return bad(in_quotes(text) + " has no port", "write host:port");
  }
  const std::string_view host = text.substr(0, colon);
  auto port = parse_port(text.substr(colon + 1));
  if (!port) return std::unexpected(std::move(port.error()));
  HostPort result{.host = std::string(host), .port = *port};
  if (host.starts_with('[') && host.ends_with(']')) {
    result.host = host.substr(1, host.size() - 2);
    if (is_ip(AF_INET6, result.host)) return result;
    return bad(in_quotes(host) + " is no IPv6 address");
  }
  if (host.contains(':')) {
    return bad(in_quotes(text) + " is not clear: which ':' begins the port?",
               "put an IPv6 address in brackets: [::1]:8080");
  }
  if (is_ip(AF_INET, result.host)) return result;
  if (!is_host_name(host)) return bad(in_quotes(host) + " is no host name and no IP address");
  result.is_name = true;
  return result;
}

}  // namespace

std::string in_quotes(std::string_view text) {
  std::string shown = "'";
  for (const char c : text.substr(0, kShownBytes)) {
    shown += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  return shown + (text.size() > kShownBytes ? "…'" : "'");
}

Result<snapshot::Millis> parse_duration(std::string_view text) {
  static constexpr Units kUnits = {{{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}}};
  if (text == "0") return 0;
  const auto quantity = split_quantity(text.empty() ? "-" : text);
  const auto unit = quantity ? std::ranges::find(kUnits, quantity->unit, &Units::value_type::first)
                             : kUnits.end();
  if (unit == kUnits.end()) {
    return bad(in_quotes(text) + " is no duration", "a whole number and ms, s, m or h, such as 5s");
  }
  const auto millis = scaled(*quantity, kUnits, kMaxDuration);
  if (!millis) return bad(in_quotes(text) + " is too long", "1000h at most");
  return static_cast<snapshot::Millis>(*millis);
}

Result<uint64_t> parse_size(std::string_view text) {
  static constexpr Units kUnits = {
      {{"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}}};
  auto quantity = split_quantity(text.empty() ? "-" : text);
  if (quantity && quantity->unit.empty()) quantity->unit = "B";
  const auto unit = quantity ? std::ranges::find(kUnits, quantity->unit, &Units::value_type::first)
                             : kUnits.end();
  if (unit == kUnits.end()) {
    return bad(in_quotes(text) + " is no size",
               "a whole number and B, KiB, MiB or GiB, such as 16KiB");
  }
  const auto size = scaled(*quantity, kUnits, kMaxSize);
  if (!size) return bad(in_quotes(text) + " is too large", "less than 2^53 bytes");
  return *size;
}

Result<double> parse_percent(std::string_view text) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error != std::errc() || rest + 1 != end || *rest != '%' || !is_digit(text.front()) ||
      number > 100) {
    return bad(in_quotes(text) + " is no percentage", "0% to 100%, such as 50%");
  }
  return number / 100;
}

Result<snapshot::EndpointSpec> parse_endpoint(std::string_view text) {
  if (text.starts_with("unix:")) return parse_unix(text.substr(5));
  auto parsed = parse_host_port(text);
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  if (parsed->port == 0) return bad("'0' is no port", "a number from 1 to 65535");
  snapshot::EndpointSpec endpoint;
  endpoint.host = std::move(parsed->host);
  endpoint.port = parsed->port;
  return endpoint;
}

Result<std::string> parse_listen_address(std::string_view text) {
  snapshot::EndpointSpec endpoint;
  if (text.starts_with("unix:")) {
    auto path = parse_unix(text.substr(5));
    if (!path) return std::unexpected(std::move(path.error()));
    endpoint = std::move(*path);
  } else {
    auto parsed = parse_host_port(text);
    if (!parsed) return std::unexpected(std::move(parsed.error()));
    if (parsed->is_name) {
      return bad(in_quotes(parsed->host) + " is a name, not an address to listen on",
                 "write an IP address such as 127.0.0.1 or 0.0.0.0");
    }
    endpoint.host = std::move(parsed->host);
    endpoint.port = parsed->port;
  }
  return endpoint.text();
}

bool is_host_name(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > kHostNameBytes) return false;
  std::string_view label;
  while (true) {
    const size_t dot = text.find('.');
    label = text.substr(0, dot);
    const bool letters = std::ranges::all_of(label, [](char c) {
      return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
             c == '_';
    });
    if (label.empty() || label.size() > kLabelBytes || !letters || label.front() == '-' ||
        label.back() == '-') {
      return false;
    }
    if (dot == std::string_view::npos) break;
    text.remove_prefix(dot + 1);
  }
  // RFC 1123 §2.1: a name's last label is not all digits; such a text is a broken IPv4 address.
  return !std::ranges::all_of(label, is_digit);
}

}  // namespace flagmesh::config
