#include "control/engine/standby.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/base/durable_file.h"

namespace flagmesh::engine {
namespace {

constexpr MonoMs kHeartbeats = 3;  // of a lease
constexpr std::string_view kContent = "another engine is active\n";

}  // namespace

Standby::Standby(event::Loop& loop, MonoMs heartbeat, std::string file, Calls calls)
    : loop_(loop),
      heartbeat_(heartbeat),
      file_(std::move(file)),
      calls_(std::move(calls)),
      timer_([](void* self) { static_cast<Standby*>(self)->on_timer(); }, this) {}

Status Standby::restore() {
  const auto left = read_if_exists(file_, 1024);
  if (!left) return std::unexpected(left.error());
  if (!*left) return {};
  standing_by_ = true;
  start_lease();
  return {};
}

Status Standby::begin() {
  start_lease();
  if (std::exchange(standing_by_, true)) return {};
  return write_durably(file_, kContent);
}

// Not synced: who wakes up as a standby once too often waits for one lease.
Status Standby::end() {
  standing_by_ = false;
  timer_.cancel();
  if (unlink(file_.c_str()) == 0 || errno == ENOENT) return {};
  return fail("write_failed", std::string("cannot remove it: ") + std::strerror(errno), file_);
}

void Standby::start_lease() {
  const MonoMs now = loop_.now_ms();
  ends_ = now + kHeartbeats * heartbeat_ +
          rng_.below(static_cast<uint32_t>(std::max<MonoMs>(1, heartbeat_ / 2)));
  ticked_ = now;
  timer_.set(loop_.timers(), now + std::max<MonoMs>(1, heartbeat_ / 4));
}

void Standby::seen(const snapshot::VerifiedHead& head) {
  const bool newer = head.engine_ms > newest_ms_ || head.checkpoint.size > size_;
  newest_ms_ = std::max(newest_ms_, head.engine_ms);
  size_ = std::max(size_, head.checkpoint.size);
  if (newer && standing_by_) start_lease();
}

void Standby::set_connected(bool connected) {
  connected_ = connected;
  if (standing_by_) start_lease();
}

void Standby::on_timer() {
  const MonoMs now = loop_.now_ms();
  if (!connected_ || now > ticked_ + heartbeat_) return start_lease();
  ticked_ = now;
  timer_.set(loop_.timers(), now + std::max<MonoMs>(1, heartbeat_ / 4));
  if (now < ends_) return calls_.look();
  ends_ = now + heartbeat_;
  calls_.due();
}

std::string Standby::text() const {
  return "it takes over " + std::to_string(kHeartbeats * heartbeat_ / 1000) +
         " s after the other one's last signature";
}

}  // namespace flagmesh::engine
