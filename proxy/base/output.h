// What a codec writes into: small pieces are copied, large ones only referenced, and all go out in one writev.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace flagmesh {

// A batch of outgoing bytes for one connection. `append` copies; `borrow` keeps a reference, which must stay valid until the batch
// is flushed (the end of the current event callback; see net/connection.h). Lives in a per-worker free list: its memory is reused and
// after warm-up nothing is allocated.
class Output {
 public:
  // `borrowed`, if any, is set when the batch begins to refer to bytes that are not its own; outlives the batch.
  explicit Output(bool* borrowed = nullptr) : borrowed_(borrowed) {}

  // Pieces shorter than this are copied even when borrowed: cheaper than an iovec entry.
  static constexpr size_t kBorrowBytes = 1024;

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    char* to = reserve(bytes.size());
    memcpy(to, bytes.data(), bytes.size());
    commit(bytes.size());
  }

  // At least `bytes` writable bytes at the end of the copied part; valid until the next call. commit() says how many were written.
  char* reserve(size_t bytes) {
    if (copied_ + bytes > memory_.size()) memory_.resize((copied_ + bytes) * 2);
    return memory_.data() + copied_;
  }
  void commit(size_t bytes) {
    if (!parts_.empty()) commit_part(bytes);
    copied_ += bytes;
    size_ += bytes;
  }

  void borrow(std::string_view bytes) {
    if (bytes.size() < kBorrowBytes) {
      append(bytes);
      return;
    }
    if (parts_.empty() && copied_ != 0) parts_.push_back({nullptr, copied_, 0});
    parts_.push_back({bytes.data(), bytes.size(), 0});
    if (borrowed_ != nullptr) *borrowed_ = true;
    size_ += bytes.size();
  }

  // Fills `iov` with the parts in order, as many as fit; returns how many.
  size_t gather(std::span<iovec> iov) const {
    if (!parts_.empty()) return gather_parts(iov);
    if (copied_ == 0 || iov.empty()) return 0;
    iov[0] = {const_cast<char*>(memory_.data()), copied_};
    return 1;
  }

  // Calls take(string_view) for every byte after the first `skip`, in order.
  template <class Take>
  void rest(size_t skip, Take&& take) const {
    if (parts_.empty()) {
      if (skip < copied_) take(std::string_view(memory_.data() + skip, copied_ - skip));
      return;
    }
    for (const Part& part : parts_) {
      if (skip >= part.size) {
        skip -= part.size;
        continue;
      }
      take(std::string_view(address(part) + skip, part.size - skip));
      skip = 0;
    }
  }

  void clear() {
    parts_.clear();
    copied_ = 0;
    size_ = 0;
  }

 private:
  struct Part {
    const char* borrowed;  // null: in memory_ at `offset`
    size_t size;
    size_t offset;
  };
  void commit_part(size_t bytes);
  size_t gather_parts(std::span<iovec> iov) const;
  const char* address(const Part& part) const {
    return part.borrowed != nullptr ? part.borrowed : memory_.data() + part.offset;
  }

  std::vector<char> memory_ = std::vector<char>(4096);
  std::vector<Part> parts_;  // empty while nothing is borrowed: then all is in memory_
  size_t copied_ = 0;
  size_t size_ = 0;
  bool* borrowed_;
};

}  // namespace flagmesh
