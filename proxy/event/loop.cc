#include "proxy/event/loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace flagmesh::event {

namespace {

struct ::event* as_event(std::array<std::byte, 128>& storage) {
  static_assert(sizeof(struct ::event) <= 128);
  return reinterpret_cast<struct ::event*>(storage.data());
}

short events_of(Io::Mode mode) {
  switch (mode) {
    case Io::Mode::kEdge: return static_cast<short>(EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST);
    case Io::Mode::kLevelRead: return static_cast<short>(EV_READ | EV_PERSIST);
    case Io::Mode::kLevelWrite: return static_cast<short>(EV_WRITE | EV_PERSIST);
    case Io::Mode::kLevelReadWrite: break;
  }
  return static_cast<short>(EV_READ | EV_WRITE | EV_PERSIST);
}

}  // namespace

struct Loop::Impl {
  struct SignalWatch {
    struct ::event event;
    std::function<void()> handler;
    Loop* loop;
  };

  event_base* base = nullptr;
  struct ::event wake_event{};
  struct ::event timer_event{};
  MonoMs timer_armed_for = 0;
  int wake_fd = -1;
  std::mutex mutex;
  std::vector<std::move_only_function<void()>> posted;  // guarded by mutex
  std::vector<std::move_only_function<void()>> running;
  std::vector<std::unique_ptr<SignalWatch>> signals;

  ~Impl() {
    if (base == nullptr) return;
    for (auto& watch : signals) event_del(&watch->event);
    if (wake_fd >= 0) {
      event_del(&wake_event);
      close(wake_fd);
    }
    event_del(&timer_event);
    event_base_free(base);
  }
};

// --- Io ----------------------------------------------------------------------------------------------------------------

Status Io::open(Loop& loop, int fd, Mode mode, IoHandler& handler) {
  handler_ = &handler;
  loop_ = &loop;
  const short events = events_of(mode);
  struct ::event* e = as_event(event_);
  if (event_assign(e, loop.impl_->base, fd, events, &Io::dispatch, this) != 0 ||
      event_add(e, nullptr) != 0) {
    return fail("event", "cannot watch descriptor " + std::to_string(fd) + ": " + strerror(errno));
  }
  open_ = true;
  return {};
}

void Io::close() {
  if (!open_) return;
  event_del(as_event(event_));
  open_ = false;
}

void Io::dispatch(int, short what, void* self) {
  Io* io = static_cast<Io*>(self);
  Loop* loop = io->loop_;
  loop->before_callback();
  io->handler_->on_io((what & EV_READ) != 0, (what & EV_WRITE) != 0, (what & EV_CLOSED) != 0);
  loop->after_callback();
}

// --- TurnTask ----------------------------------------------------------------------------------------------------------

TurnTask::~TurnTask() {
  if (scheduled_on_ == nullptr) return;
  TurnTask** at = &scheduled_on_->tasks_;
  while (*at != this) at = &(*at)->next_;
  *at = next_;
  if (next_ == nullptr) scheduled_on_->tasks_end_ = at;
}

void Loop::schedule(TurnTask& task) {
  if (task.scheduled_on_ != nullptr) return;
  task.scheduled_on_ = this;
  task.next_ = nullptr;
  *tasks_end_ = &task;
  tasks_end_ = &task.next_;
}

void Loop::run_turn_tasks() {
  // Only as many as there are now: a task that schedules itself again waits for the next turn. Tasks may destroy each other, so
  // the head is taken anew each time; a count bounds the round.
  size_t round = 0;
  for (TurnTask* task = tasks_; task != nullptr; task = task->next_) ++round;
  for (; round > 0 && tasks_ != nullptr; --round) {
    TurnTask* task = tasks_;
    tasks_ = task->next_;
    if (tasks_ == nullptr) tasks_end_ = &tasks_;
    task->scheduled_on_ = nullptr;
    task->next_ = nullptr;
    task->on_turn();
    after_callback();
  }
}

// --- Loop --------------------------------------------------------------------------------------------------------------

Loop::Loop(std::unique_ptr<Impl> impl) : impl_(std::move(impl)), timers_(mono_ms()) { update_time(); }

Loop::~Loop() {
  // What is destroyed here may post and push more.
  for (std::vector<std::move_only_function<void()>> unrun;; unrun.clear()) {
    deleter_.drain();
    const std::lock_guard lock(impl_->mutex);
    if (impl_->posted.empty()) break;
    unrun.swap(impl_->posted);
  }
}

Result<std::unique_ptr<Loop>> Loop::create() {
  auto impl = std::make_unique<Impl>();
  event_config* config = event_config_new();
  if (config == nullptr) return fail("event", "out of memory");
  event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE);
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  impl->base = event_base_new_with_config(config);
  event_config_free(config);
  if (impl->base == nullptr) {
    return fail("event", "libevent has no edge-triggered method here (epoll is needed)");
  }
  impl->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (impl->wake_fd < 0) return fail("event", std::string("eventfd: ") + strerror(errno));
  std::unique_ptr<Loop> loop(new Loop(std::move(impl)));
  event_assign(&loop->impl_->wake_event, loop->impl_->base, loop->impl_->wake_fd, EV_READ | EV_PERSIST,
               [](int fd, short, void* self) {
                 uint64_t count = 0;
                 while (read(fd, &count, sizeof count) > 0) {
                 }
                 static_cast<Loop*>(self)->run_posted();
               },
               loop.get());
  event_add(&loop->impl_->wake_event, nullptr);
  // It may fire a moment early (libevent's clock is the kernel's coarse one); then it has to be armed again.
  event_assign(&loop->impl_->timer_event, loop->impl_->base, -1, 0,
               [](int, short, void* armed_for) { *static_cast<MonoMs*>(armed_for) = 0; },
               &loop->impl_->timer_armed_for);
  return loop;
}

void Loop::update_time() {
  time_fresh_ = true;
  now_ms_ = mono_ms();
  const int64_t seconds = flagmesh::unix_seconds();
  if (seconds == unix_seconds_) return;
  unix_seconds_ = seconds;
  const std::string text = http_date(seconds);
  memcpy(date_.data(), text.data(), std::min(text.size(), date_.size()));
}

void Loop::turn(int wait_ms) {
  const MonoMs wakeup = timers_.next_wakeup();
  const bool busy = tasks_ != nullptr || wait_ms == 0;
  MonoMs until = wakeup;
  if (wait_ms > 0 && (until == 0 || until > now_ms_ + static_cast<MonoMs>(wait_ms))) {
    until = now_ms_ + static_cast<MonoMs>(wait_ms);
  }
  // The libevent timer is moved only when a wake-up earlier than the armed one is needed.
  if (!busy && until != 0 && (impl_->timer_armed_for == 0 || until < impl_->timer_armed_for)) {
    const MonoMs now = mono_ms();
    const MonoMs delay = until > now ? until - now : 0;
    const timeval after{static_cast<time_t>(delay / 1000), static_cast<suseconds_t>(delay % 1000 * 1000)};
    event_add(&impl_->timer_event, &after);
    impl_->timer_armed_for = until;
  }
  time_fresh_ = false;
  event_base_loop(impl_->base, EVLOOP_ONCE | (busy ? EVLOOP_NONBLOCK : 0));
  update_time();
  timers_.advance(now_ms_, [this] { after_callback(); });
  run_turn_tasks();
  deleter_.drain();
}

void Loop::run() {
  while (!stopping_) turn(-1);
  stopping_ = false;
}

void Loop::run_once(uint32_t max_wait_ms) { turn(static_cast<int>(max_wait_ms)); }

void Loop::stop() {
  post([this] { stopping_ = true; });
}

void Loop::post(std::move_only_function<void()> task) {
  bool wake = false;
  {
    const std::lock_guard lock(impl_->mutex);
    wake = impl_->posted.empty();
    impl_->posted.push_back(std::move(task));
  }
  if (!wake) return;
  const uint64_t one = 1;
  while (write(impl_->wake_fd, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void Loop::run_posted() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->running.swap(impl_->posted);
  }
  update_time();
  for (auto& task : impl_->running) {
    task();
    after_callback();
  }
  impl_->running.clear();
}

Status Loop::on_signal(int signal_number, std::function<void()> handler) {
  auto watch = std::make_unique<Impl::SignalWatch>();
  watch->handler = std::move(handler);
  watch->loop = this;
  event_assign(&watch->event, impl_->base, signal_number, EV_SIGNAL | EV_PERSIST,
               [](int, short, void* self) {
                 auto* w = static_cast<Impl::SignalWatch*>(self);
                 w->loop->before_callback();
                 w->handler();
                 w->loop->after_callback();
               },
               watch.get());
  if (event_add(&watch->event, nullptr) != 0) {
    return fail("event", "cannot watch signal " + std::to_string(signal_number));
  }
  impl_->signals.push_back(std::move(watch));
  return {};
}

}  // namespace flagmesh::event
