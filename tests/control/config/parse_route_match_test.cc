#include "control/config/parse_route_match.h"

#include <gtest/gtest.h>

#include "tests/control/config/mistakes.h"

namespace flagmesh::config {
namespace {

class MatchMistakes : public testing::TestWithParam<Mistake> {};
TEST_P(MatchMistakes, OneErrorAtItsPlace) {
  expect_only(GetParam(), Severity::kError);
}

INSTANTIATE_TEST_SUITE_P(
    , MatchMistakes,
    testing::Values(
        Mistake{route("{ path: @@x, container: web }"),
                "'path' in route 3 ('x'): 'x' does not begin with '/'", "write /x"},
        Mistake{route("{ path: @@\"/x?y=1\", container: web }"),
                "'path' in route 3 ('/x?y=1'): '/x?y=1' has a query or a fragment", ""},
        Mistake{route("{ path: @@/a/../b, container: web }"),
                "'path' in route 3 ('/a/../b'): '/a/../b' is never seen: paths are compared in "
                "their normal form",
                "write /b"},
        Mistake{route("{ path: @@//x, container: web }"),
                "'path' in route 3 ('//x'): '//x' is never seen: paths are compared in their "
                "normal form",
                "write /x"},
        Mistake{route("{ path: @@/%41, container: web }"),
                "'path' in route 3 ('/%41'): '/%41' is never seen: paths are compared in their "
                "normal form",
                "write /A"},
        Mistake{route("{ path: @@\"/a b\", container: web }"),
                "'path' in route 3 ('/a b'): '/a b' is no path of a request", "%XX"},
        Mistake{route("{ path: { regex: @@\"^/(\" }, container: web }"),
                "'path' in route 3 ('^/('): regular expression, at character 4: missing closing "
                "parenthesis",
                ""},
        Mistake{route("{ path: @@{ exact: /x, regex: ^/y }, container: web }"),
                "'path' in route 3 must have one form", "exact"},
        Mistake{route("{ path: @@{}, container: web }"), "'path' in route 3 must have one form",
                ""},
        Mistake{route("{ path: { @@exat: /x, exact: /y }, container: web }"),
                "unknown key 'exat' in 'path' in route 3", "prefix"},
        Mistake{route("{ path: @@3, container: web }"),
                "'path' in route 3 must be text, not a number", ""},
        Mistake{route("{ host: @@\"a.example:80\", container: web }"),
                "'host' in route 3: 'a.example:80' has a port", "leave the port out"},
        Mistake{route("{ host: @@\"*\", container: web }"), "'host' in route 3: '*' is not needed",
                "leave 'host' out"},
        Mistake{route("{ host: @@\"a.*.example\", container: web }"),
                "'host' in route 3: 'a.*.example' is no pattern", "*.example.com"},
        Mistake{route("{ host: @@\"http://a\", container: web }"),
                "'host' in route 3: 'http://a' is a URL", ""},
        Mistake{route("{ host: @@\"a_b..c\", container: web }"),
                "'host' in route 3: 'a_b..c' is no host name", ""},
        Mistake{route("{ host: @@[], container: web }"), "'host' in route 3 is empty", ""},
        Mistake{route("{ methods: [GET, @@get], container: web }"),
                "method 'get': methods are case-sensitive", "write GET"},
        Mistake{route("{ methods: [@@\"G T\"], container: web }"), "'G T' is no method", ""},
        Mistake{route("{ methods: @@GET, container: web }"),
                "'methods' in route 3 must be a list, not text", ""},
        Mistake{route("{ methods: @@[], container: web }"), "'methods' in route 3 is empty",
                "any method"},
        Mistake{route("{ headers: { @@\"x y\": \"1\" }, container: web }"),
                "'x y' is no name of a header", ""},
        Mistake{route("{ headers: { x-beta: @@1 }, container: web }"),
                "header 'x-beta' must be text, not a number", "quotes"},
        Mistake{route("{ headers: { x-a: a, @@X-A: b }, container: web }"),
                "header 'x-a' is there twice", "case"},
        Mistake{route("{ path: /x, container: web, timeout: @@15 }"),
                "'timeout' in route 3 ('/x') has no unit", "5s"},
        Mistake{route("{ path: /x, container: web, timeout: @@15 sec }"),
                "'timeout' in route 3 ('/x'): '15 sec' is no duration", "ms, s, m or h"},
        Mistake{route("{ path: /x, container: web, timeout: @@2000h }"),
                "'timeout' in route 3 ('/x'): '2000h' is too long", "1000h"},
        Mistake{route("{ path: /x, container: web, max_body: @@1MB }"),
                "'max_body' in route 3 ('/x'): '1MB' is no size", "MiB"},
        Mistake{route("{ path: /x, container: web, max_body: @@99999999GiB }"),
                "'max_body' in route 3 ('/x'): '99999999GiB' is too large", ""},
        Mistake{route("{ path: /x, container: web, decision_headers: @@yes }"),
                "'decision_headers' in route 3 ('/x') must be true or false, not text", ""},
        Mistake{route("{ path: /x, container: web, retries: { attempts: @@11 } }"),
                "'attempts' in 'retries' in route 3 ('/x') must be a whole number from 0 to 10",
                ""},
        Mistake{route("{ path: /x, container: web, retries: { on: [@@\"500\"] } }"),
                "'500' is nothing that can be tried again", "\"502\""},
        Mistake{route("{ path: /x, container: web, retries: { on: [@@502] } }"),
                "an item of 'on' in 'retries' in route 3 ('/x') must be text, not a number",
                "quotes"},
        Mistake{route("{ path: /x, container: web, retries: { @@tries: 2 } }"),
                "unknown key 'tries' in 'retries' in route 3 ('/x')", "attempts"}));

}  // namespace
}  // namespace flagmesh::config
