#include "proxy/server_tls.h"

#include <spdlog/spdlog.h>

#include "proxy/base/time.h"
#include "proxy/upstream/upstream_tls.h"

namespace flagmesh {

namespace {

int64_t unix_now() { return unix_millis() / 1000; }

std::vector<std::string> files_of(const net::TlsServerSpec& spec) {
  std::vector<std::string> files;
  for (const net::CertificateFiles& one : spec.certificates) {
    files.insert(files.end(), {one.cert, one.key});
    if (!one.ocsp.empty()) files.push_back(one.ocsp);
  }
  if (!spec.client_ca.empty()) files.push_back(spec.client_ca);
  return files;
}

std::vector<std::string> files_of(const snapshot::UpstreamTlsSpec& spec) {
  std::vector<std::string> files;
  for (const std::string* file : {&spec.ca, &spec.cert, &spec.key}) {
    if (!file->empty()) files.push_back(*file);
  }
  return files;
}

}  // namespace

ServerTls::ServerTls() : tickets_(std::make_shared<net::TicketKeys>(unix_now())) {}

void ServerTls::log(const net::TlsWarnings& warnings) {
  for (const net::TlsWarning& warning : warnings) spdlog::warn("{}: {} ({})", warning.place, warning.message, warning.mend);
}

Status ServerTls::load(config::ListenerConfig& listener) {
  net::TlsWarnings warnings;
  auto loaded = net::TlsServer::load(*listener.tls, tickets_, warnings);
  log(warnings);
  if (!loaded) return std::unexpected(loaded.error());
  listener.settings.tls = std::move(*loaded);
  return {};
}

Status ServerTls::load(std::vector<config::ListenerConfig>& listeners) {
  for (config::ListenerConfig& listener : listeners) {
    if (!listener.tls) continue;
    if (Status loaded = load(listener); !loaded) return loaded;
  }
  return {};
}

Status ServerTls::load(upstream::SharedContainer& container) {
  if (!container.spec().tls) return {};
  net::TlsWarnings warnings;
  auto loaded = net::TlsClient::load(upstream::tls_client_spec(container.spec()), warnings);
  log(warnings);
  if (!loaded) return std::unexpected(loaded.error());
  container.set_tls(std::move(*loaded));
  return {};
}

void ServerTls::watch(std::vector<config::ListenerConfig>& listeners,
                      const std::vector<std::shared_ptr<upstream::SharedContainer>>& containers,
                      std::function<void()> listener_changed, MonoMs now) {
  std::vector<CertificateWatch::Item> items;
  for (config::ListenerConfig& listener : listeners) {
    if (!listener.tls) continue;
    items.push_back({.what = "listener " + listener.address,
                     .files = files_of(*listener.tls),
                     .load = [this, changed = &listener, listener_changed] {
                       Status loaded = load(*changed);
                       if (loaded) listener_changed();
                       return loaded;
                     }});
  }
  for (const auto& container : containers) {
    if (!container->spec().tls) continue;
    items.push_back({.what = "container " + container->spec().name,
                     .files = files_of(*container->spec().tls),
                     .load = [this, container] { return load(*container); }});
  }
  watch_.set(std::move(items), now);
}

void ServerTls::tick(MonoMs now) {
  if (now - looked_ms_ < CertificateWatch::kLookMs) return;
  looked_ms_ = now;
  watch_.look(now);
  tickets_->rotate(unix_now());
}

void ServerTls::take_ticket_keys(std::string_view blob) {
  if (!tickets_->import_blob(blob, unix_now())) spdlog::warn("the predecessor's ticket keys are damaged: clients shake hands anew");
}

}  // namespace flagmesh
