#include "proxy/http/h1_scan.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace flagmesh::http {
namespace {

struct Result {
  Scan scan;
  size_t position;
  std::vector<size_t> lines;
  bool operator==(const Result&) const = default;
};

// In memory of exactly that size, for the sanitizer.
Result scan(std::string_view text, size_t from = 0) {
  const std::unique_ptr<char[]> exact(new char[text.size()]);
  std::copy_n(text.data(), text.size(), exact.get());
  LineEnds lines;
  Result result{};
  result.scan = scan_lines({exact.get(), text.size()}, from, lines, result.position);
  for (size_t i = 0; i < lines.count && i < LineEnds::kMax; ++i)
    result.lines.push_back(lines.at[i]);
  return result;
}

// The same, byte by byte.
Result scan_slowly(std::string_view text) {
  Result result{Scan::kMore, text.size(), {}};
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != 0x7f) continue;
    if (c == '\t') continue;
    result.position = i;
    if (c != '\r') return result.scan = Scan::kBad, result;
    if (i + 1 == text.size()) return result;
    if (text[i + 1] != '\n') return result.scan = Scan::kBad, result;
    if (i == 0 || text[i - 1] == '\n') return result.scan = Scan::kEnd, result;
    result.lines.push_back(i);
    result.position = text.size();
    ++i;
  }
  result.position = text.size();
  return result;
}

TEST(H1Scan, Block) {
  EXPECT_EQ(scan("a\r\nb: c\r\n\r\nrest"), (Result{Scan::kEnd, 9, {1, 7}}));
  EXPECT_EQ(scan("\r\n"), (Result{Scan::kEnd, 0, {}}));
  EXPECT_EQ(scan(""), (Result{Scan::kMore, 0, {}}));
  EXPECT_EQ(scan("a\r"), (Result{Scan::kMore, 1, {}}));
  EXPECT_EQ(scan("a\r\n\r"), (Result{Scan::kMore, 3, {1}}));
}

// Each byte in each place of a block, over every alignment to the step of the search.
TEST(H1Scan, EveryByteInEveryPlace) {
  for (size_t size : {1, 2, 15, 16, 17, 31, 33, 47}) {
    for (size_t at = 0; at < size; ++at) {
      for (int c = 0; c < 256; ++c) {
        std::string text(size, 'x');
        text[at] = static_cast<char>(c);
        ASSERT_EQ(scan(text), scan_slowly(text)) << size << " " << at << " " << c;
      }
    }
  }
}

TEST(H1Scan, EveryPairOfLineEndBytesAcrossSteps) {
  constexpr std::string_view kBytes = "\r\n\tx";
  for (size_t at = 10; at < 36; ++at) {
    for (unsigned code = 0; code < 256; ++code) {
      std::string text(40, 'x');
      for (unsigned i = 0; i < 4; ++i) text[at + i] = kBytes[code >> (2 * i) & 3];
      ASSERT_EQ(scan(text), scan_slowly(text)) << at << " " << code;
    }
  }
}

TEST(H1Scan, GoesOnWhereItStopped) {
  const std::string text = "GET / HTTP/1.1\r\nHost: example.org\r\nA: b\r\n\r\n";
  for (size_t cut = 0; cut < text.size(); ++cut) {
    const Result first = scan(text.substr(0, cut));
    ASSERT_EQ(first.scan, Scan::kMore);
    const Result second = scan(text, first.position);
    EXPECT_EQ(second.scan, Scan::kEnd);
    EXPECT_EQ(second.position, text.size() - 2);
    EXPECT_EQ(first.lines.size() + second.lines.size(), 3u) << cut;
  }
}

TEST(H1Scan, MoreLinesThanAreKept) {
  std::string text;
  for (size_t i = 0; i < LineEnds::kMax + 10; ++i) text += "a\r\n";
  text += "\r\n";
  LineEnds lines;
  size_t position = 0;
  EXPECT_EQ(scan_lines(text, 0, lines, position), Scan::kEnd);
  EXPECT_EQ(lines.count, LineEnds::kMax + 10);
}

}  // namespace
}  // namespace flagmesh::http
