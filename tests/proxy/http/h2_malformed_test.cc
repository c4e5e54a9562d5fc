// RFC 9113 §8: which requests are malformed, which are answered, which pass.
#include <gtest/gtest.h>

#include "tests/proxy/http/h2_frames.h"

namespace flagmesh::http {
namespace {

using namespace h2;  // NOLINT: frames are this file's language

struct Case {
  const char* name;
  Fields fields;
  const char* reason;  // "" when it passes
};

Fields without(Fields fields, const std::string& name) {
  std::erase_if(fields, [&](const auto& f) { return f.first == name; });
  return fields;
}
Fields with(Fields fields, const std::string& name, const std::string& value) {
  for (auto& f : fields) {
    if (f.first == name) f.second = value;
  }
  return fields;
}

const std::vector<Case>& malformed() {
  static const std::vector<Case> cases{
      {"uppercase name", get({{"X-Test", "a"}}), "bad_header_name"},
      {"uppercase known name", get({{"Accept", "a"}}), "bad_header_name"},
      {"name with space", get({{"x test", "a"}}), "bad_header_name"},
      {"name with colon inside", get({{"x:test", "a"}}), "bad_header_name"},
      {"empty name", get({{"", "a"}}), "bad_header_name"},
      {"name with byte 0x80", get({{"x\x80", "a"}}), "bad_header_name"},
      {"value with LF", get({{"x", "a\nb"}}), "bad_header_value"},
      {"value with CR", get({{"x", "a\rb"}}), "bad_header_value"},
      {"value with NUL", get({{"x", std::string("a\0b", 3)}}), "bad_header_value"},
      {"value with leading space", get({{"x", " a"}}), "bad_header_value"},
      {"value with trailing tab", get({{"x", "a\t"}}), "bad_header_value"},
      {"path with LF", with(get(), ":path", "/a\n"), "bad_header_value"},
      {"unknown pseudo", get({{":test", "a"}}), "bad_pseudo_header"},
      {"response pseudo", get({{":status", "200"}}), "bad_pseudo_header"},
      {"pseudo after regular", Fields{{":method", "GET"}, {"x", "a"}, {":scheme", "http"}, {":path", "/"}}, "bad_pseudo_header"},
      {"repeated method", get({{":method", "GET"}}), "bad_pseudo_header"},
      {"repeated path", get({{":path", "/"}}), "bad_pseudo_header"},
      {"repeated scheme", get({{":scheme", "http"}}), "bad_pseudo_header"},
      {"repeated authority", get({{":authority", "h"}}), "bad_pseudo_header"},
      {"no method", without(get(), ":method"), "bad_pseudo_header"},
      {"no scheme", without(get(), ":scheme"), "bad_pseudo_header"},
      {"no path", without(get(), ":path"), "bad_pseudo_header"},
      {"empty path", with(get(), ":path", ""), "bad_pseudo_header"},
      {"protocol without connect", get({{":protocol", "websocket"}}), "bad_pseudo_header"},
      {"method no token", with(get(), ":method", "G T"), "bad_method"},
      {"connection", get({{"connection", "keep-alive"}}), "connection_field"},
      {"keep-alive", get({{"keep-alive", "5"}}), "connection_field"},
      {"proxy-connection", get({{"proxy-connection", "close"}}), "connection_field"},
      {"transfer-encoding", get({{"transfer-encoding", "chunked"}}), "connection_field"},
      {"upgrade", get({{"upgrade", "h2c"}}), "connection_field"},
      {"te other than trailers", get({{"te", "trailers, deflate"}}), "connection_field"},
      {"authority and host differ", get({{"host", "other"}}), "authority_conflict"},
      {"two hosts", without(get({{"host", "h"}, {"host", "h"}}), ":authority"), "repeated_host"},
      {"content-length of nothing", get({{"content-length", "1"}}), "content_length_mismatch"},
      {"content-length no number", get({{"content-length", "x"}}), "bad_content_length"},
      {"content-lengths differ", get({{"content-length", "0"}, {"content-length", "1"}}), "differing_content_length"},
  };
  return cases;
}

TEST(H2Malformed, IsResetAndNeverShown) {
  for (const Case& c : malformed()) {
    Server server;
    server.feed(headers(1, c.fields));
    EXPECT_EQ(server.code(1), 1) << c.name;
    EXPECT_EQ(server.log, "refused 1 " + std::string(c.reason) + "\nclosed 1 1 " + c.reason + "\n") << c.name;
    server.feed(headers(3, get()));  // the connection goes on
    EXPECT_NE(server.log.find("head 3 GET h/"), std::string::npos) << c.name;
  }
}

TEST(H2Malformed, HoweverTheBytesAreCut) {
  for (const Case& c : malformed()) {
    Server server;
    server.feed(headers(1, c.fields), 1);
    EXPECT_EQ(server.log, "refused 1 " + std::string(c.reason) + "\nclosed 1 1 " + c.reason + "\n") << c.name;
  }
}

TEST(H2Refused, IsAnswered) {
  const std::vector<Case> cases{
      {"bad path", with(get(), ":path", "/a b"), "bad_target"},
      {"fragment", with(get(), ":path", "/a#b"), "bad_target"},
      {"path without slash", with(get(), ":path", "a"), "bad_target"},
      {"absolute form", with(get(), ":path", "http://h/"), "bad_target"},
      {"star of GET", with(get(), ":path", "*"), "bad_target"},
      {"other scheme", with(get(), ":scheme", "ftp"), "bad_target"},
      {"long path", with(get(), ":path", "/" + std::string(16 * 1024, 'a')), "target_too_long"},
      {"no authority", without(get(), ":authority"), "missing_host"},
      {"empty authority", with(get(), ":authority", ""), "bad_host"},
      {"user in authority", with(get(), ":authority", "u@h"), "bad_host"},
      {"connect", Fields{{":method", "CONNECT"}, {":authority", "h:1"}}, "connect_refused"},
      {"other protocol", with(get({{":protocol", "x"}}), ":method", "CONNECT"), "connect_refused"},
  };
  for (const Case& c : cases) {
    Server server;
    const std::string bytes = block(c.fields);
    server.feed(frame(kHeaders, kEndStream, 1, bytes.substr(0, 10)));
    const size_t rest = bytes.size() - 10;
    server.feed(frame(kContinuation, 0, 1, bytes.substr(10, rest / 2)));
    server.feed(frame(kContinuation, kEndHeaders, 1, bytes.substr(10 + rest / 2)));
    EXPECT_EQ(server.log, "refused 1 " + std::string(c.reason) + " answer\n") << c.name;
  }
}

TEST(H2Refused, HeadsThatAreTooLarge) {
  Server server;
  Fields many = get();
  for (int i = 0; i < 130; ++i) many.push_back({"x", "1"});
  server.feed(headers(1, many));
  EXPECT_EQ(server.log, "refused 1 headers_too_large answer\n");
  server.log.clear();
  Fields large = get();
  for (int i = 0; i < 4; ++i) large.push_back({"x", std::string(9000, 'a')});
  const std::string bytes = block(large);
  std::string sent = frame(kHeaders, kEndStream, 3, bytes.substr(0, 16000));
  sent += frame(kContinuation, 0, 3, bytes.substr(16000, 16000));
  sent += frame(kContinuation, kEndHeaders, 3, bytes.substr(32000));
  server.feed(sent);
  EXPECT_EQ(server.log, "refused 3 headers_too_large answer\n");
}

TEST(H2Accepted, AsHttp1HasIt) {
  const std::vector<Case> cases{
      {"plain", get(), "head 1 GET h/ host=h end\n"},
      {"normalised", with(get(), ":path", "/a//%41/../b?x=%zz"), "head 1 GET h/a/b?x=%zz host=h end\n"},
      {"host only", without(get({{"host", "x"}}), ":authority"), "head 1 GET x/ host=x end\n"},
      {"host the same", get({{"host", "H"}}), "head 1 GET h/ host=H end\n"},
      {"te trailers", get({{"te", "trailers"}}), "head 1 GET h/ te=trailers host=h end\n"},
      {"cookies", get({{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=2"}, {"cookie", "c=3"}}),
       "head 1 GET h/ cookie=a=1; b=2; c=3 x=y host=h end\n"},
      {"content-length twice", get({{"content-length", "0"}, {"content-length", "0"}}),
       "head 1 GET h/ content-length=0 content-length=0 host=h end\n"},
      {"empty value", get({{"x", ""}}), "head 1 GET h/ x= host=h end\n"},
      {"bytes over 0x7f", get({{"x", "\xc3\xa4"}}), "head 1 GET h/ x=\xc3\xa4 host=h end\n"},
      {"options star", with(with(get(), ":path", "*"), ":method", "OPTIONS"), "head 1 OPTIONS h* host=h end\n"},
      {"unknown method", with(get(), ":method", "BREW"), "head 1 BREW h/ host=h end\n"},
  };
  for (const Case& c : cases) {
    Server server;
    server.feed(headers(1, c.fields));
    EXPECT_EQ(server.log, c.reason) << c.name;
  }
}

TEST(H2Accepted, ExtendedConnectIsAWebSocket) {
  Server server;
  server.feed(headers(1, with(get({{":protocol", "websocket"}}), ":method", "CONNECT"), false));
  EXPECT_EQ(server.log, "head 1 GET h/ host=h\n");
  EXPECT_TRUE(server.stream(0).own_request.upgrade_websocket);
  server.feed(data(1, "frame", false));
  server.feed(data(1, "", true));
  EXPECT_EQ(server.log, "head 1 GET h/ host=h\ndata 1 frame\nend 1\n");
}

TEST(H2Body, LengthMustMatch) {
  Server server;
  server.feed(headers(1, post({{"content-length", "3"}}), false) + data(1, "abcd", true));
  EXPECT_EQ(server.code(1), 1);
  EXPECT_NE(server.log.find("closed 1 1 content_length_mismatch"), std::string::npos);
  EXPECT_EQ(server.log.find("end 1"), std::string::npos);
  server.feed(headers(3, post({{"content-length", "3"}}), false) + data(3, "ab", true));
  EXPECT_EQ(server.code(3), 1);
  server.feed(headers(5, post({{"content-length", "3"}}), false) + data(5, "ab", false) +
              headers(5, {{"x", "y"}}));
  EXPECT_EQ(server.code(5), 1);
  server.log.clear();
  server.feed(headers(7, post({{"content-length", "3"}}), false) + data(7, "ab", false) + data(7, "c", true));
  EXPECT_EQ(server.log, "head 7 POST h/ content-length=3 host=h\ndata 7 ab\ndata 7 c\nend 7\n");
}

TEST(H2Trailers, AreShownWithoutWhatMayNotBeThere) {
  Server server;
  server.feed(headers(1, post(), false) + data(1, "a", false) +
              headers(1, {{"x-sum", "1"}, {"content-length", "9"}, {"x-flagmesh-flag", "f"}}));
  EXPECT_EQ(server.log, "head 1 POST h/ host=h\ndata 1 a\ntrailers 1 x-sum=1\nend 1\n");
}

TEST(H2Trailers, ThatAreMalformedResetTheStream) {
  const std::vector<std::string> bad{
      headers(1, {{":path", "/"}}), headers(1, {{":status", "200"}}), headers(1, {{"X", "y"}}),
      headers(1, {{"connection", "close"}}), headers(1, {{"x", "y"}}, false)};
  for (const std::string& trailers : bad) {
    Server server;
    server.feed(headers(1, post(), false) + data(1, "a", false) + trailers);
    EXPECT_EQ(server.code(1), 1);
    EXPECT_EQ(server.log.find("end 1"), std::string::npos);
  }
}

}  // namespace
}  // namespace flagmesh::http
