// Timeouts by the ten thousand: a hashed wheel (Varghese and Lauck 1987) with lazy moves, so that pushing a deadline back, which
// every request does, is one store.
#pragma once

#include <array>
#include <cstdint>

#include "proxy/base/time.h"

namespace flagmesh::event {

class TimerWheel;

// One deadline. Owned by whoever waits; destroying it cancels. On the loop's thread.
class Timer {
 public:
  using Callback = void (*)(void* context);

  Timer(Callback callback, void* context) : callback_(callback), context_(context) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { cancel(); }

  // Fires once at or after `deadline` (monotonic ms; up to one wheel tick late), unless set again or cancelled before.
  void set(TimerWheel& wheel, MonoMs deadline);
  void cancel() { deadline_ = 0; if (linked_at_ != 0) unlink(); }
  // Cancels without leaving the wheel: a later set() is one store. For timers that are set and cleared with each request.
  void disarm() { deadline_ = 0; }
  bool armed() const { return deadline_ != 0; }
  MonoMs deadline() const { return deadline_; }

 private:
  friend class TimerWheel;
  void unlink();

  Timer* next_ = nullptr;
  Timer** previous_ = nullptr;  // the pointer that points here
  MonoMs deadline_ = 0;         // 0 = disarmed
  MonoMs linked_at_ = 0;        // when its slot is looked at; 0 = not in the wheel
  Callback callback_;
  void* context_;
};

// Owned by a Loop. Slots of kTickMs; a deadline further away than the wheel is looked at once per turn of the wheel.
class TimerWheel {
 public:
  static constexpr MonoMs kTickMs = 8;
  static constexpr size_t kSlots = 1024;  // 8.2 s

  explicit TimerWheel(MonoMs now) : current_tick_(now / kTickMs) {}

  // Fires what is due at `now`, in slot order. Callbacks may set, cancel and destroy any timer.
  // `after` runs behind each callback.
  template <class After>
  void advance(MonoMs now, After&& after) {
    while (Timer* timer = take_due(now)) {
      timer->callback_(timer->context_);
      after();
    }
  }

  // When advance() is needed next, as a monotonic time; 0 = never. May be earlier than the next real deadline.
  MonoMs next_wakeup() const;

 private:
  friend class Timer;
  void link(Timer& timer, MonoMs deadline);
  // The next timer that is due, taken out of the wheel and disarmed; null when there is none left up to `now`.
  Timer* take_due(MonoMs now);

  uint64_t current_tick_;
  std::array<Timer*, kSlots> slots_{};
  std::array<uint64_t, kSlots / 64> occupied_{};  // a bit per slot that may hold timers
};

}  // namespace flagmesh::event
