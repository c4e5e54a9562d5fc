#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include "control/config/trust_material.h"
#include "lockfile/flag_proof.h"
#include "lockfile/lock_file.h"
#include "merkle/note.h"
#include "proxy/base/durable_file.h"
#include "proxy/base/time.h"
#include "proxy/cli_support.h"
#include "proxy/commands.h"
#include "proxy/engine_client.h"

namespace flagmesh {
namespace {

struct ProveArguments {
  std::string flag;
  std::string lock;
  std::string out;
  std::string engine = kDefaultEngine;
};

struct VerifyArguments {
  std::string file;
  std::vector<std::string> keys;
  size_t required = 0;
  std::string config;
  int64_t max_age = 0;
};

// Adds to a lock where it was published, when what is in force is what it locks.
Status prove_lock(const ProveArguments& arguments) {
  const auto text = cli::read_file(arguments.lock);
  if (!text) return std::unexpected(text.error());
  auto file = lockfile::LockFile::parse(*text);
  if (!file) return std::unexpected(file.error());
  const auto trailer = fetch_from_engine(arguments.engine, "/api/v1/published");
  if (!trailer) return std::unexpected(trailer.error());
  auto published = lockfile::Published::parse(*trailer);
  if (!published) return std::unexpected(published.error());
  const auto checkpoint = lockfile::check_published(
      *published, {file->lock.tenant, file->lock.flag_count(), file->lock.tenant_root});
  if (!checkpoint) {
    return fail("not_in_force", "the flags in force are not those of the lock", arguments.lock,
                "publish them first, or lock what is in force");
  }
  const uint64_t epoch = published->record.epoch;
  file->published = *std::move(published);
  if (Status written = write_atomically(arguments.lock, file->text()); !written) return written;
  printf("%s: published as epoch %llu of %s\n", arguments.lock.c_str(),
         static_cast<unsigned long long>(epoch), checkpoint->origin.c_str());
  return {};
}

int run_prove(const ProveArguments& arguments) {
  if (arguments.flag.empty() == arguments.lock.empty()) {
    cli::complain({"bad_arguments", "one thing to prove", {}, "a FLAG, or --lock FILE"});
    return cli::kBadConfig;
  }
  if (!arguments.lock.empty()) {
    const Status done = prove_lock(arguments);
    return done ? cli::kDone : cli::complain(done.error());
  }
  const auto text =
      fetch_from_engine(arguments.engine, "/api/v1/proofs/" + path_segment(arguments.flag));
  if (!text) return cli::complain(text.error());
  if (arguments.out.empty()) {
    fwrite(text->data(), 1, text->size(), stdout);
    return cli::kDone;
  }
  std::ofstream out(arguments.out, std::ios::binary | std::ios::trunc);
  out << *text;
  out.close();
  if (!out) return cli::complain({"write_failed", "the proof cannot be written", arguments.out});
  printf("%s: flag %s, %zu bytes\n", arguments.out.c_str(), arguments.flag.c_str(), text->size());
  return cli::kDone;
}

Result<std::string> read_proof(const std::string& file) {
  if (file != "-") return cli::read_file(file);
  return std::string(std::istreambuf_iterator<char>(std::cin), {});
}

// Who signed, and when the newest of them did, in milliseconds; 0: nobody says.
struct Signatures {
  size_t count = 0;
  int64_t newest_ms = 0;
};

Result<Signatures> check_keys(const VerifyArguments& arguments, const merkle::Note& note) {
  std::vector<merkle::VerifierKey> keys;
  for (const std::string& text : arguments.keys) {
    auto key = merkle::VerifierKey::parse(text);
    if (!key) return std::unexpected(key.error());
    keys.push_back(std::move(*key));
  }
  if (Status distinct = merkle::check_distinct(keys); !distinct) {
    return std::unexpected(distinct.error());
  }
  const size_t given = keys.size();
  const size_t required = arguments.required == 0 ? given : arguments.required;
  // An engine's heartbeat says when, by the same public key: it counts for the time, not as a key
  // more.
  for (size_t i = 0; i < given; ++i) {
    if (keys[i].type() != merkle::SignatureType::kEd25519) continue;
    keys.push_back(keys[i].with_type(merkle::SignatureType::kCosignatureV1));
  }
  const auto verified = merkle::verify_note(note, keys);
  if (!verified) return std::unexpected(verified.error());
  Signatures signatures;
  for (const merkle::VerifiedSignature& signature : *verified) {
    signatures.count += signature.key < given ? 1 : 0;
    signatures.newest_ms = std::max(signatures.newest_ms, signature.timestamp * 1000);
  }
  if (signatures.count < required) {
    return fail("not_enough_signatures", "signed by " + std::to_string(signatures.count) + " of " +
                                             std::to_string(required) + " keys that are required");
  }
  return signatures;
}

Result<Signatures> check_config(const VerifyArguments& arguments, const merkle::Note& note) {
  const auto config = cli::load(arguments.config);
  if (!config) return fail("bad_config", "the configuration has mistakes", arguments.config);
  const auto verifier = snapshot::HeadVerifier::create(config::trust_rules(config->trust));
  if (!verifier) return std::unexpected(verifier.error());
  const auto head = verifier->verify_enough(note.str());
  if (!head) return std::unexpected(head.error());
  return Signatures{size_t{head->engines} + head->validators, head->newest_ms};
}

int refuse(const VerifyArguments& arguments, const Error& why) {
  printf("%s: NOT proven: %s (%s)\n", arguments.file.c_str(), why.text().c_str(), why.code.c_str());
  return cli::kFailed;
}

int run_verify(const VerifyArguments& arguments) {
  if (arguments.keys.empty() == arguments.config.empty()) {
    cli::complain({"bad_arguments",
                   "a proof is worth what its keys are",
                   {},
                   "--keys KEY..., or -c FILE for the keys that a configuration trusts"});
    return cli::kBadConfig;
  }
  const auto text = read_proof(arguments.file);
  if (!text) {
    cli::complain(text.error());
    return cli::kBadConfig;
  }
  const auto proof = lockfile::FlagProof::parse(*text);
  if (!proof) return refuse(arguments, proof.error());
  const auto proven = lockfile::check_flag_proof(*proof);
  if (!proven) return refuse(arguments, proven.error());
  const auto signatures = arguments.config.empty()
                              ? check_keys(arguments, proof->in_log.checkpoint)
                              : check_config(arguments, proof->in_log.checkpoint);
  if (!signatures) return refuse(arguments, signatures.error());
  const int64_t age = unix_seconds() - signatures->newest_ms / 1000;
  if (arguments.max_age > 0 && age > arguments.max_age) {
    return refuse(arguments,
                  {"stale", "the newest signature is " + std::to_string(age) + " s old"});
  }
  printf("flag %s of tenant %s, proven in epoch %llu of %s\n", proven->key.c_str(),
         proven->tenant.c_str(), static_cast<unsigned long long>(proof->record.epoch),
         proven->checkpoint.origin.c_str());
  printf("  published %s, %zu keys signed",
         rfc3339_millis(static_cast<int64_t>(proof->record.time_ms)).c_str(), signatures->count);
  if (signatures->newest_ms != 0) {
    printf(", the newest at %s", rfc3339_millis(signatures->newest_ms).c_str());
  }
  printf("\n%s\n", proof->json.c_str());
  return cli::kDone;
}

void add_prove(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("prove", "Writes one file that proves one flag, and shows no other");
  command->footer(
      "Examples:\n"
      "  flagmesh prove checkout -o checkout.proof\n"
      "  flagmesh prove --lock flags.lock      a router can boot from the lock and its files then\n"
      "  flagmesh prove checkout | flagmesh verify-proof - --keys shop.example.com/flags+1b2c...\n"
      "The file has the flag as it is in force, its opening, both inclusion proofs, the epoch's "
      "record "
      "and a C2SP tlog-proof.\n"
      "Exit code: 0 written, 1 there is no such flag or the engine cannot be reached.");
  auto arguments = std::make_shared<ProveArguments>();
  command->add_option("FLAG", arguments->flag, "key of the flag");
  command->add_option("--lock", arguments->lock,
                      "instead of a flag: a lock, which is told where its flags were published");
  command->add_option("-o,--out", arguments->out, "the file; default: standard output");
  command->add_option("--engine", arguments->engine, "the engine's API")
      ->envname("FLAGMESH_ENGINE")
      ->capture_default_str();
  command->callback([arguments, &exit_code] { exit_code = run_prove(*arguments); });
}

void add_verify(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "verify-proof",
      "Checks a proof of `flagmesh prove`; needs keys, and neither network nor secrets");
  command->footer(
      "Examples:\n"
      "  flagmesh verify-proof checkout.proof --keys shop.example.com/flags+1b2c... "
      "validator.example.com+3d4e...\n"
      "  flagmesh verify-proof checkout.proof -c flagmesh.yaml --max-age 600\n"
      "Exit code: 0 proven, 1 not proven (the code says why), 2 a file cannot be read.");
  auto arguments = std::make_shared<VerifyArguments>();
  command->add_option("FILE", arguments->file, "the proof; -: standard input")->required();
  command->add_option("--keys", arguments->keys, "verifier keys of engine and validators");
  command->add_option("--required", arguments->required,
                      "how many of --keys must have signed; default all");
  command->add_option("-c,--config", arguments->config,
                      "a configuration: its trust section says who must have signed");
  command->add_option("--max-age", arguments->max_age,
                      "seconds that the newest signature may be old; 0: any age");
  command->callback([arguments, &exit_code] { exit_code = run_verify(*arguments); });
}

}  // namespace

void add_prove_commands(CLI::App& app, int& exit_code) {
  add_prove(app, exit_code);
  add_verify(app, exit_code);
}

}  // namespace flagmesh
