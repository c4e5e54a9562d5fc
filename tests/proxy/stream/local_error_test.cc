#include "proxy/stream/local_error.h"

#include <gtest/gtest.h>

#include "proxy/stream/route_decision.h"

namespace flagmesh::stream {
namespace {

TEST(LocalError, EveryFailureHasAStatusAndAReason) {
  using upstream::Failure;
  struct Row {
    Failure failure;
    int status;
    const char* reason;
  };
  for (const Row& row :
       {Row{Failure::kConnect, 503, "connect_failure"},
        Row{Failure::kConnectTimeout, 504, "connect_timeout"},
        Row{Failure::kOverflow, 503, "too_many_pending"},
        Row{Failure::kStale, 502, "upstream_reset"}, Row{Failure::kReset, 502, "upstream_reset"},
        Row{Failure::kProtocol, 502, "upstream_protocol_error"},
        Row{Failure::kTruncated, 502, "upstream_truncated"}}) {
    const LocalError error = error_for(row.failure);
    EXPECT_EQ(error.status, row.status);
    EXPECT_EQ(error.reason, row.reason);
    EXPECT_EQ(error.retry_after != 0, row.status == 503);
    EXPECT_FALSE(error.close);
  }
}

TEST(LocalError, EveryDenialIs503AndSaysWhy) {
  using upstream::Denial;
  for (const Denial denial :
       {Denial::kUnproven, Denial::kUnhealthy, Denial::kBreakerOpen, Denial::kTooManyRequests}) {
    const LocalError error = error_for(denial);
    EXPECT_EQ(error.status, 503);
    EXPECT_EQ(error.reason, upstream::denial_name(denial));
    EXPECT_EQ(error.retry_after, 1);
  }
}

TEST(LocalError, BadRequestsCloseTheConnection) {
  const LocalError error = error_for(http::H1Error::kBadChunkSize);
  EXPECT_EQ(error.status, 400);
  EXPECT_EQ(error.reason, "bad_chunk_size");
  EXPECT_TRUE(error.close);
}

TEST(LocalError, EveryStatusOfOursHasAPhrase) {
  for (const LocalError& error : {kNoRoute, kRequestTimeout, kBodyTooLarge, kHandlerDropped,
                                  kNoState, kUnprovenState, kOverloaded, kTooManyConnections, kUpstreamTimeout}) {
    EXPECT_NE(reason_phrase(error.status), "Unknown") << error.status;
  }
  for (int error = 1; error <= static_cast<int>(http::H1Error::kTruncated); ++error) {
    EXPECT_NE(reason_phrase(http::status_of(static_cast<http::H1Error>(error))), "Unknown")
        << error;
  }
  EXPECT_EQ(reason_phrase(599), "Unknown");
}

}  // namespace
}  // namespace flagmesh::stream
