#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "control/config/trust_material.h"
#include "control/snapshot/journal.h"
#include "merkle/checkpoint.h"
#include "merkle/note.h"
#include "proxy/cli_support.h"
#include "proxy/commands.h"

namespace flagmesh {
namespace {

// Whether the key is one that the note has a signature line of.
bool signed_by(const merkle::Note& note, const merkle::VerifierKey& key) {
  return std::ranges::any_of(note.signatures, [&](const merkle::NoteSignature& line) {
    return line.name == key.name() && line.key_id == key.id();
  });
}

// A key that the forgotten history does not know: without one nothing was lost that would have to
// be forgotten, and forgetting would only let somebody play old heads.
Status check_new_key(const config::TrustConfig& trust, const merkle::Note& head) {
  const auto is_new = [&](const merkle::VerifierKey& key) {
    return key.type() == merkle::SignatureType::kEd25519 && !signed_by(head, key);
  };
  if (std::ranges::any_of(trust.engine_keys, is_new)) return {};
  return fail(
      "no_new_key", "every engine key of trust.keys has signed the head that is to be forgotten",
      "trust.keys.engine",
      "make a new key with flagmesh keygen and pin it here first; with the same keys there is "
      "nothing to forget");
}

Status reset(const config::Config& config) {
  if (!config.proxy || config.proxy->state_dir.empty()) {
    return fail("no_state_dir",
                "the configuration has no proxy.state_dir: there is nothing to forget",
                config.file);
  }
  const auto journal = snapshot::Journal::open(config.proxy->state_dir);
  if (!journal) return std::unexpected(journal.error());
  const auto stored = (*journal)->read();
  if (!stored) return std::unexpected(stored.error());
  if (!*stored) {
    printf("%s: no journal: there is nothing to forget\n", config.proxy->state_dir.c_str());
    return {};
  }
  const auto head = merkle::Note::parse((*stored)->head);
  if (!head) return std::unexpected(head.error());
  const auto checkpoint = merkle::Checkpoint::parse(head->text);
  if (!checkpoint) return std::unexpected(checkpoint.error());
  if (Status known = check_new_key(config.trust, *head); !known) return known;
  if (Status forgotten = (*journal)->forget(); !forgotten) return forgotten;
  printf("forgotten: log %s at epoch %llu, root %s, signed by", checkpoint->origin.c_str(),
         static_cast<unsigned long long>(checkpoint->size), checkpoint->root.base64().c_str());
  for (const merkle::NoteSignature& line : head->signatures) printf(" %s", line.name.c_str());
  printf(
      "\nand every flag of that epoch: this router serves fallbacks until it has a new state.\n"
      "From now on it takes any log of %s that trust.keys sign, from epoch %llu on "
      "(trust.min_checkpoint),\nalso one that goes back behind what it served. The journal is kept "
      "as %s/journal.forgotten.\n",
      config.trust.origin.c_str(), static_cast<unsigned long long>(config.trust.min_checkpoint),
      config.proxy->state_dir.c_str());
  return {};
}

int run(const std::string& file) {
  const auto config = cli::load(file);
  if (!config) return cli::kBadConfig;
  const Status done = reset(*config);
  return done ? cli::kDone : cli::complain(done.error());
}

}  // namespace

void add_trust_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("trust", "What a router remembers of the log it trusts");
  command->require_subcommand(1);
  CLI::App* forget = command->add_subcommand(
      "reset", "Makes a stopped router forget its log, after the engine's key and log were lost");
  forget->footer(
      "Example:\n"
      "  flagmesh trust reset -c flagmesh.yaml\n"
      "Pin the new engine key in trust.keys.engine first: without a key that the remembered log "
      "does "
      "not know nothing is\nforgotten. Says what it forgets. docs/trust.md has the whole "
      "recovery.\n"
      "Exit code: 0 forgotten, 1 refused, 2 the configuration has mistakes.");
  auto file = std::make_shared<std::string>();
  forget->add_option("-c,--config", *file, "the router's configuration")->required();
  forget->callback([file, &exit_code] { exit_code = run(*file); });
}

}  // namespace flagmesh
