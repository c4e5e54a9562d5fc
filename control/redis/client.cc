#include "control/redis/client.h"

#include <netdb.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "proxy/net/tls_failure.h"

namespace flagmesh::redis {

namespace {

constexpr MonoMs kTickMs = 100;

// Keeps a connection until nobody on the stack can still use it.
struct DeadConnection final : event::DeferredDeletable {
  explicit DeadConnection(std::unique_ptr<net::Connection> dead) : connection(std::move(dead)) {}
  std::unique_ptr<net::Connection> connection;
};

// Every address of a name; the system orders them.
Result<std::vector<net::Address>> resolve(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) return fail("bad_address", gai_strerror(error), host);
  std::vector<net::Address> addresses;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    addresses.push_back(net::Address::from_sockaddr(at->ai_addr, at->ai_addrlen));
  }
  freeaddrinfo(found);
  return addresses;
}

// The first word of an error of Redis ("WRONGPASS"); the rest may repeat what was sent.
std::string first_word(const std::string& text) {
  return text.substr(0, text.find(' '));
}

}  // namespace

std::string Place::text() const {
  if (host.starts_with("unix:")) return host;
  const bool ipv6 = host.contains(':');
  return (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

// Lives until both its thread and its client are done with it.
struct Client::Lookup {
  std::mutex mutex;
  Client* client = nullptr;  // null: nobody waits any more
};

Client::Client(net::IoContext& context, ClientOptions options)
    : context_(context),
      options_(std::move(options)),
      random_(std::random_device{}()),
      timer_([](void* self) { static_cast<Client*>(self)->tick(); }, this) {}

Client::~Client() {
  *alive_ = false;
  if (lookup_ != nullptr) {
    const std::lock_guard lock(lookup_->mutex);
    lookup_->client = nullptr;
  }
  close_connection();
}

void Client::subscribe_to(std::vector<std::string> channels, OnMessage on_message) {
  channels_ = std::move(channels);
  on_message_ = std::move(on_message);
}

void Client::start(OnState on_state) {
  on_state_ = std::move(on_state);
  context_.loop().post([this, alive = alive_] {
    if (*alive) connect();
  });
}

// --- Connecting ----------------------------------------------------------------------------------

void Client::connect() {
  attempt_began_ = mono_ms();
  timer_.set(context_.loop().timers(), attempt_began_ + kTickMs);
  place_ = options_.place;
  if (options_.where) {
    Result<Place> now = options_.where();
    if (!now) {
      fail_all(now.error());
      return;
    }
    place_ = *std::move(now);
  }
  if (place_.host.starts_with("unix:")) {
    connect_to(net::Address::parse(place_.host));
    return;
  }
  const Result<net::Address> address = net::Address::from_ip(place_.host, place_.port);
  if (address) {
    connect_to(address);
  } else {
    look_up();
  }
}

void Client::look_up() {
  state_ = State::kResolving;
  lookup_ = std::make_shared<Lookup>();
  lookup_->client = this;
  // The system's resolver blocks, so it has a thread that nothing waits for.
  std::thread([lookup = lookup_, place = place_] {
    Result<std::vector<net::Address>> addresses = resolve(place.host, place.port);
    const std::lock_guard lock(lookup->mutex);
    Client* client = lookup->client;
    if (client == nullptr) return;
    client->context_.loop().post(
        [client, lookup, alive = client->alive_, addresses = std::move(addresses)]() mutable {
          if (*alive && client->lookup_ == lookup) client->looked_up(std::move(addresses));
        });
  }).detach();
}

// A name may have an address where nobody listens ("localhost" is ::1 first): each attempt takes
// the next one.
void Client::looked_up(Result<std::vector<net::Address>> addresses) {
  lookup_.reset();
  if (!addresses) {
    connect_to(std::unexpected(addresses.error()));
  } else if (addresses->empty()) {
    connect_to(fail("bad_address", "the name has no address"));
  } else {
    connect_to((*addresses)[failures_ % addresses->size()]);
  }
}

void Client::connect_to(const Result<net::Address>& address) {
  if (!address) {
    fail_all({"bad_address", address.error().message, place_.text()});
    return;
  }
  std::unique_ptr<net::Transport> transport;
  if (options_.tls) {
    net::TlsWarnings warnings;  // said by `flagmesh check`
    const auto client = net::TlsClient::load(*options_.tls, warnings);
    if (!client) {
      fail_all(client.error());
      return;
    }
    transport =
        (*client)->connect(options_.tls_name.empty() ? place_.host : options_.tls_name, nullptr);
    if (transport == nullptr) {
      fail_all({"tls_certificate", "there is no TLS for this name", place_.text(),
                "set redis.tls.server_name"});
      return;
    }
  }
  state_ = State::kConnecting;
  reader_ = std::make_unique<ReplyReader>(options_.limits);
  connection_.reset(new net::Connection(context_, *this));  // a private base: no make_unique
  if (Status begun = connection_->start_connect(*address, std::move(transport)); !begun) {
    fail_all({"unreachable", begun.error().message, place_.text()});
  }
}

void Client::on_connected() {
  last_moved_ = mono_ms();
  state_ = State::kGreeting;
  greet();
}

void Client::greet() {
  acknowledged_ = 0;
  ping_sent_ = 0;
  last_waiting_ = 0;
  const auto expect_ok = [this](const char* what) {
    return [this, what](Result<Reply> reply) { greeted(std::move(reply), what); };
  };
  if (!options_.password.empty() && !options_.user.empty()) {
    send({"AUTH", options_.user, options_.password}, expect_ok("AUTH"));
  } else if (!options_.password.empty()) {
    send({"AUTH", options_.password}, expect_ok("AUTH"));
  }
  const std::string database = std::to_string(options_.database);
  if (options_.database != 0) send({"SELECT", database}, expect_ok("SELECT"));
  if (options_.require_master) {
    send({"ROLE"}, [this](const Result<Reply>& reply) {
      if (!reply || reply->is_error()) {
        greeted(reply, "ROLE");
      } else if (reply->elements.empty() || reply->elements[0].text != "master") {
        fail_all({"not_master", "this Redis is not the master", place_.text()});
      }
    });
  }
  // Its answer says that we may talk and that Redis is not still loading.
  send({"PING"}, expect_ok("PING"));
  if (!is_subscriber()) return;
  std::vector<std::string_view> words{"SUBSCRIBE"};
  words.insert(words.end(), channels_.begin(), channels_.end());
  write(format_command(words));
}

void Client::greeted(Result<Reply> reply, const char* what) {
  if (!reply) return;  // the connection failed, and that was told
  if (reply->is_error()) {
    const std::string word = first_word(reply->text);
    const bool loading = word == "LOADING" || word == "MASTERDOWN" || word == "BUSY";
    fail_all({loading ? "unavailable" : "auth_failed",
              std::string("Redis refuses ") + what + " with " + word, place_.text(),
              loading ? "" : "check user, password and database of redis.url"});
    return;
  }
  if (pending_.empty() && !is_subscriber()) ready();
}

void Client::ready() {
  state_ = State::kReady;
  failures_ = 0;
  if (on_state_) on_state_({});
}

// --- Talking -------------------------------------------------------------------------------------

void Client::command(const std::vector<std::string_view>& words, OnReply on_reply) {
  const char* refusal = nullptr;
  if (state_ != State::kReady) {
    refusal = "unavailable";
  } else {
    size_t bytes = connection_->waiting();
    for (const std::string_view word : words) bytes += word.size();
    if (bytes > options_.waiting_bytes) refusal = "too_large";
  }
  if (refusal == nullptr) {
    send(words, std::move(on_reply));
    return;
  }
  context_.loop().post(
      [alive = alive_, refusal, place = place_.text(), on_reply = std::move(on_reply)]() mutable {
        const bool large = std::string_view(refusal) == "too_large";
        if (*alive) {
          on_reply(fail(refusal, large ? "more waits for Redis than may" : "not connected to Redis",
                        place));
        }
      });
}

void Client::send(const std::vector<std::string_view>& words, OnReply on_reply) {
  pending_.push_back({std::move(on_reply), mono_ms()});
  write(format_command(words));
}

void Client::write(std::string command) {
  if (command.size() < Output::kBorrowBytes) {
    connection_->output().append(command);
    return;
  }
  // Written when this callback ends; the task that runs after it keeps the bytes until then.
  connection_->output().borrow(command);
  context_.loop().post([kept = std::move(command)] {});
}

size_t Client::on_bytes(std::string_view bytes) {
  last_moved_ = mono_ms();
  const std::shared_ptr<bool> alive = alive_;
  const net::Connection* connection = connection_.get();
  if (Status fed = reader_->feed(bytes); !fed) {
    fail_all(fed.error());
    return bytes.size();
  }
  while (*alive && connection_.get() == connection) {
    Result<std::optional<Reply>> reply = reader_->next();
    if (!reply) {
      fail_all(reply.error());
      break;
    }
    if (!*reply) break;
    handle(**std::move(reply));
  }
  return bytes.size();
}

void Client::handle(Reply reply) {
  if (!pending_.empty()) {
    OnReply on_reply = std::move(pending_.front().on_reply);
    pending_.pop_front();
    on_reply(std::move(reply));
  } else if (is_subscriber()) {
    handle_push(reply);
  } else {
    fail_all({"bad_reply", "Redis answered what nobody asked", place_.text()});
  }
}

void Client::handle_push(const Reply& push) {
  const std::vector<Reply>& parts = push.elements;
  const std::string_view kind = parts.empty() ? std::string_view() : parts[0].text;
  if (kind == "message" && parts.size() == 3) {
    if (on_message_) on_message_(parts[1].text, parts[2].text);
  } else if (kind == "subscribe" && parts.size() == 3) {
    if (++acknowledged_ == channels_.size()) ready();
  } else if (kind == "pong") {
    ping_sent_ = 0;
  } else {
    const std::string why = push.is_error() ? "Redis says: " + first_word(push.text)
                                            : "Redis sent a subscriber what is no message";
    fail_all({push.is_error() ? "auth_failed" : "bad_reply", why, place_.text()});
  }
}

// --- Failing -------------------------------------------------------------------------------------

void Client::on_close(net::CloseCause cause, int error) {
  const bool refused = state_ == State::kConnecting;
  const net::TlsFailure failure = net::tls_failure_of(error);
  // In TLS 1.3 a refused certificate of ours shows after the handshake.
  const bool tls = failure != net::TlsFailure::kNone && failure != net::TlsFailure::kClosed;
  if (tls && state_ != State::kReady) {
    fail_all({std::string(net::tls_failure_name(failure)), "TLS with Redis failed", place_.text(),
              "check redis.tls and the certificate of Redis"});
    return;
  }
  const bool ended = cause == net::CloseCause::kPeer || error < 0;
  std::string why = ended ? "Redis closed the connection" : std::string(strerror(error));
  fail_all({refused ? "unreachable" : "disconnected", std::move(why), place_.text()});
}

void Client::reconnect(Error why) {
  if (connection_ != nullptr) fail_all(std::move(why));
}

void Client::close_connection() {
  if (connection_ == nullptr) return;
  connection_->close();
  context_.loop().deleter().push(std::make_unique<DeadConnection>(std::move(connection_)));
}

void Client::fail_all(Error why) {
  close_connection();
  reader_.reset();
  lookup_.reset();
  state_ = State::kWaiting;
  timer_.set(context_.loop().timers(), mono_ms() + backoff());
  const std::shared_ptr<bool> alive = alive_;
  std::deque<Pending> pending = std::exchange(pending_, {});
  for (Pending& waiting : pending) {
    waiting.on_reply(std::unexpected(why));
    if (!*alive) return;
  }
  if (on_state_) on_state_(std::unexpected(std::move(why)));
}

// A random part, not below half, of a wait that doubles: a thousand routers do not come at once.
MonoMs Client::backoff() {
  const unsigned doublings = std::min(failures_++, 16U);
  const uint64_t most = std::max<uint64_t>(
      1, std::min(options_.backoff_max_ms, options_.backoff_min_ms << doublings));
  return std::uniform_int_distribution<uint64_t>((most + 1) / 2, most)(random_);
}

void Client::tick() {
  if (state_ == State::kWaiting) {
    connect();
    return;
  }
  const MonoMs now = mono_ms();
  timer_.set(context_.loop().timers(), now + kTickMs);
  if (connection_ != nullptr && connection_->waiting() < last_waiting_) last_moved_ = now;
  last_waiting_ = connection_ == nullptr ? 0 : connection_->waiting();
  if (is_overdue()) {
    fail_all({"timed_out", "Redis does not answer", place_.text()});
    return;
  }
  if (state_ != State::kReady || !pending_.empty() || ping_sent_ != 0) return;
  if (now - last_moved_ < options_.ping_every_ms) return;
  if (is_subscriber()) {
    ping_sent_ = now;
    write(format_command({"PING"}));
  } else {
    send({"PING"}, [](const Result<Reply>&) {});
  }
}

bool Client::is_overdue() const {
  const MonoMs now = mono_ms();
  if (state_ != State::kReady) return now - attempt_began_ > options_.connect_timeout_ms;
  MonoMs asked = ping_sent_;
  if (!pending_.empty()) asked = pending_.front().sent;
  if (asked == 0) return false;
  return now - std::max(asked, last_moved_) > options_.reply_timeout_ms;
}

}  // namespace flagmesh::redis
