// Deletion inside a callback is put off to the end of the loop's turn, when nobody on the stack can still use the object.
#pragma once

#include <memory>
#include <vector>

namespace flagmesh::event {

class DeferredDeletable {
 public:
  virtual ~DeferredDeletable() = default;
};

// Owned by a Loop; used on its thread.
class DeferredDeleter {
 public:
  void push(std::unique_ptr<DeferredDeletable> dead) { dead_.push_back(std::move(dead)); }
  // Deletes what was pushed; what is pushed meanwhile too.
  void drain();

 private:
  std::vector<std::unique_ptr<DeferredDeletable>> dead_;
};

}  // namespace flagmesh::event
