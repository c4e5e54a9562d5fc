// Runs a fuzz target without libFuzzer: every corpus file as it is, then some thousand mutations of
// them. Deterministic, so a failure in CI is a failure at the desk. Linked by flagmesh_fuzz()
// (cmake/box.cmake).
//
//   TARGET CORPUS-FOLDER [MUTATIONS]      or      TARGET FILE...
//
// A missing folder counts as a corpus of one empty file. When the target aborts, the input that did
// it is left in ./replay-crash (a sanitizer reports by itself).
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr size_t kDefaultMutations = 5000;
constexpr size_t kMaxInputBytes = 256 * 1024;  // what mutation may grow an input to

std::string_view current_input;  // of the call that is running, for the signal handler

void leave_input(int number) {
  int fd = open("replay-crash", O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd >= 0 && write(fd, current_input.data(), current_input.size()) >= 0) close(fd);
  signal(number, SIG_DFL);
  raise(number);
}

// The input is copied to memory of exactly its size, so that a sanitizer sees a read behind it.
void run(const std::string& input) {
  std::vector<uint8_t> exact(input.begin(), input.end());
  current_input = input;
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

class Mutator {
 public:
  explicit Mutator(const std::vector<std::string>& corpus) : corpus_(corpus) {}

  std::string next() {
    std::string input = corpus_[below(corpus_.size())];
    for (size_t steps = 1 + below(4); steps > 0; steps--) mutate(input);
    if (input.size() > kMaxInputBytes) input.resize(kMaxInputBytes);
    return input;
  }

 private:
  size_t below(size_t limit) { return limit == 0 ? 0 : random_() % limit; }

  char interesting_byte() {
    static constexpr char kText[] = "\0\x01\x7F\x80\xFF\r\n \t\"\\{}[]():,;=+-/%&?#0199aZ_";
    static constexpr std::string_view kBytes(kText, sizeof kText - 1);
    return below(2) ? kBytes[below(kBytes.size())] : static_cast<char>(random_());
  }

  void mutate(std::string& input) {
    size_t at = below(input.size() + 1);
    size_t length = std::min(1 + below(below(4) ? 8 : 256), input.size() - at);
    switch (below(8)) {
      case 0:  // flip a bit
        if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
        return;
      case 1:
        if (at < input.size()) input[at] = interesting_byte();
        return;
      case 2:
        input.insert(at, 1 + below(3), interesting_byte());
        return;
      case 3:
        input.erase(at, length);
        return;
      case 4:  // repeat a piece
        input.insert(below(input.size() + 1), input.substr(at, length));
        return;
      case 5:
        input.resize(at);
        return;
      case 6: {  // put in a piece of another file
        const std::string& other = corpus_[below(corpus_.size())];
        input.insert(at, other.substr(below(other.size() + 1), 1 + below(64)));
        return;
      }
      default: {  // go on as another file does
        const std::string& other = corpus_[below(corpus_.size())];
        input.replace(at, std::string::npos, other.substr(std::min(at, other.size())));
      }
    }
  }

  const std::vector<std::string>& corpus_;
  std::mt19937_64 random_{20261120};
};

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> read_corpus(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> corpus;
  for (const auto& path : paths) corpus.push_back(read_file(path));
  if (corpus.empty()) corpus.emplace_back();
  return corpus;
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGABRT, leave_input);
  signal(SIGSEGV, leave_input);
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s CORPUS-FOLDER [MUTATIONS] | FILE...\n", argv[0]);
    return 2;
  }
  if (std::filesystem::is_regular_file(argv[1])) {
    for (int i = 1; i < argc; i++) run(read_file(argv[i]));
    return 0;
  }
  std::vector<std::string> corpus = read_corpus(argv[1]);
  size_t mutations = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : kDefaultMutations;
  for (const std::string& input : corpus) run(input);
  Mutator mutator(corpus);
  for (size_t i = 0; i < mutations; i++) run(mutator.next());
  std::printf("%zu files, %zu mutations\n", corpus.size(), mutations);
  return 0;
}
