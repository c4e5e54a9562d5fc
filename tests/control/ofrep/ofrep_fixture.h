// OFREP on a route of a router, asked over a connection.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "control/flags/read_json.h"
#include "control/ofrep/ofrep_handler.h"
#include "control/ofrep/router_flags.h"
#include "proxy/stream/local_adapter.h"
#include "tests/fakes/mesh.h"

namespace flagmesh::ofrep {

constexpr const char* kFlags = R"(
metadata: { team: shop, version: 3 }
flags:
  banner:
    state: ENABLED
    variants: { blue: "#00f", red: "#f00" }
    defaultVariant: blue
    metadata: { owner: anna, version: 4 }
  broken:
    state: ENABLED
    variants: { a: 1 }
    defaultVariant: a
    targeting: { nonsense: [1] }
  checkout:
    state: ENABLED
    variants: { "on": true, "off": false }
    defaultVariant: "off"
    targeting:
      if:
        - { "==": [{ var: plan }, pro] }
        - "on"
        - { fractional: [["on", 25], ["off", 75]] }
  dark:
    state: DISABLED
    variants: { "on": true }
    defaultVariant: "on"
  nodefault:
    state: ENABLED
    variants: { a: { x: [1, 2] }, b: 1.5 }
    targeting: { fractional: [[a, 50], [b, 50]] }
  unknown:
    state: ENABLED
    variants: { a: 1 }
    defaultVariant: a
    targeting: { if: [true, zzz] }
)";

class OfrepTest : public testing::Test {
 protected:
  explicit OfrepTest(const std::string& route = "", OfrepOptions options = {})
      : mesh_("  routes: [{ path: /ofrep, handler: ofrep" + route +
                  " }]\n  containers: { web: { endpoints: [\"@web\"] } }\n",
              kFlags),
        flags_(mesh_.worker()),
        handler_(mesh_.loop(), flags_, std::move(options)) {
    mesh_.worker().handlers["ofrep"] = &adapter_;
    publish(kFlags, 1);
    client_ = &mesh_.client();
  }

  // Under a tenant root of its own, as every published state has one.
  void publish(const std::string& flags, uint8_t root) {
    snapshot::TrustStatus trust = fakes::Mesh::unsigned_trust();
    trust.tenant_root.bytes.fill(root);
    trust.metadata = std::make_shared<const flags::JsonValue>(
        *flags::parse_json(R"({"team":"shop","version":3})"));
    mesh_.publish(flags, trust);
    // Within a callback of the loop, as a worker does it.
    mesh_.loop().post([this] { handler_.flags_changed(); });
    mesh_.turn();
  }

  fakes::Message ask(const std::string& method, const std::string& path,
                     const std::string& body = "", const std::string& fields = "") {
    client_->say(method + " " + path + " HTTP/1.1\r\nHost: h\r\n" + fields +
                 "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    return mesh_.next(*client_, method == "HEAD");
  }
  fakes::Message one(const std::string& key, const std::string& context = "{}") {
    return ask("POST", "/ofrep/v1/evaluate/flags/" + key, "{\"context\":" + context + "}");
  }
  fakes::Message all(const std::string& context = "{}", const std::string& fields = "") {
    return ask("POST", "/ofrep/v1/evaluate/flags", "{\"context\":" + context + "}", fields);
  }

  fakes::Mesh mesh_;
  RouterFlags flags_;
  OfrepHandler handler_;
  stream::LocalAdapter adapter_{handler_};
  fakes::Peer* client_ = nullptr;
};

}  // namespace flagmesh::ofrep
