#include "proxy/stream/log_line.h"

#include <gtest/gtest.h>

#include <string>

#include "proxy/base/time.h"

namespace flagmesh::stream {
namespace {

std::string escaped(std::string_view text) {
  std::string out(text.size() * kEscapedBytes, '?');
  return out.substr(0, static_cast<size_t>(write_escaped(out.data(), text) - out.data()));
}

// Every byte at every place of a word, with and without neighbours that need an escape.
TEST(LogLine, EscapesEveryByteWhereverItStands) {
  for (int c = 0; c < 256; ++c) {
    const auto byte = static_cast<char>(c);
    std::string want(1, byte);
    char hex[8];
    if (c < 0x20 || c >= 0x7f) {
      snprintf(hex, sizeof hex, "\\u%04x", static_cast<unsigned>(c));
      want = hex;
    } else if (c == '"' || c == '\\') {
      want = std::string("\\") + byte;
    }
    for (size_t before = 0; before < 20; ++before) {
      for (size_t after = 0; after < 9; ++after) {
        EXPECT_EQ(escaped(std::string(before, ' ') + byte + std::string(after, '~')),
                  std::string(before, ' ') + want + std::string(after, '~'))
            << c << " at " << before;
      }
    }
    EXPECT_EQ(escaped(std::string("\0\xff\x80\"", 4) + byte + "\x1f\x7f!#"),
              "\\u0000\\u00ff\\u0080\\\"" + want + "\\u001f\\u007f!#");
  }
}

TEST(LogLine, WritesTimeAsEverywhereElse) {
  LogClock clock;
  for (const int64_t ms : {0LL, 999LL, 1000LL, 1'795'000'000'007LL, 1'795'000'000'090LL, 1'795'000'001'900LL, 1'000LL}) {
    std::string text(LogClock::kBytes, '?');
    clock.write(ms, text.data());
    EXPECT_EQ(text, rfc3339_millis(ms));
  }
}

TEST(LogLine, LeavesOutEmptyTexts) {
  std::string out(200, '?');
  LogClock clock;
  LogLine line(out.data());
  line.time("{\"time\":\"", 5, clock);
  line.text(",\"a\":\"", "");
  line.text(",\"b\":\"", "x\"");
  line.plain(",\"c\":\"", "");
  line.plain(",\"d\":\"", "y");
  line.number(",\"e\":", UINT64_MAX);
  out.resize(static_cast<size_t>(line.end() - out.data()));
  EXPECT_EQ(out, "{\"time\":\"1970-01-01T00:00:00.005Z\",\"b\":\"x\\\"\",\"d\":\"y\",\"e\":18446744073709551615}\n");
}

}  // namespace
}  // namespace flagmesh::stream
