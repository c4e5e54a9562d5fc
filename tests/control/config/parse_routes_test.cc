#include "control/config/parse_routes.h"

#include <gtest/gtest.h>

#include "tests/control/config/mistakes.h"

namespace flagmesh::config {
namespace {

class RouteMistakes : public testing::TestWithParam<Mistake> {};
TEST_P(RouteMistakes, OneErrorAtItsPlace) {
  expect_only(GetParam(), Severity::kError);
}

INSTANTIATE_TEST_SUITE_P(
    , RouteMistakes,
    testing::Values(
        Mistake{route("@@5"), "route 3 must be a mapping, not a number", ""},
        Mistake{route("{ path: /x, container: web, @@methds: [GET] }"),
                "unknown key 'methds' in route 3 ('/x')", "did you mean 'methods'?"},
        Mistake{route("{ path: /x, container: web, @@weather: 1 }"),
                "unknown key 'weather' in route 3 ('/x')", "known here: host, path"},
        Mistake{route("@@{ path: /x }"), "route 3 ('/x') goes nowhere", "add container: NAME"},
        Mistake{route("{ path: /x, container: web, @@split: { web: 1 } }"),
                "route 3 ('/x') has both 'container' and 'split'", "keep one"},
        Mistake{route("{ path: /x, container: @@wob }"),
                "'container' in route 3 ('/x'): there is no container 'wob'",
                "did you mean 'web'?"},
        Mistake{route("{ path: /x, container: @@7 }"),
                "'container' in route 3 ('/x') must be text, not a number", "quotes"},
        Mistake{route("{ path: /x, container: @@\"\" }"), "'container' in route 3 ('/x') is empty",
                ""},
        Mistake{route("{ path: /x, container: web, @@fallback: api }"),
                "'fallback' in route 3 ('/x') needs a flag", "add flag: KEY"},
        Mistake{route("{ path: /x, container: web, @@serve: {} }"),
                "'serve' in route 3 ('/x') needs a flag", ""},
        Mistake{route("{ path: /x, container: web, @@bucket_by: [ip] }"),
                "'bucket_by' in route 3 ('/x') needs a flag", ""},
        Mistake{route("{ path: /x, @@flag: f, serve: { \"on\": web } }"),
                "route 3 ('/x') decides by a flag but has no 'fallback'",
                "add fallback: CONTAINER"},
        Mistake{route("{ path: /x, @@flag: f, fallback: web }"),
                "route 3 ('/x') decides by a flag but has no 'serve'", "add serve"},
        Mistake{route("{ path: /x, flag: f, fallback: web, serve: @@{} }"),
                "'serve' in route 3 ('/x') is empty", ""},
        Mistake{route("{ path: /x, flag: f, fallback: web, serve: @@[web] }"),
                "'serve' in route 3 ('/x') must be a mapping, not a list", ""},
        Mistake{route("{ path: /x, flag: f, fallback: web, serve: { \"on\": @@ap } }"),
                "variant 'on': there is no container 'ap'", "did you mean 'api'?"},
        Mistake{route("{ path: /x, flag: f, fallback: @@nowhere, serve: { \"on\": web } }"),
                "'fallback' in route 3 ('/x'): there is no container 'nowhere'",
                "write web or api"},
        Mistake{flag_route("when_unproven: @@never"),
                "'when_unproven' in route 3 ('/f') cannot be 'never'",
                "last_good, fallback or refuse"},
        Mistake{route("{ path: /x, split: @@{} }"),
                "'split' in route 3 ('/x') has no weight above zero", ""},
        Mistake{route("{ path: /x, split: @@{ web: 0, api: 0 } }"),
                "'split' in route 3 ('/x') has no weight above zero", "weight"},
        Mistake{route("{ path: /x, split: { web: 1, api: @@-1 } }"),
                "the weight of 'api' must be a whole number from 0 to 1000000", ""},
        Mistake{route("{ path: /x, split: { web: @@1.5 } }"),
                "the weight of 'web' must be a whole number from 0 to 1000000", ""},
        Mistake{route("{ path: /x, split: { web: 1, @@apo: 1 } }"),
                "'split' in route 3 ('/x'): there is no container 'apo'", "did you mean 'api'?"},
        Mistake{route("{ path: /x, handler: @@ofrap }"),
                "'handler' in route 3 ('/x') cannot be 'ofrap'", "ofrep"},
        Mistake{route("{ path: /x, container: web, @@handler: ofrep }"),
                "route 3 ('/x') has both 'container' and 'handler'", "keep one"},
        Mistake{route("{ path: /x, handler: ofrep, when_unproven: @@fallback }"),
                "'when_unproven' in route 3 ('/x') cannot be 'fallback'", "last_good or refuse"},
        Mistake{route("{ path: /x, handler: ofrep, @@bucket_by: [ip] }"),
                "'bucket_by' in route 3 ('/x') needs a flag", ""},
        Mistake{flag_route("bucket_by: [ip], @@mint_http_only: false"),
                "'mint_http_only' in route 3 ('/f') needs 'mint' in 'bucket_by'", "add mint"},
        Mistake{route("{ path: /x, container: web, @@mint_http_only: true }"),
                "'mint_http_only' in route 3 ('/x') needs a flag", ""},
        Mistake{route("@@{ path: /web/, container: api }"),
                "route 3 ('/web/') matches the same requests as the one in line 4",
                "never reached"}));

}  // namespace
}  // namespace flagmesh::config
