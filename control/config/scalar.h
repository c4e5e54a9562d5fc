// Words of the configuration that stand for numbers and addresses. Pure; code "bad_value", with the
// message and the mend as the user reads them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "control/snapshot/container_spec.h"
#include "proxy/base/result.h"

namespace flagmesh::config {

// The text in quotes, cut and without control characters, fit for a message.
std::string in_quotes(std::string_view text);

// "250ms", "5s", "2m", "24h", or "0": a whole number and a unit, 1000h at most.
inline constexpr snapshot::Millis kMaxDuration = 3'600'000'000;
Result<snapshot::Millis> parse_duration(std::string_view text);

// "512B", "16KiB", "1MiB", "2GiB", or a whole number of bytes. Below 2^53.
Result<uint64_t> parse_size(std::string_view text);

// "50%", "0.5%": 0 to 100; the result is the share, 0 to 1.
Result<double> parse_percent(std::string_view text);

// "HOST:PORT" with a name, an IPv4 address or an IPv6 address in brackets; "unix:/PATH". Ports
// from 1.
Result<snapshot::EndpointSpec> parse_endpoint(std::string_view text);

// What a process can bind: as an endpoint, without names, and port 0 is any free one. The form that
// net::Address::parse() takes.
Result<std::string> parse_listen_address(std::string_view text);

// A DNS name without port: labels of letters, digits, '-' and '_'. Nothing that looks like a
// mistyped IPv4 address.
bool is_host_name(std::string_view text);

}  // namespace flagmesh::config
