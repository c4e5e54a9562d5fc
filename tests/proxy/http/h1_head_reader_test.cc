#include "proxy/http/h1_head_reader.h"

#include <gtest/gtest.h>

#include <string>

#include "proxy/http/h1_decoder.h"

namespace flagmesh::http {
namespace {

using Step = H1HeadReader::Step;

struct Read {
  H1HeadReader reader;
  H1Limits limits;
  size_t size = 0;
  uint32_t lines = 0;
  H1Error error = H1Error::kNone;

  Step read(std::string_view text, HeadKind kind = HeadKind::kRequest) {
    LineEnds ends;
    const Step step = reader.read(text, kind, limits, ends, size, error);
    lines = ends.count;
    return step;
  }
};

TEST(H1HeadReader, TellsSizeAndLines) {
  Read r;
  EXPECT_EQ(r.read("GET / HTTP/1.1\r\nA: b\r\n\r\nbody"), Step::kComplete);
  EXPECT_EQ(r.size, 24u);
  EXPECT_EQ(r.lines, 2u);
}

// What came in pieces has all its lines too, and the next head starts afresh.
TEST(H1HeadReader, TellsAllLinesOfWhatCameInPieces) {
  Read r;
  const std::string head = "GET / HTTP/1.1\r\nA: b\r\nC: d\r\n\r\n";
  for (int round = 0; round < 2; ++round) {
    for (size_t cut = 1; cut < head.size(); ++cut)
      ASSERT_EQ(r.read(head.substr(0, cut)), Step::kMore);
    ASSERT_EQ(r.read(head), Step::kComplete);
    EXPECT_EQ(r.lines, 3u);
  }
}

TEST(H1HeadReader, RefusesAsSoonAsItCan) {
  Read line;
  EXPECT_EQ(line.read("GET / HTTP/1.1"), Step::kMore);
  EXPECT_EQ(line.read("GET / HTTP/3.1\r\n"), Step::kError);
  EXPECT_EQ(line.error, H1Error::kUnsupportedVersion);
  Read byte;
  EXPECT_EQ(byte.read("GET / HTTP/1.1\r\nA: \x01"), Step::kError);
  EXPECT_EQ(byte.error, H1Error::kBadHeaderValue);
  Read name;
  EXPECT_EQ(name.read("GET / HTTP/1.1\r\nA\x01"), Step::kError);
  EXPECT_EQ(name.error, H1Error::kBadHeaderName);
  Read status;
  EXPECT_EQ(status.read("HTTP/1.1 2xx\r\n", HeadKind::kResponse), Step::kError);
  EXPECT_EQ(status.error, H1Error::kBadStatusLine);
}

TEST(H1HeadReader, LimitIsExact) {
  for (const size_t over : {0, 1}) {
    Read r;
    r.limits.header_block = 64;
    std::string head = "GET / HTTP/1.1\r\nA: ";
    head += std::string(64 - head.size() - 4 + over, 'b') + "\r\n\r\n";
    EXPECT_EQ(r.read(head), over == 0 ? Step::kComplete : Step::kError);
    if (over != 0) {
      EXPECT_EQ(r.error, H1Error::kHeadersTooLarge);
    }
  }
}

}  // namespace
}  // namespace flagmesh::http
