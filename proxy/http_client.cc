#include "proxy/http_client.h"

#include <netdb.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include "proxy/base/arena.h"
#include "proxy/http/h1_decoder.h"
#include "proxy/http/h1_encoder.h"
#include "proxy/net/connection.h"

namespace flagmesh {
namespace {

constexpr size_t kBodyBytes = 64 * 1024 * 1024;

struct Url {
  std::string authority;
  std::string host;
  std::string port = "80";
  std::string target = "/";
};

Result<Url> parse_url(const std::string& text) {
  constexpr std::string_view kScheme = "http://";
  const auto bad = [&] {
    return fail("bad_url", "this is no http:// URL", text, "for example http://127.0.0.1:8071");
  };
  if (!text.starts_with(kScheme)) return bad();
  Url url;
  const size_t slash = text.find('/', kScheme.size());
  url.authority = text.substr(kScheme.size(), slash - kScheme.size());
  if (slash != std::string::npos) url.target = text.substr(slash);
  const size_t bracket = url.authority.rfind(']');
  const size_t colon = url.authority.find(':', bracket == std::string::npos ? 0 : bracket);
  url.host = url.authority.substr(0, colon);
  if (colon != std::string::npos) url.port = url.authority.substr(colon + 1);
  if (url.host.starts_with('[') && url.host.ends_with(']')) {
    url.host = url.host.substr(1, url.host.size() - 2);
  }
  if (url.host.empty() || url.port.empty()) return bad();
  for (const char c : url.target) {
    if (c <= ' ' || c == 0x7f) return bad();
  }
  return url;
}

Result<net::Address> resolve(const Url& url) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int result = ::getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &found);
  if (result != 0) return fail("unreachable", ::gai_strerror(result), url.authority);
  const net::Address address = net::Address::from_sockaddr(found->ai_addr, found->ai_addrlen);
  ::freeaddrinfo(found);
  return address;
}

class Call final : private net::ConnectionHandler {
 public:
  Call(const HttpCall& call, const Url& url, net::IoContext& context)
      : call_(call), url_(url), connection_(context, *this) {}

  Result<HttpAnswer> run(event::Loop& loop, const net::Address& address) {
    const MonoMs deadline = mono_ms() + call_.timeout_ms;
    if (auto started = connection_.start_connect(address); !started) {
      return fail("unreachable", started.error().message, url_.authority);
    }
    while (!done_) {
      const MonoMs now = mono_ms();
      if (now >= deadline) return fail("timed_out", "no answer in time", url_.authority);
      loop.run_once(static_cast<uint32_t>(deadline - now));
    }
    if (failure_) return std::unexpected(*failure_);
    return std::move(answer_);
  }

 private:
  void on_connected() override {
    http::RequestHead head;
    head.method = call_.method;
    head.method_text = http::method_name(call_.method);
    head.authority = url_.authority;
    head.target = url_.target;
    for (const auto& [name, value] : call_.headers) {
      head.headers.add(arena_, http::header_id(name), name, value);
    }
    if (!call_.body.empty()) {
      head.body = {http::Framing::kLength, call_.body.size()};
      head.headers.add(arena_, http::HeaderId::kContentType, "application/json");
    }
    decoder_.expect(call_.method, false);
    http::encode_request(head, "close", connection_.output());
    http::encode_data(head.body.kind, call_.body, connection_.output());
  }

  size_t on_bytes(std::string_view bytes) override {
    std::string_view rest = bytes;
    while (!done_) {
      std::string_view data;
      switch (decoder_.next(rest, arena_, head_, data, trailers_)) {
        case http::H1Event::kNeedMore:
          return bytes.size() - rest.size();
        case http::H1Event::kData:
          if (answer_.body.size() + data.size() > kBodyBytes) end("the answer is too large");
          answer_.body.append(data);
          break;
        case http::H1Event::kEnd:
          answer_.status = head_.status;
          end(nullptr);
          break;
        case http::H1Event::kError:
          end("the answer is no HTTP/1.1");
          break;
        default:
          break;
      }
    }
    return bytes.size();
  }

  void on_close(net::CloseCause cause, int error) override {
    if (done_) return;
    if (cause == net::CloseCause::kError) {
      failure_ = Error{"unreachable", strerror(error), url_.authority};
      done_ = true;
      return;
    }
    const bool complete = decoder_.on_eof() == http::H1Event::kEnd;
    answer_.status = head_.status;
    end(complete ? nullptr : "the answer ends too early");
  }

  void end(const char* mistake) {
    if (done_) return;
    if (mistake != nullptr) failure_ = Error{"bad_response", mistake, url_.authority};
    done_ = true;
  }

  const HttpCall& call_;
  const Url& url_;
  BlockPool blocks_;
  Arena arena_{blocks_};
  http::H1Limits limits_;
  http::H1ResponseDecoder decoder_{limits_};
  http::ResponseHead head_;
  http::HeaderList trailers_;
  HttpAnswer answer_;
  std::optional<Error> failure_;
  bool done_ = false;
  net::Connection connection_;
};

}  // namespace

Result<HttpAnswer> http_call(const HttpCall& call) {
  const auto url = parse_url(call.url);
  if (!url) return std::unexpected(url.error());
  const auto address = resolve(*url);
  if (!address) return std::unexpected(address.error());
  const auto loop = event::Loop::create();
  if (!loop) return std::unexpected(loop.error());
  net::IoContext context(**loop);
  Call running(call, *url, context);
  return running.run(**loop, *address);
}

}  // namespace flagmesh
