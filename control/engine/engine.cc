#include "control/engine/engine.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "control/engine/flag_files.h"
#include "control/flags/canonical_json.h"
#include "control/flags/json_value.h"
#include "control/flags/moved_share.h"
#include "proxy/base/time.h"

namespace flagmesh::engine {
namespace {

Error bad_files(const Diagnostics& diagnostics) {
  std::string text = "the flag files have mistakes";
  for (const Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.severity == Severity::kError) text.append("\n  ").append(diagnostic.text());
  }
  return {"bad_flag_files", std::move(text)};
}

void log_changes(const std::vector<FlagChange>& changes) {
  for (const FlagChange& change : changes) {
    spdlog::info("flag '{}': {} by {}", change.key, change.what, change.author);
  }
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::create(event::Loop& loop,
                                               std::unique_ptr<snapshot::Carrier> carrier,
                                               EngineOptions options) {
  auto verifier = snapshot::HeadVerifier::create(options.trust);
  if (!verifier) return std::unexpected(verifier.error());
  std::unique_ptr<Engine> engine(new Engine(loop, std::move(carrier), std::move(options)));
  if (auto opened = engine->open(std::move(*verifier)); !opened) {
    return std::unexpected(opened.error());
  }
  return engine;
}

Engine::Engine(event::Loop& loop, std::unique_ptr<snapshot::Carrier> carrier, EngineOptions options)
    : loop_(loop),
      options_(std::move(options)),
      carrier_(std::move(carrier)),
      gate_(options_.require_lock, options_.lock_file),
      store_(options_.flags.tenant),
      stop_timer_(&Engine::on_stop_timer, this) {}

Engine::~Engine() = default;

Status Engine::open(snapshot::HeadVerifier verifier) {
  signer_ = std::make_unique<HeadSigner>(std::move(options_.key));
  EpochCycle::Parts parts{
      .loop = loop_,
      .carrier = *carrier_,
      .tenant = options_.flags.tenant,
      .state_dir = options_.state_dir,
      .verifier = verifier,
      .signer = *signer_,
      .secrets = [this](std::string_view tenant) { return options_.secrets.of(tenant); },
      .on_trouble = [this](const Error& error) { on_trouble(error); },
      .on_published =
          [this](uint64_t epoch, uint64_t flags) {
            ++metrics_.publishes;
            last_trouble_.clear();
            spdlog::info("epoch {} published with {} flags", epoch, flags);
            if (gate_.asks()) on_locked_published();
          },
      .on_recorded = [this](const HistoryEntry& entry) { remember(entry); },
      .on_healed =
          [this](const Error& found) {
            ++metrics_.healed;
            spdlog::warn("everything published again: {}", found.text());
          },
      .on_warning = [](const std::string& warning) { spdlog::warn("{}", warning); },
      .on_candidate =
          [this] {
            if (on_candidate_) on_candidate_();
          },
      .may_begin = [this] { return may_begin(); },
      .kills_alone = gate_.asks(),
      .on_recovered =
          [this](const std::vector<snapshot::EntryChange>& entries) { on_recovered(entries); },
      .on_seen = [this](const snapshot::VerifiedHead& head,
                        redis::Publisher::Seen seen) { on_head_seen(head, seen); },
  };
  auto cycle = EpochCycle::open(std::move(parts));
  if (!cycle) return std::unexpected(cycle.error());
  cycle_ = std::move(*cycle);
  heartbeat_ = std::make_unique<Heartbeat>(loop_, *carrier_, cycle_->publisher(), *signer_,
                                           cycle_->verifier());
  standby_ = std::make_unique<Standby>(loop_, heartbeat_interval(options_.trust.max_age_ms),
                                       options_.state_dir + "/standby",
                                       Standby::Calls{.look = [this] { cycle_->publisher().look(); },
                                                      .due = [this] { take_over(); }});
  if (auto restored = standby_->restore(); !restored) return restored;
  if (standing_by()) {
    cycle_->set_passive();
    heartbeat_->set_paused(true);
  }
  return restore();
}

// What the API changed in former runs, then what the files say now, then what that means for the
// epochs.
Status Engine::restore() {
  for (const HistoryEntry& entry : cycle_->take_history()) {
    remember(entry);
    for (const FlagChange& change : entry.changes) {
      if (change.key.empty()) continue;
      if (auto restored = store_.restore(change); !restored) return restored;
    }
    for (const UsedNonce& used : entry.nonces) nonces_.remember(used.nonce, used.expires);
  }
  std::set<std::string> overlaid;
  for (const auto& [key, flag] : store_.flags()) overlaid.insert(key);
  const FlagFiles files = read_files();
  if (has_errors(files.diagnostics)) return std::unexpected(bad_files(files.diagnostics));
  for (const Diagnostic& warning : files.diagnostics) spdlog::warn("{}", warning.text());
  ++metrics_.file_loads;
  std::vector<FlagChange> changes = store_.load(files.set);
  std::erase_if(changes, [&](const FlagChange& change) { return !overlaid.contains(change.key); });
  std::vector<snapshot::EntryChange> state;
  for (const auto& [key, flag] : store_.flags()) {
    state.push_back({store_.tenant(), key, flag.canonical});
  }
  if (!store_.metadata().empty()) state.push_back({store_.tenant(), {}, store_.metadata()});
  started_at_ = cycle_->log().size();
  if (standing_by()) changes.clear();  // of the files: looked at when it takes over
  return cycle_->begin(state, std::move(changes));
}

FlagFiles Engine::read_files() const {
  return read_flag_files(config::flag_files(options_.flags), options_.flags.tenant);
}

Status Engine::start() {
  watcher_ = std::make_unique<FileWatcher>(
      loop_, [this] { return watched_files(); }, [this] { reload_files(); });
  if (auto watching = watcher_->start(); !watching) return watching;
  const std::string said = note();
  if (!said.empty()) spdlog::warn("{}", said);
  snapshot::CarrierTopics topics;
  topics.cosignatures = true;
  topics.commands = options_.commands.policy != CommandPolicy::kOff;
  carrier_->start(topics, [this](snapshot::CarrierEvent event, std::string_view text) {
    on_event(event, text);
  });
  heartbeat_->start();
  return {};
}

void Engine::on_event(snapshot::CarrierEvent event, std::string_view text) {
  if (event == snapshot::CarrierEvent::kCommand) return on_command(text);
  if (event == snapshot::CarrierEvent::kConnected) standby_->set_connected(true);
  if (event == snapshot::CarrierEvent::kDisconnected) standby_->set_connected(false);
  cycle_->on_event(event);
}

void Engine::on_trouble(const Error& error) {
  ++metrics_.publish_failures[error.code];
  if (std::exchange(last_trouble_, error.text()) == error.text()) return;
  spdlog::warn("cannot publish: {}", error.text());
}

void Engine::mark_changed(const std::vector<FlagChange>& changes) {
  for (const FlagChange& change : changes) changed_at_[change.key] = cycle_->log().size() + 1;
  if (on_change_) on_change_();
}

void Engine::change(std::string_view key, const FlagRequest& request, std::string author,
                    Done done) {
  if (auto takes = takes_changes(); !takes) return done(std::unexpected(takes.error()));
  auto changes = apply(key, request, author);
  if (!changes) return done(std::unexpected(changes.error()));
  cycle_->submit(std::move(*changes), {}, std::move(done));
}

Result<std::vector<FlagChange>> Engine::apply(std::string_view key, const FlagRequest& request,
                                              const std::string& author) {
  if (auto free = needs_no_lock(key, request); !free) return std::unexpected(free.error());
  const FlagStore::Flag* flag = store_.find(key);
  std::optional<flags::FlagDefinition> before;
  if (flag != nullptr) before = flag->definition;
  auto changes = store_.apply(key, request, author, !gate_.asks());
  if (!changes) return changes;
  const FlagStore::Flag* after = store_.find(key);
  if (before && after != nullptr && (request.kill || request.enabled)) {
    changes->front().kill = flags::is_kill(*before, after->definition, true);
  }
  if (gate_.asks()) proposed_.reset();
  log_changes(*changes);
  mark_changed(*changes);
  return changes;
}

void Engine::change_all(const std::vector<std::pair<std::string, FlagRequest>>& requests,
                        const std::string& author, Done done) {
  if (auto takes = takes_changes(); !takes) return done(std::unexpected(takes.error()));
  if (gate_.asks()) {
    return done(fail("lock_required", "with require_lock nothing is imported", {},
                     "change the flag files and lock them"));
  }
  FlagStore next = store_;
  std::vector<FlagChange> all;
  for (const auto& [key, request] : requests) {
    const FlagStore::Flag* before = next.find(key);
    const std::string old_form = before == nullptr ? std::string() : before->canonical;
    auto changes = next.apply(key, request, author);
    if (!changes) return done(std::unexpected(changes.error()));
    // Importing what is there already changes nothing, not even who owns it.
    if (changes->size() == 1 && next.find(key)->canonical == old_form) {
      next.restore_flag(store_, key);
      continue;
    }
    std::ranges::move(*changes, std::back_inserter(all));
  }
  store_ = std::move(next);
  log_changes(all);
  mark_changed(all);
  cycle_->submit(std::move(all), {}, std::move(done));
}

void Engine::remember(const HistoryEntry& entry) {
  if (entry.epoch == 0) return;  // repeated with its epoch
  for (const FlagChange& change : entry.changes) {
    changes_.push_back(
        {next_change_++, entry.epoch, entry.time_ms, change.key, change.author, change.what});
    if (changes_.size() > kChanges) changes_.pop_front();
  }
}

void Engine::reload_files() {
  if (stopping_) return;
  if (standing_by()) {
    spdlog::info("flag files changed: they are read when this engine takes over");
    return;
  }
  const std::vector<std::string> paths = config::flag_files(options_.flags);
  if (paths.empty() && !options_.flags.files.empty()) {
    spdlog::error("no flag file is there any more: the flags stay as they are");
    ++metrics_.file_refusals;
    return;
  }
  const FlagFiles files = read_flag_files(paths, options_.flags.tenant);
  for (const Diagnostic& diagnostic : files.diagnostics) {
    spdlog::log(diagnostic.severity == Severity::kError ? spdlog::level::err : spdlog::level::warn,
                "{}", diagnostic.text());
  }
  if (has_errors(files.diagnostics)) {
    ++metrics_.file_refusals;
    spdlog::error("flag files refused whole: the flags stay as they are");
    return;
  }
  ++metrics_.file_loads;
  if (gate_.asks()) return take_files(files.set);
  std::vector<FlagChange> changes = store_.load(files.set);
  if (changes.empty()) return;
  spdlog::info("flag files read: {} flags changed", changes.size());
  mark_changed(changes);
  cycle_->submit(std::move(changes), {}, {});
}

Status Engine::check_base(const Command& command) const {
  if (command.base_epoch == 0) return {};
  const auto changed = changed_at_.find(command.flag);
  const uint64_t at = changed == changed_at_.end() ? started_at_ : changed->second;
  if (at <= command.base_epoch) return {};
  return fail("stale_base",
              "flag '" + command.flag + "' has changed, or may have, since epoch " +
                  std::to_string(command.base_epoch),
              {}, "look at it and sign the command again");
}

void Engine::on_command(std::string_view text) {
  auto command = read_command(text, options_.commands, options_.flags.tenant);
  if (!command) return answer({}, {}, std::unexpected(command.error()));
  Status allowed = nonces_.check(*command, unix_seconds());
  if (standing_by()) {
    // The active one hears it, too, and answers. Here it must not be taken a second time later.
    if (allowed && !command->nonce.empty()) nonces_.remember(command->nonce, command->expires);
    ++metrics_.commands[{"refused", "standby"}];
    return;
  }
  if (auto takes = takes_changes(); allowed) allowed = std::move(takes);
  if (allowed) allowed = check_base(*command);
  if (!allowed) return answer(command->flag, command->nonce, std::unexpected(allowed.error()));
  auto changes = apply(command->flag, command->request, command->author);
  if (!changes) return answer(command->flag, command->nonce, std::unexpected(changes.error()));
  std::vector<UsedNonce> used;
  if (!command->nonce.empty()) {
    nonces_.remember(command->nonce, command->expires);
    used.push_back({command->nonce, command->expires});
  }
  cycle_->submit(std::move(*changes), std::move(used),
                 [this, flag = command->flag, nonce = command->nonce](Result<uint64_t> epoch) {
                   answer(flag, nonce, epoch);
                 });
}

void Engine::answer(const std::string& flag, const std::string& nonce,
                    const Result<uint64_t>& epoch) {
  flags::JsonValue::Object object;
  if (!flag.empty()) object.push_back({"flag", flag});
  if (!nonce.empty()) object.push_back({"nonce", nonce});
  const bool waits = !epoch && epoch.error().code == "not_published_yet";
  if (epoch || waits) {
    ++metrics_.commands[{"accepted", ""}];
    object.push_back({"result", waits ? "accepted" : "published"});
    if (epoch) object.push_back({"epoch", static_cast<double>(*epoch)});
  } else {
    const Error& error = epoch.error();
    ++metrics_.commands[{"refused", error.code}];
    spdlog::warn("command refused ({}): {}", error.code, error.text());
    object.push_back({"result", "refused"});
    object.push_back({"reason", error.code});
    object.push_back({"message", error.text()});
  }
  carrier_->reply(flags::canonical_json(flags::JsonValue(std::move(object))));
}

void Engine::put_cosignature(uint64_t size, const merkle::Hash& root, const std::string& name,
                             std::string line) {
  carrier_->put_cosignature(size, root, name, std::move(line), [](Status) {});
}

Status Engine::takes_changes() const {
  if (stopping_) return fail("stopping", "the engine is stopping");
  if (!standing_by()) return {};
  return fail("standby", "this engine stands by: another one is active; " + standby_->text(), {},
              "send the change to the active engine");
}

std::optional<Error> Engine::not_ready() const {
  if (auto takes = takes_changes(); !takes) return takes.error();
  if (const Error* obstacle = cycle_->obstacle()) return *obstacle;
  if (!carrier_->connected()) return Error{"disconnected", "the carrier cannot be reached"};
  if (cycle_->epoch() == 0) return Error{"no_epoch", "nothing is published yet"};
  return std::nullopt;
}

std::string Engine::metrics() const {
  EngineGauges gauges;
  gauges.epoch = cycle_->epoch();
  gauges.flags = cycle_->state().flags();
  gauges.log_size = cycle_->log().size();
  gauges.heartbeats = heartbeat_->beats();
  gauges.connected = carrier_->connected();
  gauges.standby = standing_by();
  return metrics_text(metrics_, gauges);
}

std::string Engine::note() const {
  std::string note;
  if (options_.commands.policy == CommandPolicy::kUnsigned) {
    note = "redis_commands are unsigned: whoever reaches Redis can change flags";
  }
  if (options_.trust.policy == snapshot::TrustPolicy::kUnsigned) {
    note += note.empty() ? "" : "; ";
    note += "trust.policy is unsigned: heads carry no signature";
  }
  if (lock_refusal_) {
    note += note.empty() ? "" : "; ";
    note += "the flag files are not in force: " + lock_refusal_->text();
  }
  return note;
}

void Engine::stop(MonoMs wait_ms, std::function<void()> done) {
  stopping_ = true;
  on_stopped_ = std::move(done);
  stop_timer_.set(loop_.timers(), loop_.now_ms() + wait_ms);
  cycle_->when_idle([this] {
    stop_timer_.cancel();
    if (on_stopped_) std::exchange(on_stopped_, {})();
  });
}

void Engine::on_stop_timer(void* self) {
  auto& engine = *static_cast<Engine*>(self);
  if (engine.on_stopped_) std::exchange(engine.on_stopped_, {})();
}

}  // namespace flagmesh::engine
