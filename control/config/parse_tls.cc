#include "control/config/parse_tls.h"

#include <algorithm>

#include "proxy/upstream/upstream_tls.h"

namespace flagmesh::config {

using flags::JsonValue;

namespace {

void parse_certificate(ObjectReader& parent, const JsonValue& item, net::TlsServerSpec& spec) {
  ObjectReader reader(parent.report(), item, "a certificate of " + parent.what());
  net::CertificateFiles files;
  reader.path("cert", files.cert);
  reader.path("key", files.key);
  reader.path("ocsp", files.ocsp);
  reader.finish();
  if (!item.is_object()) return;
  if (files.cert.empty() || files.key.empty()) {
    parent.report().error(item.mark(), reader.what() + " needs 'cert' and 'key'",
                          "write { cert: shop.pem, key: shop.key }");
  }
  spec.certificates.push_back(std::move(files));
}

void parse_client_auth(ObjectReader& reader, net::TlsServerSpec& spec) {
  reader.path("client_ca", spec.client_ca);
  reader.choice<net::ClientAuth>("client_auth", spec.client_auth,
                                 {{"off", net::ClientAuth::kOff},
                                  {"optional", net::ClientAuth::kOptional},
                                  {"required", net::ClientAuth::kRequired}});
  if (spec.client_ca.empty() && reader.has("client_auth") &&
      spec.client_auth != net::ClientAuth::kOff) {
    reader.report().error(reader.name_mark("client_auth"),
                          reader.member("client_auth") + " needs 'client_ca'",
                          "name the file with the authorities of your clients");
  }
}

}  // namespace

void parse_listener_tls(ObjectReader& listener, ListenerConfig& out) {
  const JsonValue* value = listener.find("tls");
  if (value == nullptr) return;
  Report& report = listener.report();
  ObjectReader reader(report, *value, "'tls' of " + listener.what());
  if (!value->is_object()) return;
  net::TlsServerSpec spec{.offer_http2 = true};
  const JsonValue* list = reader.find("certificates");
  if (list == nullptr || (list->is_array() && list->array().empty())) {
    report.error(reader.name_mark("certificates"), reader.what() + " has no certificates",
                 "add certificates: [{ cert: FILE, key: FILE }]");
  } else if (expect(report, *list, JsonValue::Type::kArray, reader.member("certificates")) !=
             nullptr) {
    for (const JsonValue& item : list->array()) parse_certificate(reader, item, spec);
  }
  parse_client_auth(reader, spec);
  reader.choice<net::TlsVersion>(
      "min_version", spec.min_version,
      {{"TLSv1.2", net::TlsVersion::kTls12}, {"TLSv1.3", net::TlsVersion::kTls13}});
  reader.boolean("check_authority", spec.check_authority);
  reader.finish();
  if (!spec.certificates.empty()) report.tls_servers.push_back({reader.what(), spec, value->mark()});
  out.tls = std::move(spec);
}

void parse_container_tls(ObjectReader& container, snapshot::ContainerSpec& out) {
  const JsonValue* value = container.find("tls");
  if (value == nullptr) return;
  Report& report = container.report();
  ObjectReader reader(report, *value, "'tls' of " + container.what());
  if (!value->is_object()) return;
  snapshot::UpstreamTlsSpec& spec = out.tls.emplace();
  reader.path("ca", spec.ca);
  reader.text("server_name", spec.server_name);
  reader.path("cert", spec.cert);
  reader.path("key", spec.key);
  reader.boolean("verify", spec.verify);
  reader.finish();
  if (spec.cert.empty() != spec.key.empty()) {
    report.error(value->mark(), reader.what() + " needs both 'cert' and 'key', or none");
  }
  const bool has_unix = std::ranges::any_of(out.endpoints, [](const snapshot::EndpointSpec& e) { return !e.unix_path.empty(); });
  if (has_unix && spec.server_name.empty() && spec.verify) {
    report.error(value->mark(), reader.what() + " needs 'server_name': a Unix socket has no name of its own");
  }
  if (!spec.verify) {
    report.warning(reader.name_mark("verify"), reader.what() + " does not verify: whoever answers is believed",
                   "name the authority: ca: FILE");
  }
  report.tls_clients.push_back({reader.what(), upstream::tls_client_spec(out), value->mark()});
}

}  // namespace flagmesh::config
