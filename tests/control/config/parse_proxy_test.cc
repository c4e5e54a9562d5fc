#include "control/config/parse_proxy.h"

#include <gtest/gtest.h>

#include "tests/control/config/mistakes.h"

namespace flagmesh::config {
namespace {

class ProxyMistakes : public testing::TestWithParam<Mistake> {};
TEST_P(ProxyMistakes, OneErrorAtItsPlace) {
  expect_only(GetParam(), Severity::kError);
}

INSTANTIATE_TEST_SUITE_P(
    , ProxyMistakes,
    testing::Values(
        Mistake{proxy("workers: @@0"),
                "'workers' in proxy must be auto or a whole number from 1 to 1024", ""},
        Mistake{proxy("workers: @@many"),
                "'workers' in proxy must be auto or a whole number from 1 to 1024", ""},
        Mistake{proxy("@@state_dir: /x"),
                "'state_dir' in proxy: this build does not have a journal of accepted state yet",
                "remove"},
        Mistake{proxy("@@on_change: drain"),
                "'on_change' in proxy: this build does not have an action for streams of a variant "
                "that changed yet",
                ""},
        Mistake{proxy("drain_timeout: @@true"),
                "'drain_timeout' in proxy must be text, not true or false", ""},
        Mistake{proxy("timeouts: { connect: @@0s }"),
                "'connect' in 'timeouts' in proxy must be from 1ms to 3600000000ms", ""},
        Mistake{proxy("timeouts: { @@conect: 1s }"), "unknown key 'conect' in 'timeouts' in proxy",
                "did you mean 'connect'?"},
        Mistake{proxy("@@route: []"), "unknown key 'route' in proxy", "known here"},
        Mistake{proxy("@@timeouts:"), "'timeouts' in proxy must be a mapping, not nothing", ""},
        Mistake{
            container(
                "c: { endpoints: [\"h:1\"], outlier_detection: { max_ejection_percent: @@50% } }"),
            "'max_ejection_percent' in outlier_detection of container 'c' must be a whole number "
            "from 0 to 100",
            ""}));

class ListenerMistakes : public testing::TestWithParam<Mistake> {};
TEST_P(ListenerMistakes, OneErrorAtItsPlace) {
  expect_only(GetParam(), Severity::kError);
}

std::string listeners(const std::string& text) {
  return "proxy:\n  " + text +
         "\n  routes: [{ container: web }]\n  containers: { web: { endpoints: [\"h:1\"] } }\n"
         "trust: { policy: unsigned }\n";
}

INSTANTIATE_TEST_SUITE_P(
    , ListenerMistakes,
    testing::Values(
        Mistake{listeners("@@listeners: []"), "the proxy listens nowhere", "9071"},
        Mistake{listeners("@@workers: 1"), "the proxy listens nowhere", "listeners"},
        Mistake{listeners("listeners: [@@{ }]"), "a listener has no 'address'", "address"},
        Mistake{listeners("listeners: @@here"), "'listeners' in proxy must be a list, not text",
                ""},
        Mistake{listeners("listeners: [{ address: @@\"localhost:80\" }]"),
                "'address' in a listener: 'localhost' is a name, not an address to listen on",
                "127.0.0.1"},
        Mistake{listeners("listeners: [{ address: @@9071 }]"),
                "'address' in a listener must be text, not a number", ""},
        Mistake{listeners("listeners: [{ address: @@\"1.2.3.4\" }]"),
                "'address' in a listener: '1.2.3.4' has no port", ""},
        Mistake{
            listeners("listeners: [{ address: \"1.2.3.4:80\" }, { address: @@\"1.2.3.4:80\" }]"),
            "two listeners have the address '1.2.3.4:80'", ""},
        Mistake{listeners("listeners: [{ address: \"1.2.3.4:80\", @@tls: {} }]"),
                "'tls' in a listener: this build does not have TLS on listeners yet", ""},
        Mistake{listeners("listeners: [{ address: \"1.2.3.4:80\", @@proxy_protocol: true }]"),
                "'proxy_protocol' in a listener: this build does not have the PROXY protocol yet",
                ""}));

}  // namespace
}  // namespace flagmesh::config
