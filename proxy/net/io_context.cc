#include "proxy/net/io_context.h"

#include "proxy/net/connection.h"

namespace flagmesh::net {

IoContext::IoContext(event::Loop& loop)
    : loop_(loop), scratch_(new char[limits::kReadScratchBytes]) {
  loop_.set_after_callback([](void* self, bool more) { static_cast<IoContext*>(self)->callback_ended(more); }, this);
}

IoContext::~IoContext() { loop_.set_after_callback(nullptr, nullptr); }

FlushTask::~FlushTask() {
  if (asked_ == nullptr) return;
  FlushTask** at = &asked_->tasks_;
  while (*at != this) at = &(*at)->next_;
  *at = next_;
}

void IoContext::flush() {
  run_tasks();
  write_dirty();
}

void IoContext::run_tasks() {
  while (tasks_ != nullptr) {
    FlushTask* task = tasks_;
    tasks_ = task->next_;
    task->asked_ = nullptr;
    task->before_flush();
  }
}

void IoContext::write_dirty() {
  while (dirty_ != nullptr) {
    Connection* connection = dirty_;
    dirty_ = connection->next_dirty_;
    connection->next_dirty_ = nullptr;
    connection->flush();
  }
  unflushed_ = 0;
  borrowed_ = false;
}

std::unique_ptr<Output> IoContext::take_output() {
  if (outputs_.empty()) return std::make_unique<Output>(&borrowed_);
  std::unique_ptr<Output> output = std::move(outputs_.back());
  outputs_.pop_back();
  return output;
}

void IoContext::give_back(std::unique_ptr<Output> output) {
  output->clear();
  outputs_.push_back(std::move(output));
}

}  // namespace flagmesh::net
