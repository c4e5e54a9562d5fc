// What a listener says about those who connect to it: whom it believes what, and what containers
// are told. docs/http.md, "Who asks", is the user's page.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/http/message.h"
#include "proxy/net/address.h"
#include "proxy/net/cidr.h"
#include "proxy/net/tls_server.h"
#include "proxy/upstream/lease.h"

namespace flagmesh::stream {

inline constexpr uint8_t kMaxTrustedHops = 32;

// Which fields tell the container who asked; the client's address is read from the same ones.
enum class ForwardedFields : uint8_t {
  kXForwarded,  // X-Forwarded-For, -Proto, -Host
  kRfc7239,     // Forwarded
  kBoth,        // both are written; X-Forwarded-For is read, Forwarded where that is missing
  kOff,         // none is written; X-Forwarded-For is read
};

struct ListenerSettings {
  // TLS with these certificates; null: clear text.
  std::shared_ptr<const net::TlsServer> tls;
  // A connection begins with a PROXY header, which only addresses of trusted_proxies may send.
  bool proxy_protocol = false;
  ForwardedFields forwarded = ForwardedFields::kXForwarded;
  bool trust_unix = false;  // Unix sockets count as one of trusted_proxies
  // So many proxies stand in front of us, each of which adds one address; 0: as far as
  // trusted_proxies goes. At most kMaxTrustedHops.
  uint8_t trusted_hops = 0;
  std::vector<net::Cidr> trusted_proxies = {};
  // Fields (any case) that only a trusted proxy may send.
  std::vector<std::string> identity_headers = {};
  // "1.1 flagmesh", by http::Version; empty: no Via is added.
  std::array<std::string, 3> via = via_lines("flagmesh");

  // Its own limit of connections, for all workers together; null: none.
  std::shared_ptr<upstream::LimitPool> places = nullptr;

  static std::array<std::string, 3> via_lines(const std::string& pseudonym);

  bool is_trusted_proxy(const net::Ip& ip) const;
  bool is_trusted_proxy(const net::Address& peer) const;
  // What `peer`, which sent the request itself, says about clients before it is believed.
  bool believes(const net::Address& peer) const;

  bool operator==(const ListenerSettings&) const = default;
};

// One worker's settings of one listener, shared by the sessions that began under them: after a
// reload the old ones go with their last session. Not thread-safe; 8 bytes.
class ListenerRef {
 public:
  explicit ListenerRef(ListenerSettings settings) : shared_(new Shared{std::move(settings), 1}) {}
  ListenerRef(const ListenerRef& other) : shared_(other.shared_) { ++shared_->holders; }
  ListenerRef& operator=(ListenerRef other) {
    std::swap(shared_, other.shared_);
    return *this;
  }
  ~ListenerRef() {
    if (--shared_->holders == 0) delete shared_;
  }

  const ListenerSettings& operator*() const { return shared_->settings; }
  const ListenerSettings* operator->() const { return &shared_->settings; }

 private:
  struct Shared {
    const ListenerSettings settings;
    uint32_t holders;
  };
  Shared* shared_;
};

}  // namespace flagmesh::stream
