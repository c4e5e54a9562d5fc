#include "proxy/net/tls_memory.h"

#include <malloc.h>
#include <openssl/crypto.h>

#include <cstddef>
#include <cstdlib>
#include <iterator>

namespace flagmesh::net {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)  // g++'s; programs of clang's are fuzz targets, which do not call this

void keep_tls_memory() {}

#else

namespace {

// One size for all that is asked for in that range. Every block is malloc's, so that any thread may free it.
struct Kind {
  size_t above;
  size_t bytes;
  size_t kept;  // by a thread
};
constexpr Kind kKinds[] = {
    {0, 64, 1024},                      // parts of a message that is being written
    {16 * 1024, 16 * 1024 + 512, 16},   // a record with its head and tag: 16,584 bytes to write, 16,712 to read
};

struct Free {
  Free* next;
};

// Trivial, so that it is there before anything of the thread and after it.
struct List {
  Free* first;
  size_t count;
};
thread_local List lists[std::size(kKinds)];

// Gives everything back when its thread ends; what is freed later goes to the heap.
struct Ending {
  bool* over;
  ~Ending() {
    *over = true;
    for (List& list : lists) {
      while (list.first != nullptr) {
        Free* block = list.first;
        list.first = block->next;
        std::free(block);
      }
    }
  }
};
thread_local bool over = false;

void* allocate(size_t bytes, const char*, int) {
  if (bytes == 0) return nullptr;
  for (size_t i = 0; i < std::size(kKinds); ++i) {
    const Kind& kind = kKinds[i];
    if (bytes <= kind.above || bytes > kind.bytes) continue;
    List& list = lists[i];
    if (list.first == nullptr) return std::malloc(kind.bytes);
    Free* block = list.first;
    list.first = block->next;
    --list.count;
    return block;
  }
  return std::malloc(bytes);
}

void release(void* block, const char*, int) {
  if (block == nullptr) return;
  static thread_local Ending ending{&over};
  const size_t usable = malloc_usable_size(block);
  for (size_t i = 0; i < std::size(kKinds); ++i) {
    // Malloc rounds up by less than this: nothing larger is kept for something small.
    constexpr size_t kRounding = 24;
    List& list = lists[i];
    if (usable < kKinds[i].bytes || usable > kKinds[i].bytes + kRounding || list.count >= kKinds[i].kept || over) continue;
    auto* free = static_cast<Free*>(block);
    free->next = list.first;
    list.first = free;
    ++list.count;
    return;
  }
  std::free(block);
}

void* resize(void* block, size_t bytes, const char* file, int line) {
  if (bytes == 0) {
    release(block, file, line);
    return nullptr;
  }
  return std::realloc(block, bytes);
}

}  // namespace

void keep_tls_memory() { (void)CRYPTO_set_mem_functions(allocate, resize, release); }

#endif

}  // namespace flagmesh::net
