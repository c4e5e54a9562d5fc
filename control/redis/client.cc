#include "control/redis/client.h"

#include <netdb.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

namespace flagmesh::redis {

namespace {

constexpr MonoMs kTickMs = 100;

// Keeps a connection until nobody on the stack can still use it.
struct DeadConnection final : event::DeferredDeletable {
  explicit DeadConnection(std::unique_ptr<net::Connection> dead) : connection(std::move(dead)) {}
  std::unique_ptr<net::Connection> connection;
};

Result<net::Address> resolve(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) return fail("bad_address", gai_strerror(error), host);
  const net::Address address = net::Address::from_sockaddr(found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  return address;
}

// The first word of an error of Redis ("WRONGPASS"); the rest may repeat what was sent.
std::string first_word(const std::string& text) {
  return text.substr(0, text.find(' '));
}

}  // namespace

std::string ClientOptions::text() const {
  return host.starts_with("unix:") ? host : host + ":" + std::to_string(port);
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
  if (options_.host.starts_with("unix:")) {
    connect_to(net::Address::parse(options_.host));
    return;
  }
  Result<net::Address> address = net::Address::from_ip(options_.host, options_.port);
  if (address) {
    connect_to(std::move(address));
  } else {
    look_up();
  }
}

void Client::look_up() {
  state_ = State::kResolving;
  lookup_ = std::make_shared<Lookup>();
  lookup_->client = this;
  // The system's resolver blocks, so it has a thread that nothing waits for.
  std::thread([lookup = lookup_, host = options_.host, port = options_.port] {
    Result<net::Address> address = resolve(host, port);
    const std::lock_guard lock(lookup->mutex);
    Client* client = lookup->client;
    if (client == nullptr) return;
    client->context_.loop().post(
        [client, lookup, alive = client->alive_, address = std::move(address)]() mutable {
          if (*alive && client->lookup_ == lookup) client->connect_to(std::move(address));
        });
  }).detach();
}

void Client::connect_to(Result<net::Address> address) {
  lookup_.reset();
  if (!address) {
    fail_all({"bad_address", address.error().message, options_.text()});
    return;
  }
  state_ = State::kConnecting;
  reader_ = std::make_unique<ReplyReader>(options_.limits);
  connection_.reset(new net::Connection(context_, *this));  // a private base: no make_unique
  if (Status begun = connection_->start_connect(*address); !begun) {
    fail_all({"unreachable", begun.error().message, options_.text()});
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
              std::string("Redis refuses ") + what + " with " + word, options_.text(),
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
      [alive = alive_, refusal, place = options_.text(), on_reply = std::move(on_reply)]() mutable {
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
    fail_all({"bad_reply", "Redis answered what nobody asked", options_.text()});
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
    fail_all({push.is_error() ? "auth_failed" : "bad_reply", why, options_.text()});
  }
}

// --- Failing -------------------------------------------------------------------------------------

void Client::on_close(net::CloseCause cause, int error) {
  const bool refused = state_ == State::kConnecting;
  std::string why = cause == net::CloseCause::kPeer ? "Redis closed the connection"
                                                    : std::string(strerror(error));
  fail_all({refused ? "unreachable" : "disconnected", std::move(why), options_.text()});
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
    fail_all({"timed_out", "Redis does not answer", options_.text()});
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
