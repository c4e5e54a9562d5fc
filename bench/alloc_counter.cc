// libbench_alloc_counter.so, for LD_PRELOAD: counts heap allocations by thread into the file that
// FLAGMESH_ALLOC_COUNT names, so that another process can read the counts at any time.
// bench/count_allocations is that process.
//
// The file is an array of kThreads rows of three 64-bit numbers in the machine's byte order: thread
// id, calls that returned memory (malloc, calloc, realloc, the aligned ones), bytes asked for. A
// row with thread id 0 is unused; the last row is shared by all threads above kThreads - 1. A
// thread writes its row with relaxed stores.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
}

namespace {

constexpr size_t kThreads = 1024;

struct Row {
  std::atomic<uint64_t> thread;
  std::atomic<uint64_t> calls;
  std::atomic<uint64_t> bytes;
};

Row* rows = nullptr;
std::atomic<size_t> used{0};
__thread Row* mine __attribute__((tls_model("initial-exec"))) = nullptr;

__attribute__((constructor)) void open_counts() {
  const char* path = getenv("FLAGMESH_ALLOC_COUNT");
  if (path == nullptr) return;
  const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, sizeof(Row) * kThreads) != 0) abort();
  void* memory = mmap(nullptr, sizeof(Row) * kThreads, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) abort();
  close(fd);
  rows = static_cast<Row*>(memory);
}

void count(size_t bytes) {
  if (rows == nullptr) return;
  if (mine == nullptr) {
    const size_t index = used.fetch_add(1, std::memory_order_relaxed);
    mine = &rows[index < kThreads ? index : kThreads - 1];
    mine->thread.store(static_cast<uint64_t>(gettid()), std::memory_order_relaxed);
  }
  mine->calls.store(mine->calls.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  mine->bytes.store(mine->bytes.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
}

}  // namespace

extern "C" {

void* malloc(size_t size) {
  count(size);
  return __libc_malloc(size);
}

void* calloc(size_t number, size_t size) {
  count(number * size);
  return __libc_calloc(number, size);
}

void* realloc(void* old, size_t size) {
  count(size);
  return __libc_realloc(old, size);
}

void* memalign(size_t alignment, size_t size) {
  count(size);
  return __libc_memalign(alignment, size);
}

void* aligned_alloc(size_t alignment, size_t size) {
  return memalign(alignment, size);
}

int posix_memalign(void** result, size_t alignment, size_t size) {
  void* memory = memalign(alignment, size);
  if (memory == nullptr) return ENOMEM;
  *result = memory;
  return 0;
}

}  // extern "C"
