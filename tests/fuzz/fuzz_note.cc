// Signed notes, keys and checkpoints: what is accepted is written back byte for byte.
#include <cstdlib>
#include <string_view>

#include "merkle/checkpoint.h"
#include "merkle/note.h"

using namespace flagmesh::merkle;

namespace {

const VerifierKey& known_key() {
  static const VerifierKey kKey =
      VerifierKey::parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
          .value();
  return kKey;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (auto note = Note::parse(input)) {
    if (note->str() != input) std::abort();
    if (!check_note_text(note->text)) std::abort();
    (void)verify_note(*note, std::span(&known_key(), 1));
    if (auto checkpoint = Checkpoint::parse(note->text); checkpoint)
      if (checkpoint->text() != note->text) std::abort();
  }
  if (auto checkpoint = Checkpoint::parse(input); checkpoint)
    if (checkpoint->text() != input) std::abort();
  if (auto line = parse_signature_line(input); line && input.ends_with('\n'))
    if (line->line() != input) std::abort();
  if (auto key = VerifierKey::parse(input); key)
    if (key->text() != input) std::abort();
  (void)SigningKey::parse(input);
  return 0;
}
