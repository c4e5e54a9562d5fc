#include "proxy/event/timer.h"

#include <algorithm>
#include <bit>

namespace flagmesh::event {

void Timer::set(TimerWheel& wheel, MonoMs deadline) {
  deadline_ = std::max<MonoMs>(deadline, 1);
  if (linked_at_ != 0) {
    if (linked_at_ <= deadline_ + TimerWheel::kTickMs) return;  // looked at early enough, moved on then
    unlink();
  }
  wheel.link(*this, deadline_);
}

void Timer::unlink() {
  *previous_ = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  next_ = nullptr;
  previous_ = nullptr;
  linked_at_ = 0;
}

void TimerWheel::link(Timer& timer, MonoMs deadline) {
  // Round up, so that a timer never fires early; at least one tick ahead of the slot that is being emptied.
  const uint64_t wanted = (deadline + kTickMs - 1) / kTickMs;
  const uint64_t tick = std::clamp(wanted, current_tick_ + 1, current_tick_ + kSlots - 1);
  const size_t slot = tick % kSlots;
  timer.linked_at_ = tick * kTickMs;
  timer.next_ = slots_[slot];
  timer.previous_ = &slots_[slot];
  if (timer.next_ != nullptr) timer.next_->previous_ = &timer.next_;
  slots_[slot] = &timer;
  occupied_[slot / 64] |= uint64_t{1} << (slot % 64);
}

Timer* TimerWheel::take_due(MonoMs now) {
  const uint64_t target = now / kTickMs;
  while (true) {
    const size_t slot = current_tick_ % kSlots;
    while (Timer* timer = slots_[slot]) {
      timer->unlink();
      if (timer->deadline_ == 0) continue;
      if (timer->deadline_ > now) {
        link(*timer, timer->deadline_);
        continue;
      }
      timer->deadline_ = 0;
      return timer;
    }
    occupied_[slot / 64] &= ~(uint64_t{1} << (slot % 64));
    if (current_tick_ >= target) return nullptr;
    const MonoMs next = next_wakeup();
    const uint64_t next_tick = next == 0 ? target : next / kTickMs;
    current_tick_ = std::min(target, std::max(next_tick, current_tick_ + 1));
  }
}

MonoMs TimerWheel::next_wakeup() const {
  // From the slot after the current one, once around.
  for (size_t step = 1; step <= kSlots;) {
    const uint64_t tick = current_tick_ + step;
    const size_t slot = tick % kSlots;
    const uint64_t word = occupied_[slot / 64] >> (slot % 64);
    if (word != 0) return (tick + static_cast<uint64_t>(std::countr_zero(word))) * kTickMs;
    step += 64 - slot % 64;
  }
  return 0;
}

}  // namespace flagmesh::event
