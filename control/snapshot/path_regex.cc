#define PCRE2_CODE_UNIT_WIDTH 8
#include "control/snapshot/path_regex.h"

#include <pcre2.h>

#include <array>

namespace flagmesh::snapshot {
namespace {

constexpr uint32_t kHeapKib = 256;

const auto* bytes(std::string_view text) {
  return reinterpret_cast<PCRE2_SPTR>(text.data());
}

struct FreeCompileContext {
  void operator()(pcre2_compile_context* p) const { pcre2_compile_context_free(p); }
};

// What a match needs besides the compiled pattern; one per thread, kept until the thread ends.
struct WorkSpace {
  WorkSpace()
      : data(pcre2_match_data_create(1, nullptr)), context(pcre2_match_context_create(nullptr)) {
    if (context == nullptr) return;
    pcre2_set_match_limit(context, PathRegex::kSteps);
    pcre2_set_depth_limit(context, PathRegex::kSteps);
    pcre2_set_heap_limit(context, kHeapKib);
  }
  ~WorkSpace() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
  }
  WorkSpace(const WorkSpace&) = delete;
  WorkSpace& operator=(const WorkSpace&) = delete;

  pcre2_match_data* data;
  pcre2_match_context* context;
};

std::string message_of(int code) {
  std::array<PCRE2_UCHAR, 160> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

}  // namespace

void PathRegex::Free::operator()(void* code) const noexcept {
  pcre2_code_free(static_cast<pcre2_code*>(code));
}

Result<PathRegex> PathRegex::compile(std::string_view pattern) {
  if (pattern.empty()) return fail("bad_regex", "the regular expression is empty");
  const std::unique_ptr<pcre2_compile_context, FreeCompileContext> context(
      pcre2_compile_context_create(nullptr));
  if (context == nullptr) return fail("bad_regex", "no memory for the regular expression");
  pcre2_set_max_pattern_length(context.get(), kPatternBytes);
  int code = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* compiled = pcre2_compile(bytes(pattern), pattern.size(), PCRE2_DOLLAR_ENDONLY, &code,
                                       &offset, context.get());
  if (compiled == nullptr) {
    return fail("bad_regex", "regular expression, at character " + std::to_string(offset + 1) +
                                 ": " + message_of(code));
  }
  return PathRegex(compiled);
}

bool PathRegex::matches(std::string_view path) const noexcept {
  if (path.size() > kPathBytes) return false;
  thread_local const WorkSpace work;
  if (work.data == nullptr || work.context == nullptr) return false;
  const auto* code = static_cast<const pcre2_code*>(code_.get());
  return pcre2_match(code, bytes(path), path.size(), 0, 0, work.data, work.context) >= 0;
}

}  // namespace flagmesh::snapshot
