#include "control/ofrep/bulk.h"

#include <algorithm>
#include <cmath>

#include "control/flags/canonical_json.h"
#include "merkle/hash.h"
#include "proxy/http/tokens.h"

namespace flagmesh::ofrep {

namespace {

constexpr size_t kTagLetters = 32;
constexpr size_t kBytesPerFlag = 96;  // a first guess, so that the result seldom moves

}  // namespace

ListingPtr Listings::of(std::string_view tenant) {
  const std::string version = source_.version(tenant);
  const auto known = newest_.find(tenant);
  if (known != newest_.end() && known->second->version == version) return known->second;
  auto listing = std::make_shared<Listing>();
  listing->version = version;
  source_.for_each(tenant, [&](FlagPtr flag) {
    if (flag->needs_time()) listing->steps.add(flag->time_steps());
    listing->flags.push_back(std::move(flag));
  });
  listing->steps.settle();
  if (const flags::JsonValue* metadata = source_.metadata(tenant)) {
    listing->metadata = std::make_shared<const flags::JsonValue>(*metadata);
  }
  newest_.insert_or_assign(std::string(tenant), listing);
  return listing;
}

std::string entity_tag(const Listing& listing, const Context& context, int64_t unix_seconds,
                       const EvaluateOptions& options) {
  const int64_t time = listing.steps.any_second ? unix_seconds : listing.steps.last(unix_seconds);
  std::string text = listing.version + "\n" + std::to_string(time);
  text.append(options.stale ? "\nstale" : "\n").append(options.explain ? "\nexplain\n" : "\n\n");
  flags::append_canonical_json(context.object(), text);
  return "\"" + merkle::sha256(text).hex().substr(0, kTagLetters) + "\"";
}

bool none_match_has(std::string_view if_none_match, std::string_view tag) {
  http::CommaList list(if_none_match);
  std::string_view item;
  while (list.next(item)) {
    if (item.starts_with("W/")) item.remove_prefix(2);
    if (item == tag || item == "*") return true;
  }
  return false;
}

uint32_t BulkBudget::take(size_t evaluations, MonoMs now_ms) {
  const auto rate = static_cast<double>(rate_);
  if (at_ != 0) left_ = std::min(rate, left_ + static_cast<double>(now_ms - at_) * rate / 1000);
  at_ = now_ms;
  if (left_ <= 0) {
    return static_cast<uint32_t>(std::clamp(std::ceil((1 - left_) / rate), 1.0, 3600.0));
  }
  left_ -= static_cast<double>(std::max<size_t>(evaluations, 1));
  return 0;
}

class BulkJobs::Job final : public event::TurnTask {
 public:
  Job(BulkJobs& jobs, Request request) : jobs_(jobs), request_(std::move(request)) {
    out_.reserve(2 + kBytesPerFlag * request_.listing->flags.size());
    out_.push_back('[');
  }

  // False: there is more to do.
  bool slice() {
    const std::vector<FlagPtr>& flags = request_.listing->flags;
    const size_t end = std::min(flags.size(), next_ + kSlice);
    for (; next_ < end; ++next_) {
      if (next_ != 0) out_.push_back(',');
      append_evaluation(*flags[next_], request_.context, request_.unix_seconds, request_.options,
                        out_);
    }
    return next_ == flags.size();
  }
  void finish() {
    out_.push_back(']');
    request_.done(std::move(out_));
  }

 private:
  void on_turn() override {
    const bool wanted = request_.wanted();
    if (wanted && !slice()) return jobs_.loop_.schedule(*this);
    if (wanted) finish();
    std::erase_if(jobs_.jobs_, [this](const auto& job) { return job.get() == this; });
  }

  BulkJobs& jobs_;
  Request request_;
  std::string out_;
  size_t next_ = 0;
};

BulkJobs::BulkJobs(event::Loop& loop) : loop_(loop) {}
BulkJobs::~BulkJobs() = default;

void BulkJobs::start(Request request) {
  auto job = std::make_unique<Job>(*this, std::move(request));
  if (job->slice()) return job->finish();
  jobs_.push_back(std::move(job));
  loop_.schedule(*jobs_.back());
}

}  // namespace flagmesh::ofrep
