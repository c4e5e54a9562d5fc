// The router's TLS material: loads certificates for listeners and containers, follows their files, renews ticket keys.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/config.h"
#include "proxy/certificate_watch.h"
#include "proxy/net/tls_ticket_keys.h"
#include "proxy/upstream/shared_container.h"

namespace flagmesh {

// On the main thread.
class ServerTls {
 public:
  // The name of the ticket keys among the values that a successor gets.
  static constexpr std::string_view kTicketKeysValue = "tls.ticket_keys";

  ServerTls();

  // Reads every file that the listeners name and fills in ListenerSettings::tls; on an error nothing is filled in.
  Status load(std::vector<config::ListenerConfig>& listeners);
  // The same for a new container.
  Status load(upstream::SharedContainer& container);

  // Follows the files of what was loaded. `listener_changed(index)`: its settings have new certificates. `listeners` stays where it is until
  // the next call.
  void watch(std::vector<config::ListenerConfig>& listeners, const std::vector<std::shared_ptr<upstream::SharedContainer>>& containers,
             std::function<void()> listener_changed, MonoMs now);
  // Every 100 ms or so.
  void tick(MonoMs now);

  std::string ticket_keys() const { return tickets_->export_blob(); }
  void take_ticket_keys(std::string_view blob);

  const CertificateWatch& certificates() const { return watch_; }

 private:
  static void log(const net::TlsWarnings& warnings);
  Status load(config::ListenerConfig& listener);

  std::shared_ptr<net::TicketKeys> tickets_;
  CertificateWatch watch_;
  MonoMs looked_ms_ = 0;
};

}  // namespace flagmesh
