#include "control/redis/router_report.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "control/flags/canonical_json.h"
#include "proxy/base/time.h"

namespace flagmesh::redis {

namespace {

constexpr size_t kHostBytes = 64;
constexpr size_t kRefusalBytes = 300;
constexpr uint64_t kLeaveMs = 300;  // a router that ends waits so long for Redis

std::string host_name() {
  std::array<char, kHostBytes + 1> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "router";
  std::string host(name.data());
  std::ranges::replace_if(
      host,
      [](char c) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
        return !plain;
      },
      '-');
  return host.empty() ? "router" : host;
}

}  // namespace

std::string router_id() {
  return host_name() + "-" + std::to_string(getpid());
}

RouterReporter::RouterReporter(event::Loop& loop, snapshot::Carrier& carrier, std::string tenant,
                               const snapshot::SourceStatus& status)
    : loop_(loop),
      carrier_(carrier),
      tenant_(std::move(tenant)),
      id_(router_id()),
      status_(status),
      timer_([](void* self) { static_cast<RouterReporter*>(self)->on_timer(); }, this) {
  timer_.set(loop_.timers(), mono_ms() + kSpacingMs);
}

void RouterReporter::accepted(uint64_t epoch, uint64_t record_ms) {
  accepted_ = epoch;
  record_ms_ = record_ms;
}

void RouterReporter::enforced(uint64_t epoch) {
  if (epoch == epoch_) return;
  epoch_ = epoch;
  if (epoch == accepted_) lag_ms_ = unix_millis() - static_cast<int64_t>(record_ms_);
  const uint64_t now = mono_ms();
  if (now - said_ >= kSpacingMs) {
    say();
  } else {
    timer_.set(loop_.timers(), said_ + kSpacingMs);
  }
}

void RouterReporter::on_timer() {
  if (leaving_) return left();
  say();
}

void RouterReporter::leave(std::move_only_function<void()> done) {
  leaving_ = true;
  on_left_ = std::move(done);
  if (!carrier_.connected()) return left();
  timer_.set(loop_.timers(), mono_ms() + kLeaveMs);
  carrier_.report(tenant_, id_, {}, [this](const Status&) { left(); });
}

void RouterReporter::left() {
  timer_.cancel();
  if (on_left_) std::exchange(on_left_, {})();
}

void RouterReporter::say() {
  if (leaving_) return;
  said_ = mono_ms();
  timer_.set(loop_.timers(), said_ + kEveryMs);
  if (!carrier_.connected()) return;
  carrier_.report(tenant_, id_, text(), [this](const Status& said) {
    const bool refused = !said && said.error().code == "redis_error";
    if (refused && !std::exchange(refused_, true)) {
      spdlog::info("this router cannot report to `flagmesh status`: {}", said.error().text());
    }
  });
}

std::string RouterReporter::text() const {
  const snapshot::SourceStatus::View view = status_.view();
  flags::JsonValue::Object refused;
  for (const auto& [code, count] : view.refused) {
    refused.push_back({code, static_cast<double>(count)});
  }
  const int64_t now = unix_millis();
  flags::JsonValue::Object object;
  object.push_back({"router", id_});
  object.push_back({"host", host_name()});
  object.push_back({"pid", static_cast<double>(getpid())});
  object.push_back({"at_ms", static_cast<double>(now)});
  object.push_back({"epoch", static_cast<double>(epoch_)});
  object.push_back({"lag_ms", static_cast<double>(lag_ms_)});
  if (newest_ms_ != 0) object.push_back({"age_ms", static_cast<double>(now - newest_ms_)});
  object.push_back({"refused", std::move(refused)});
  object.push_back({"last_refusal", view.last_refusal.substr(0, kRefusalBytes)});
  return flags::canonical_json(flags::JsonValue(std::move(object)));
}

}  // namespace flagmesh::redis
