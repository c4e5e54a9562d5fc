// A router takes an epoch that changes one of 100,000 flags: signatures, log, both trees, the flag
// compiled, the journal's step. What the journal takes (one write, one fsync) is shown apart, as
// journal_us: it is the disk's speed.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/sample_flags.h"
#include "control/flags/canonical_flag.h"
#include "control/snapshot/acceptance.h"
#include "control/snapshot/journal.h"
#include "control/snapshot/state_writer.h"
#include "merkle/epoch_log.h"
#include "merkle/note.h"

namespace flagmesh::snapshot {
namespace {

constexpr int kFlags = 100'000;
constexpr int kEpochs = 400;
constexpr int64_t kNow = 1'790'000'000'000;

EntryChange change(int i, int on) {
  return {"default", bench::flag_key(i), flags::canonical_flag(bench::sample_flag(i, on))};
}

// Everything that an engine would have published, made once.
struct Published {
  merkle::SigningKey key =
      *merkle::SigningKey::from_seed("bench/flags", merkle::SignatureType::kEd25519, {});
  StateWriter writer{[](std::string_view tenant) {
    return merkle::TenantSecret::derive(std::string(32, 's'), tenant);
  }};
  merkle::EpochLog log;
  Publication all;
  struct Step {
    std::string head;
    std::string delta;
  };
  std::vector<Step> steps;

  Published() {
    std::vector<EntryChange> flags;
    for (int i = 0; i < kFlags; ++i) flags.push_back(change(i, 25));
    all = publish(flags);
    for (int i = 0; i < kEpochs; ++i) {
      Publication next = publish({change(i * 241 % kFlags, 26 + i % 50)});
      steps.push_back({next.head, next.tenants[0].delta});
    }
  }

  Publication publish(const std::vector<EntryChange>& changes) {
    if (!writer.stage(changes)) std::abort();
    merkle::EpochRecord record;
    record.epoch = log.size() + 1;
    record.time_ms = static_cast<uint64_t>(kNow);
    record.state_root = writer.state_root();
    record.flags = writer.flags();
    if (!log.append(record)) std::abort();
    merkle::Note note{log.checkpoint("bench/flags").text(), {}};
    put_signature(note, *sign_text(note.text, key, 0));
    put_signature(note, *sign_text(note.text, key.with_type(merkle::SignatureType::kCosignatureV1),
                                   kNow / 1000));
    auto publication = writer.publication(log, note.str());
    if (!publication) std::abort();
    writer.commit(log.size());
    return *std::move(publication);
  }
};

Published& published() {
  static Published all;
  return all;
}

// The whole first epoch, as a router reads it.
struct FirstEpoch {
  Manifest manifest = *Manifest::parse(published().all.tenants[0].manifest);
  std::vector<std::string> chunks;

  FirstEpoch() {
    for (const ChunkRef& ref : manifest.chunks) {
      for (const Publication::Chunk& chunk : published().all.tenants[0].chunks) {
        if (chunk.hash == ref.hash) chunks.push_back(chunk.bytes);
      }
    }
  }
};

TrustRules bench_rules() {
  TrustRules rules;
  rules.origin = "bench/flags";
  rules.engine_keys = {published().key.verifier()};
  return rules;
}

bool accept_first(Acceptance& acceptance) {
  const FirstEpoch first;
  const auto head = acceptance.judge(published().all.head, kNow);
  return head && acceptance.accept_full(*head, first.manifest, first.chunks, {});
}

void accept_one_of_100000(benchmark::State& state) {
  using Clock = std::chrono::steady_clock;
  std::string name = (std::filesystem::temp_directory_path() / "bench_XXXXXX").string();
  const std::string folder = mkdtemp(name.data());
  auto journal = Journal::open(folder);
  Clock::duration kept{};
  auto acceptance =
      Acceptance::create(bench_rules(), "default", [&](std::string_view head, const auto& step) {
        const auto before = Clock::now();
        Status written = (*journal)->keep(head, step);
        kept += Clock::now() - before;
        return written;
      });
  if (!accept_first(*acceptance)) state.SkipWithError("the first epoch is refused");
  kept = {};
  size_t i = 0;
  for (auto _ : state) {
    const Clock::duration kept_before = kept;
    const auto begin = Clock::now();
    const Published::Step& step = published().steps[i++];
    auto judged = acceptance->judge(step.head, kNow);
    auto taken = judged ? acceptance->accept_deltas(*judged, {&step.delta, 1})
                        : Result<AcceptedState>(std::unexpected(judged.error()));
    if (!taken) {
      state.SkipWithError(taken.error().text().c_str());
      break;
    }
    const auto all_of_it = Clock::now() - begin;
    state.SetIterationTime(std::chrono::duration<double>(all_of_it - (kept - kept_before)).count());
  }
  state.counters["journal_us"] =
      std::chrono::duration<double, std::micro>(kept).count() / static_cast<double>(i);
  std::filesystem::remove_all(folder);
}
BENCHMARK(accept_one_of_100000)
    ->Iterations(kEpochs)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

void boot_100000_from_journal(benchmark::State& state) {
  std::string name = (std::filesystem::temp_directory_path() / "bench_XXXXXX").string();
  const std::string folder = mkdtemp(name.data());
  auto journal = Journal::open(folder);
  {
    auto writing = Acceptance::create(
        bench_rules(), "default",
        [&](std::string_view head, const auto& step) { return (*journal)->keep(head, step); });
    if (!accept_first(*writing)) state.SkipWithError("the first epoch is refused");
  }
  for (auto _ : state) {
    auto acceptance = Acceptance::create(bench_rules(), "default");
    auto stored = (*journal)->read();
    auto booted = acceptance->restore(**stored, kNow);
    if (!booted || !*booted) state.SkipWithError("the journal is refused");
  }
  std::filesystem::remove_all(folder);
}
BENCHMARK(boot_100000_from_journal)->Iterations(3)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace flagmesh::snapshot

BENCHMARK_MAIN();
