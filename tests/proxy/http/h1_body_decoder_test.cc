#include <gtest/gtest.h>

#include <string>

#include "proxy/http/h1_decoder.h"

namespace flagmesh::http {
namespace {

class H1Body : public testing::Test {
 protected:
  H1Event next(std::string_view& input) {
    return decoder_.next(input, data_, arena_, trailers_, limits_, error_);
  }

  BlockPool pool_;
  Arena arena_{pool_};
  H1Limits limits_;
  H1BodyDecoder decoder_;
  HeaderList trailers_;
  std::string_view data_;
  H1Error error_ = H1Error::kNone;
};

TEST_F(H1Body, IsSmall) {
  EXPECT_LE(sizeof(H1BodyDecoder), 32u);
}

TEST_F(H1Body, NoneNeedsNoInput) {
  std::string_view input;
  for (const BodyFraming framing : {BodyFraming{}, BodyFraming{Framing::kLength, 0}}) {
    decoder_.start(framing);
    EXPECT_TRUE(decoder_.in_body());
    EXPECT_EQ(next(input), H1Event::kEnd);
    EXPECT_FALSE(decoder_.in_body());
  }
}

TEST_F(H1Body, DataIsASliceOfTheInput) {
  const std::string_view text = "helloGET";
  std::string_view input = text;
  decoder_.start({Framing::kLength, 5});
  EXPECT_EQ(next(input), H1Event::kData);
  EXPECT_EQ(data_.data(), text.data());
  EXPECT_EQ(data_, "hello");
  EXPECT_EQ(input, "GET");
  EXPECT_EQ(next(input), H1Event::kEnd);
  EXPECT_EQ(input, "GET");
}

TEST_F(H1Body, UntilCloseNeverEndsByItself) {
  std::string_view input = "0\r\n\r\n";
  decoder_.start({Framing::kUntilClose, 0});
  EXPECT_TRUE(decoder_.until_close());
  EXPECT_EQ(next(input), H1Event::kData);
  EXPECT_EQ(data_, "0\r\n\r\n");
  EXPECT_EQ(next(input), H1Event::kNeedMore);
}

TEST_F(H1Body, ChunkBytesAreConsumedAtOnce) {
  decoder_.start({Framing::kChunked, 0});
  for (const char c : std::string_view("0000a;x=\"\\\"\"\r\n")) {
    std::string_view input(&c, 1);
    EXPECT_EQ(next(input), H1Event::kNeedMore);
    EXPECT_TRUE(input.empty());
  }
  std::string_view input = "0123456789";
  EXPECT_EQ(next(input), H1Event::kData);
  EXPECT_EQ(data_, "0123456789");
}

TEST_F(H1Body, TrailersLiveInTheArena) {
  decoder_.start({Framing::kChunked, 0});
  std::string text = "0\r\nDigest: x\r\n\r\nGET";
  std::string_view input = text;
  EXPECT_EQ(next(input), H1Event::kTrailers);
  EXPECT_EQ(input, "GET");
  text.assign(text.size(), '-');
  EXPECT_EQ(trailers_.find("digest")->value, "x");
  EXPECT_EQ(next(input), H1Event::kEnd);
}

TEST_F(H1Body, LimitOfTrailersIsExact) {
  for (const size_t over : {0, 1}) {
    limits_.trailer_block = 32;
    std::string text =
        "0\r\n" + std::string("A: ") + std::string(32 - 3 - 4 + over, 'b') + "\r\n\r\n";
    std::string_view input = text;
    decoder_.start({Framing::kChunked, 0});
    EXPECT_EQ(next(input), over == 0 ? H1Event::kTrailers : H1Event::kError);
    if (over == 0) {
      EXPECT_EQ(next(input), H1Event::kEnd);
    }
  }
  EXPECT_EQ(error_, H1Error::kTrailersTooLarge);
}

}  // namespace
}  // namespace flagmesh::http
