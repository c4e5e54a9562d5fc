// The sessions of one worker or server, whatever they speak: for draining and for limits.
#pragma once

#include <cstddef>

#include "proxy/event/deferred_delete.h"

namespace flagmesh::stream {

// A client's connection; owns itself. It joins and leaves its list itself.
class ListedSession : public event::DeferredDeletable {
 public:
  // Closes it if it is idle; else it says goodbye and closes after what is under way
  // (WorkerContext::draining is set by the caller).
  virtual void close_when_idle() = 0;
  // The same for a client that must not lose a request which is on its way: it gets a moment more
  // to ask.
  virtual void expect_close() = 0;
  // Ends it now, as it is.
  virtual void cut_off() = 0;

 private:
  friend class SessionList;
  ListedSession* next_ = nullptr;
  ListedSession* previous_ = nullptr;
};

// On the worker's thread.
class SessionList {
 public:
  SessionList() = default;
  SessionList(const SessionList&) = delete;
  SessionList& operator=(const SessionList&) = delete;
  ~SessionList();

  void add(ListedSession& session);
  void remove(ListedSession& session);

  size_t size() const { return size_; }
  void close_idle();
  void expect_close();
  void close_all();

 private:
  template <class Each>
  void for_each(Each&& each) {
    for (ListedSession* session = first_; session != nullptr;) {
      ListedSession* next = session->next_;
      each(*session);
      session = next;
    }
  }
  ListedSession* first_ = nullptr;
  size_t size_ = 0;
};

}  // namespace flagmesh::stream
