#include "control/redis/sentinel.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "proxy/base/time.h"

namespace flagmesh::redis {

namespace {

constexpr std::string_view kSwitch = "+switch-master";

template <class T>
std::optional<T> number_of(std::string_view text) {
  T number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc() || rest != end) return std::nullopt;
  return number;
}

// A field of "SENTINEL MASTER name": names and values in turn.
std::string_view field(const Reply& reply, std::string_view name) {
  for (size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
    if (reply.elements[i].text == name) return reply.elements[i + 1].text;
  }
  return {};
}

ClientOptions client_options(const SentinelOptions& options) {
  ClientOptions client;
  client.user = options.user;
  client.password = options.password;
  client.tls = options.tls;
  client.limits.array = 1'000;
  client.limits.nodes = 10'000;
  client.limits.bulk_bytes = client.limits.line_bytes;
  client.limits.bytes = 1024 * 1024;
  return client;
}

}  // namespace

Sentinel::Sentinel(net::IoContext& context, SentinelOptions options)
    : context_(context),
      options_(std::move(options)),
      timer_([](void* self) { static_cast<Sentinel*>(self)->on_timer(); }, this) {}

Sentinel::~Sentinel() = default;

// Each attempt of a connection goes to the next one of the list.
Result<Place> Sentinel::next(size_t& at) const {
  return options_.sentinels[at++ % options_.sentinels.size()];
}

void Sentinel::start(std::function<void()> on_switch, std::function<void(const Error&)> on_trouble) {
  on_switch_ = std::move(on_switch);
  on_trouble_ = std::move(on_trouble);
  ClientOptions query = client_options(options_);
  query.where = [this] { return next(query_at_); };
  query_ = std::make_unique<Client>(context_, std::move(query));
  query_->start([this](const Status& connected) { on_query(connected); });
  ClientOptions listener = client_options(options_);
  listener.where = [this] { return next(listener_at_); };
  listener_ = std::make_unique<Client>(context_, std::move(listener));
  listener_->subscribe_to({std::string(kSwitch)}, [this](std::string_view, std::string_view text) {
    on_message(text);
  });
  listener_->start({});
  timer_.set(context_.loop().timers(), mono_ms() + options_.poll_ms);
}

Result<Place> Sentinel::master() const {
  if (master_) return *master_;
  return fail("no_master", "no sentinel has named the master '" + options_.master + "' yet", {},
              "check redis.sentinels and redis.sentinel_master");
}

void Sentinel::suspect() {
  if (options_.sentinels.size() > 1 && query_->connected() && !asking_) {
    query_->reconnect({"disconnected", "another sentinel is asked"});
  }
}

void Sentinel::on_timer() {
  timer_.set(context_.loop().timers(), mono_ms() + options_.poll_ms);
  ask();
}

void Sentinel::on_query(const Status& connected) {
  asking_ = false;
  if (connected) {
    ask();
  } else if (!master_ && on_trouble_) {
    on_trouble_(connected.error());
  }
}

void Sentinel::ask() {
  if (asking_ || !query_->connected()) return;
  asking_ = true;
  query_->command({"SENTINEL", "MASTER", options_.master}, [this](const Result<Reply>& reply) {
    asking_ = false;
    on_answer(reply);
  });
}

void Sentinel::on_answer(const Result<Reply>& reply) {
  if (!reply) return;  // the connection is gone, and the next sentinel is tried
  const std::string_view host = field(*reply, "ip");
  const auto port = number_of<uint16_t>(field(*reply, "port"));
  if (reply->is_error() || host.empty() || !port) {
    if (!master_ && on_trouble_) {
      on_trouble_({"no_master", "a sentinel does not know '" + options_.master + "'", {},
                   "check redis.sentinel_master"});
    }
    suspect();
    return;
  }
  const uint64_t epoch = number_of<uint64_t>(field(*reply, "config-epoch")).value_or(0);
  if (master_ && epoch < epoch_) return;  // it was cut off while the others switched
  epoch_ = epoch;
  take({std::string(host), *port});
}

// "<name> <old ip> <old port> <new ip> <new port>"
void Sentinel::on_message(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (words.size() != 5 || words[0] != options_.master) return;
  const auto port = number_of<uint16_t>(words[4]);
  if (!port) return;
  Place now{std::string(words[3]), *port};
  if (master_ == now) return;  // an answer was faster
  epoch_++;                    // a switch makes a new one; at least this
  take(std::move(now));
}

void Sentinel::take(Place place) {
  if (master_ == place) return;
  master_ = std::move(place);
  on_switch_();
}

}  // namespace flagmesh::redis
