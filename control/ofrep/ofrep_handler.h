// OpenFeature Remote Evaluation Protocol 0.3: the same handler on routers and engines
// (docs/ofrep.md).
//
//   POST …/ofrep/v1/evaluate/flags/{key}   one flag
//   POST …/ofrep/v1/evaluate/flags         all flags, with ETag
//   GET  …/ofrep/v1/events                 the event stream that the response above names
//   GET  …/ofrep/v1/configuration          what providers of earlier versions ask for
//
// `?explain=true` adds the rule and the bucket to the metadata of each result.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/api_tokens.h"
#include "control/config/config.h"
#include "control/ofrep/bulk.h"
#include "control/ofrep/cors.h"
#include "control/ofrep/event_streams.h"
#include "control/ofrep/flag_source.h"
#include "proxy/event/loop.h"
#include "proxy/stream/local_handler.h"

namespace flagmesh::ofrep {

struct OfrepOptions {
  config::OfrepConfig config;
  std::shared_ptr<const config::ApiTokens> tokens;  // null: everybody may ask
};
// Reads the file of tokens, if there is one. Codes of ApiTokens::read.
Result<OfrepOptions> ofrep_options(const config::OfrepConfig& config, const std::string& tokens);

// One per thread, on it; loop and source outlive it.
class OfrepHandler final : public stream::LocalHandler {
 public:
  OfrepHandler(event::Loop& loop, const FlagSource& source, OfrepOptions options);

  void handle(const stream::LocalRequest& request, stream::LocalReply reply) override;
  size_t max_body() const override { return kBodyBytes; }

  // Whether the path is one of OFREP's, whatever stands before it.
  static bool serves(std::string_view path);

  // The source may say something else than before: event streams are told.
  void flags_changed() { streams_.look(); }
  void set_options(OfrepOptions options);
  // Ends the event streams: the process is to end.
  void drain() { streams_.close(); }

 private:
  struct Call;
  void dispatch(Call& call);
  bool allowed(Call& call);
  void evaluate_one(Call& call, std::string_view segment);
  void evaluate_all(Call& call);
  void open_events(Call& call);
  void configuration(Call& call);
  std::string event_streams_json(const Call& call);

  event::Loop& loop_;
  const FlagSource& source_;
  OfrepOptions options_;
  Cors cors_;
  Listings listings_;
  BulkBudget budget_;
  BulkJobs jobs_;
  EventStreams streams_;
};

}  // namespace flagmesh::ofrep
