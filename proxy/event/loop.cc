#include "proxy/event/loop.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>

namespace flagmesh::event {

namespace {

// How long the wall clock is taken to stand still: Date has seconds.
constexpr MonoMs kWallClockMs = 20;

uint32_t events_of(Io::Mode mode) {
  switch (mode) {
    case Io::Mode::kEdge: return EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    case Io::Mode::kLevelRead: return EPOLLIN;
    case Io::Mode::kLevelWrite: return EPOLLOUT;
    case Io::Mode::kLevelReadWrite: break;
  }
  return EPOLLIN | EPOLLOUT;
}

// A signal handler may not do more than write(2): the number goes through a pipe to the loop that watches signals.
std::atomic<int> signal_pipe_in{-1};

void on_process_signal(int number) {
  const int saved = errno;
  const auto byte = static_cast<unsigned char>(number);
  (void)!write(signal_pipe_in.load(std::memory_order_relaxed), &byte, 1);
  errno = saved;
}

}  // namespace

struct Loop::Impl {
  // A descriptor of the loop's own and what to do when it is readable.
  struct Watch final : IoHandler {
    void on_io(bool, bool, bool) override { work(); }
    std::function<void()> work;
    Io io;
  };

  int epoll_fd = -1;
  int wake_fd = -1;
  Watch wake;
  std::mutex mutex;
  std::vector<std::move_only_function<void()>> posted;  // guarded by mutex
  std::vector<std::move_only_function<void()>> running;

  std::array<int, 2> signal_pipe{-1, -1};
  Watch signals;
  std::vector<std::pair<int, std::function<void()>>> signal_handlers;

  ~Impl() {
    if (signal_pipe[1] >= 0) {
      for (const auto& [number, handler] : signal_handlers) signal(number, SIG_DFL);
      signal_pipe_in.store(-1);
    }
    for (const int fd : {signal_pipe[0], signal_pipe[1], wake_fd, epoll_fd}) {
      if (fd >= 0) close(fd);
    }
  }

  void run_signals() {
    std::array<unsigned char, 64> numbers;
    const ssize_t count = read(signal_pipe[0], numbers.data(), numbers.size());
    for (ssize_t i = 0; i < count; ++i) {
      // By index: a handler may add another.
      for (size_t h = 0; h < signal_handlers.size(); ++h) {
        if (signal_handlers[h].first == numbers[static_cast<size_t>(i)]) signal_handlers[h].second();
      }
    }
  }
};

// --- Io ----------------------------------------------------------------------------------------------------------------

Status Io::open(Loop& loop, int fd, Mode mode, IoHandler& handler) {
  epoll_event wanted{};
  wanted.events = events_of(mode);
  wanted.data.ptr = this;
  if (epoll_ctl(loop.impl_->epoll_fd, EPOLL_CTL_ADD, fd, &wanted) != 0) {
    return fail("event", "cannot watch descriptor " + std::to_string(fd) + ": " + strerror(errno));
  }
  handler_ = &handler;
  loop_ = &loop;
  fd_ = fd;
  return {};
}

void Io::close() {
  if (!is_open()) return;
  epoll_ctl(loop_->impl_->epoll_fd, EPOLL_CTL_DEL, fd_, nullptr);
  close_with_descriptor();
}

void Io::close_with_descriptor() {
  if (!is_open()) return;
  loop_->forget(*this);
  fd_ = -1;
}

// --- TurnTask ----------------------------------------------------------------------------------------------------------

TurnTask::~TurnTask() {
  if (scheduled_on_ == nullptr) return;
  Loop& loop = *scheduled_on_;
  if (!Loop::unlink(*this, loop.tasks_, loop.tasks_end_)) Loop::unlink(*this, loop.patient_, loop.patient_end_);
}

void Loop::append(TurnTask& task, TurnTask**& end) {
  task.next_ = nullptr;
  *end = &task;
  end = &task.next_;
}

bool Loop::unlink(TurnTask& task, TurnTask*& first, TurnTask**& end) {
  for (TurnTask** at = &first; *at != nullptr; at = &(*at)->next_) {
    if (*at != &task) continue;
    *at = task.next_;
    if (*at == nullptr) end = at;
    return true;
  }
  return false;
}

void Loop::schedule(TurnTask& task) {
  if (task.scheduled_on_ != nullptr) return;
  task.scheduled_on_ = this;
  append(task, tasks_end_);
}

void Loop::begin_later(TurnTask& task) {
  if (task.scheduled_on_ != nullptr) return;
  task.scheduled_on_ = this;
  append(task, patient_end_);
}

void Loop::run_first(TurnTask*& first, TurnTask**& end, bool more) {
  TurnTask* task = first;
  first = task->next_;
  if (first == nullptr) end = &first;
  task->scheduled_on_ = nullptr;
  task->next_ = nullptr;
  task->on_turn();
  after_callback(more);
}

void Loop::run_turn_tasks() {
  // Only as many as there are now: a task that schedules itself again waits for the next turn. Tasks may destroy each other, so
  // the head is taken anew each time; a count bounds the round.
  size_t round = 0;
  for (TurnTask* task = tasks_; task != nullptr; task = task->next_) ++round;
  for (; round > 0 && tasks_ != nullptr; --round) run_first(tasks_, tasks_end_, false);
}

void Loop::run_patient() {
  const bool any = patient_ != nullptr;
  for (; begun_ < kBeginPerTurn && patient_ != nullptr; ++begun_) run_first(patient_, patient_end_, true);
  if (any) after_callback();
  begun_ = 0;
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
  impl_->wake.io.close();
  impl_->signals.io.close();
}

Result<std::unique_ptr<Loop>> Loop::create() {
  auto impl = std::make_unique<Impl>();
  impl->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (impl->epoll_fd < 0) return fail("event", std::string("epoll_create1: ") + strerror(errno));
  impl->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (impl->wake_fd < 0) return fail("event", std::string("eventfd: ") + strerror(errno));
  std::unique_ptr<Loop> loop(new Loop(std::move(impl)));
  Impl::Watch& wake = loop->impl_->wake;
  wake.work = [self = loop.get()] {
    uint64_t count = 0;
    (void)!read(self->impl_->wake_fd, &count, sizeof count);
    self->run_posted();
  };
  if (Status opened = wake.io.open(*loop, loop->impl_->wake_fd, Io::Mode::kLevelRead, wake); !opened) {
    return std::unexpected(opened.error());
  }
  return loop;
}

void Loop::update_time() {
  now_ms_ = mono_ms();
  if (wall_read_ms_ != 0 && now_ms_ < wall_read_ms_ + kWallClockMs) return;
  wall_read_ms_ = now_ms_;
  const int64_t seconds = flagmesh::unix_seconds();
  if (seconds == unix_seconds_) return;
  unix_seconds_ = seconds;
  write_http_date(seconds, std::span<char, kHttpDateBytes>(date_.data(), kHttpDateBytes));
}

void Loop::turn(int wait_ms) {
  if (tasks_ != nullptr || patient_ != nullptr) {
    wait_ms = 0;
  } else if (const MonoMs wakeup = timers_.next_wakeup(); wakeup != 0 && wait_ms != 0) {
    // By the time of this turn's beginning: later by what the turn took, which is less than a tick of the wheel unless it was busy.
    const int until = wakeup > now_ms_ ? static_cast<int>(std::min<MonoMs>(wakeup - now_ms_, 3'600'000)) : 0;
    if (wait_ms < 0 || until < wait_ms) wait_ms = until;
  }
  batch_size_ = epoll_wait(impl_->epoll_fd, batch_.data(), kBatch, wait_ms);
  update_time();
  dispatch();
  timers_.advance(now_ms_, [this] { after_callback(); });
  run_turn_tasks();
  run_patient();
  deleter_.drain();
}

void Loop::dispatch() {
  for (batch_next_ = 0; batch_next_ < batch_size_;) {
    const epoll_event& event = batch_[static_cast<size_t>(batch_next_++)];
    const uint32_t what = event.events;
    const auto* io = static_cast<const Io*>(event.data.ptr);
    if (io == nullptr) continue;  // forgotten meanwhile
    const bool broken = (what & (EPOLLERR | EPOLLHUP)) != 0;
    io->handler_->on_io(broken || (what & EPOLLIN) != 0, broken || (what & EPOLLOUT) != 0,
                        broken || (what & EPOLLRDHUP) != 0);
    after_callback(true);
  }
  if (batch_size_ > 0) after_callback();
  batch_size_ = batch_next_ = 0;
}

void Loop::forget(const Io& io) {
  for (int i = batch_next_; i < batch_size_; ++i) {
    epoll_event& event = batch_[static_cast<size_t>(i)];
    if (event.data.ptr == &io) event.data.ptr = nullptr;
  }
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
  after_callback();  // what other descriptors' callbacks left
  for (auto& task : impl_->running) {
    task();
    after_callback();
  }
  impl_->running.clear();
}

Status Loop::on_signal(int signal_number, std::function<void()> handler) {
  if (impl_->signal_pipe[0] < 0) {
    if (pipe2(impl_->signal_pipe.data(), O_NONBLOCK | O_CLOEXEC) != 0) {
      return fail("event", std::string("pipe: ") + strerror(errno));
    }
    impl_->signals.work = [impl = impl_.get()] { impl->run_signals(); };
    if (Status opened = impl_->signals.io.open(*this, impl_->signal_pipe[0], Io::Mode::kLevelRead, impl_->signals);
        !opened) {
      return opened;
    }
    signal_pipe_in.store(impl_->signal_pipe[1]);
  }
  struct sigaction action {};
  action.sa_handler = on_process_signal;
  action.sa_flags = SA_RESTART;
  if (sigaction(signal_number, &action, nullptr) != 0) {
    return fail("event", "cannot watch signal " + std::to_string(signal_number));
  }
  impl_->signal_handlers.emplace_back(signal_number, std::move(handler));
  return {};
}

}  // namespace flagmesh::event
