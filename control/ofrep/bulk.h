// All flags of a tenant for one context: bounded, in slices between which other requests have their
// turn.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/flags/time_steps.h"
#include "control/ofrep/evaluation.h"
#include "control/ofrep/flag_source.h"
#include "proxy/event/loop.h"

namespace flagmesh::ofrep {

// The flags of one tenant at one moment, in key order.
struct Listing {
  std::string version;
  std::vector<FlagPtr> flags;
  flags::TimeSteps steps;                            // of all of them
  std::shared_ptr<const flags::JsonValue> metadata;  // of the flag set; null: none
};
using ListingPtr = std::shared_ptr<const Listing>;

// The newest listing of each tenant that was asked for. One owner, on its thread.
class Listings {
 public:
  explicit Listings(const FlagSource& source) : source_(source) {}
  ListingPtr of(std::string_view tenant);

 private:
  const FlagSource& source_;
  std::map<std::string, ListingPtr, std::less<>> newest_;
};

// The entity tag of a bulk response (with its quotes): the same while the tenant's flags, the
// context and the last step of time are.
std::string entity_tag(const Listing& listing, const Context& context, int64_t unix_seconds,
                       const EvaluateOptions& options);
// RFC 9110 §13.1.2, weak comparison; "*" matches.
bool none_match_has(std::string_view if_none_match, std::string_view tag);

// How many evaluations bulk requests may cost: so many a second, and as many at once. A request
// that finds anything left is served whole, and the next ones wait for it.
class BulkBudget {
 public:
  explicit BulkBudget(uint64_t a_second) : rate_(a_second), left_(static_cast<double>(a_second)) {}
  // 0: granted; else the seconds after which to try again.
  uint32_t take(size_t evaluations, MonoMs now_ms);

 private:
  uint64_t rate_;
  double left_;
  MonoMs at_ = 0;
};

// The requests under way. One owner, on the loop's thread; the loop outlives it.
class BulkJobs {
 public:
  // Evaluations of one slice.
  static constexpr size_t kSlice = 256;
  // Requests under way at a time.
  static constexpr size_t kJobs = 16;

  explicit BulkJobs(event::Loop& loop);
  BulkJobs(const BulkJobs&) = delete;
  BulkJobs& operator=(const BulkJobs&) = delete;
  ~BulkJobs();

  bool full() const { return jobs_.size() >= kJobs; }
  struct Request {
    ListingPtr listing;
    Context context;
    int64_t unix_seconds = 0;
    EvaluateOptions options;
    std::function<bool()> wanted;                           // false: nobody waits for it any more
    std::move_only_function<void(std::string flags)> done;  // "[…]", once, unless it was not wanted
  };
  // What fits into one slice is done before this returns.
  void start(Request request);

 private:
  class Job;
  event::Loop& loop_;
  std::list<std::unique_ptr<Job>> jobs_;
};

}  // namespace flagmesh::ofrep
