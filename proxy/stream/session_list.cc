#include "proxy/stream/session_list.h"

namespace flagmesh::stream {

SessionList::~SessionList() {
  while (first_ != nullptr) delete first_;  // close_all() came before: none has a stream
}

void SessionList::add(ListedSession& session) {
  session.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &session;
  first_ = &session;
  ++size_;
}

void SessionList::remove(ListedSession& session) {
  (session.previous_ != nullptr ? session.previous_->next_ : first_) = session.next_;
  if (session.next_ != nullptr) session.next_->previous_ = session.previous_;
  --size_;
}

void SessionList::close_idle() {
  for_each([](ListedSession& session) { session.close_when_idle(); });
}

void SessionList::expect_close() {
  for_each([](ListedSession& session) { session.expect_close(); });
}

void SessionList::close_all() {
  for_each([](ListedSession& session) { session.cut_off(); });
}

}  // namespace flagmesh::stream
