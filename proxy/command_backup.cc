#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "control/config/trust_material.h"
#include "control/redis/backup_read.h"
#include "control/snapshot/backup.h"
#include "proxy/base/durable_file.h"
#include "proxy/base/time.h"
#include "proxy/cli_support.h"
#include "proxy/commands.h"
#include "proxy/event/timer.h"

namespace flagmesh {
namespace {

using snapshot::Backup;
using snapshot::Carrier;
using snapshot::CarrierEvent;
using snapshot::HeadVerifier;
using snapshot::Publication;

struct Arguments {
  std::string config;
  std::string file;
  uint64_t timeout = 30;
};

// A loop with a carrier on it, turned until an answer is there or time is over.
class Session {
 public:
  static Result<std::unique_ptr<Session>> open(const Arguments& arguments,
                                               const config::Config& config) {
    auto loop = event::Loop::create();
    if (!loop) return std::unexpected(loop.error());
    std::unique_ptr<Session> session(new Session(std::move(*loop), arguments.timeout));
    session->carrier_ = cli::redis_carrier(*session->io_, config.redis);
    session->carrier_->start({}, [](CarrierEvent, std::string_view) {});
    const Status connected = session->wait([&] { return session->carrier_->connected(); });
    if (!connected) return std::unexpected(connected.error());
    return session;
  }

  template <class T>
  Result<T> ask(const std::function<void(Carrier&, Carrier::Done<T>)>& call) {
    const auto answer = std::make_shared<std::optional<Result<T>>>();
    loop_->post([this, &call, answer] {
      call(*carrier_, [answer](Result<T> result) { answer->emplace(std::move(result)); });
    });
    if (Status got = wait([&] { return answer->has_value(); }); !got) {
      return std::unexpected(got.error());
    }
    return std::move(**answer);
  }

 private:
  Session(std::unique_ptr<event::Loop> loop, uint64_t seconds)
      : loop_(std::move(loop)),
        io_(std::make_unique<net::IoContext>(*loop_)),
        deadline_(mono_ms() + seconds * 1'000) {}

  Status wait(const std::function<bool()>& done) {
    while (!done()) {
      if (mono_ms() > deadline_) return fail("timed_out", "Redis does not answer in time");
      loop_->run_once(20);
    }
    return {};
  }

  std::unique_ptr<event::Loop> loop_;
  std::unique_ptr<net::IoContext> io_;
  const MonoMs deadline_;
  std::unique_ptr<Carrier> carrier_;
};

Status export_state(const Arguments& arguments, const config::Config& config) {
  auto verifier = HeadVerifier::create(config::trust_rules(config.trust));
  if (!verifier) return std::unexpected(verifier.error());
  auto session = Session::open(arguments, config);
  if (!session) return std::unexpected(session.error());
  auto head = (*session)->ask<std::optional<std::string>>(
      [](Carrier& carrier, auto done) { carrier.read_head(std::move(done)); });
  if (!head) return std::unexpected(head.error());
  if (!*head) return fail("no_head", "nothing is published there", config.redis.text());
  const auto verified = verifier->verify_enough(**head);
  if (!verified) return std::unexpected(verified.error());
  std::unique_ptr<redis::BackupRead> read;
  auto backup = (*session)->ask<Backup>([&](Carrier& carrier, auto done) {
    read = std::make_unique<redis::BackupRead>(carrier, **head, verified->checkpoint,
                                               std::move(done));
  });
  if (!backup) return std::unexpected(backup.error());
  const auto proven = backup->verified(*verifier);
  if (!proven) return std::unexpected(proven.error());
  const std::string bytes = backup->encode();
  if (auto written = write_atomically(arguments.file, bytes); !written) return written;
  printf("epoch %llu, %zu tenant%s, %zu bytes, verified: %s\n",
         static_cast<unsigned long long>(proven->size), backup->tenants.size(),
         backup->tenants.size() == 1 ? "" : "s", bytes.size(), arguments.file.c_str());
  return {};
}

// What is there now, and whether the backup may go over it.
Status check_replaced(const std::string& found, const Publication& backup,
                      const HeadVerifier& verifier) {
  const auto now = verifier.verify_enough(found);
  if (!now || now->checkpoint.size < backup.size) return {};
  const bool same = now->checkpoint.size == backup.size && now->checkpoint.root == backup.root;
  return fail("head_ahead",
              same ? "this state is there already"
                   : "epoch " + std::to_string(now->checkpoint.size) + " is there; the backup is of " +
                         std::to_string(backup.size),
              {}, "routers that saw the newer one refuse an older one");
}

Status restore_state(const Arguments& arguments, const config::Config& config) {
  auto verifier = HeadVerifier::create(config::trust_rules(config.trust));
  if (!verifier) return std::unexpected(verifier.error());
  auto bytes = read_if_exists(arguments.file, size_t{2} * 1024 * 1024 * 1024);
  if (!bytes) return std::unexpected(bytes.error());
  if (!*bytes) return fail("read_failed", "there is no such file", arguments.file);
  const auto backup = Backup::parse(**bytes);
  if (!backup) return std::unexpected(backup.error());
  auto publication = backup->verified(*verifier);
  if (!publication) return std::unexpected(publication.error());
  auto session = Session::open(arguments, config);
  if (!session) return std::unexpected(session.error());
  auto head = (*session)->ask<std::optional<std::string>>(
      [](Carrier& carrier, auto done) { carrier.read_head(std::move(done)); });
  if (!head) return std::unexpected(head.error());
  if (*head) {
    if (auto may = check_replaced(**head, *publication, *verifier); !may) return may;
    publication->replaces_text = **head;
  }
  const uint64_t size = publication->size;
  auto restored = (*session)->ask<void>([&](Carrier& carrier, auto done) {
    carrier.publish(*std::move(publication), std::move(done));
  });
  if (!restored) return std::unexpected(restored.error());
  printf("epoch %llu restored; the engine renews its signature as soon as it runs\n",
         static_cast<unsigned long long>(size));
  return {};
}

int run(const Arguments& arguments, Status (*work)(const Arguments&, const config::Config&)) {
  const std::optional<config::Config> config = cli::load(arguments.config);
  if (!config) return cli::kBadConfig;
  const Status done = work(arguments, *config);
  return done ? cli::kDone : cli::complain(done.error());
}

void add(CLI::App* command, int& exit_code, const char* file_help,
         Status (*work)(const Arguments&, const config::Config&)) {
  auto arguments = std::make_shared<Arguments>();
  command->add_option("-c,--config", arguments->config, "the configuration: trust and redis of it")
      ->required();
  command->add_option("FILE", arguments->file, file_help)->required();
  command->add_option("--timeout", arguments->timeout, "seconds for all of it")
      ->check(CLI::Range(1, 3'600))
      ->capture_default_str();
  command->callback([arguments, &exit_code, work] { exit_code = run(*arguments, work); });
}

}  // namespace

void add_backup_commands(CLI::App& app, int& exit_code) {
  CLI::App* out = app.add_subcommand(
      "export", "Writes the published state into a file: what Redis has of the newest epoch");
  out->footer(
      "Examples:\n"
      "  flagmesh export -c flagmesh.yaml state.backup\n"
      "It is verified before it is written. The file has the flags in clear, and no key.\n"
      "Exit code: 0 done, 1 not there, not proven or unreachable, 2 the configuration has errors.");
  add(out, exit_code, "where to write it", export_state);
  CLI::App* in = app.add_subcommand("restore", "Puts exported state into a Redis that lost it");
  in->footer(
      "Examples:\n"
      "  flagmesh restore -c flagmesh.yaml state.backup\n"
      "For when the engine is away, too: routers can start from it as long as its signatures are\n"
      "younger than trust.max_age. It never goes over a newer epoch. The engine needs none of it.\n"
      "Exit code: 0 done, 1 refused or unreachable, 2 the configuration has errors.");
  add(in, exit_code, "the exported file", restore_state);
}

}  // namespace flagmesh
