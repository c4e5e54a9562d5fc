#include "proxy/net/tls_info.h"

#include <strings.h>

#include <algorithm>
#include <array>

namespace flagmesh::net {

namespace {

constexpr size_t kHostBytes = 255;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// Without port, brackets and the root's dot.
std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
  const size_t colon = authority.find(':');
  // Two colons: an IPv6 address without brackets.
  if (colon != std::string_view::npos && authority.find(':', colon + 1) == std::string_view::npos) {
    authority = authority.substr(0, colon);
  }
  if (authority.ends_with('.')) authority.remove_suffix(1);
  return authority;
}

}  // namespace

CertificateNames::CertificateNames(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {
  for (std::string& pattern : patterns_) std::ranges::transform(pattern, pattern.begin(), lower);
  std::ranges::sort(patterns_);
  const auto rest = std::ranges::unique(patterns_);
  patterns_.erase(rest.begin(), rest.end());
}

bool CertificateNames::covers(std::string_view authority) const {
  const std::string_view host = host_of(authority);
  if (host.empty() || host.size() > kHostBytes) return false;
  std::array<char, kHostBytes + 1> text;
  std::ranges::transform(host, text.begin(), lower);
  const std::string_view name(text.data(), host.size());
  const auto has = [this](std::string_view wanted) {
    return std::ranges::binary_search(patterns_, wanted, std::less<>());
  };
  if (has(name)) return true;
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0) return false;
  // "*.example.com": overwrite what stands before the label that the star is for.
  text[dot - 1] = '*';
  return has({text.data() + dot - 1, name.size() - dot + 1});
}

bool TlsInfo::covers(std::string_view authority) const { return names == nullptr || names->covers(authority); }

}  // namespace flagmesh::net
