// C2SP signed-note: a text and the signatures under it. https://c2sp.org/signed-note,
// https://c2sp.org/tlog-cosignature.
//
//   note      = text LF 1*signature      ; text ends in LF; the last empty line separates
//   signature = %xE2.80.94 SP name SP base64( key-id signature-bytes ) LF     ; U+2014
//   key-id    = SHA-256( name LF type public-key )[0..4]     ; type as in signature_key.h
//
// UTF-8, no control character but LF. Names: not empty, no Unicode space, no "+".
//
// Verification: lines by unknown keys are ignored, one bad signature by a known key refuses the
// note, and so does a note that no known key signed. Free functions and plain values; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "merkle/signature_key.h"
#include "proxy/base/result.h"

namespace flagmesh::merkle {

// Caps of parse: bytes of a note that is a checkpoint or a command, and signature lines of any note
// (C2SP asks for 16 at least). Lock files have a cap of their own.
inline constexpr size_t kNoteBytes = 64 * 1024;
inline constexpr size_t kNoteSignatures = 100;

// One signature line as it was read or made; nothing is said about its validity.
struct NoteSignature {
  std::string name;
  uint32_t key_id = 0;
  std::string bytes;  // what follows the key id: 64 bytes of Ed25519, or timestamp and Ed25519

  bool operator==(const NoteSignature&) const = default;
  // "- name base64\n" with U+2014 for the dash.
  std::string line() const;
};

struct Note {
  std::string text;  // with its final newline
  std::vector<NoteSignature> signatures;

  std::string str() const;
  // Code "bad_note"; the message says why. At least one signature.
  static Result<Note> parse(std::string_view bytes, size_t max_bytes = kNoteBytes);
};

// The text obeys the rules above (UTF-8, no control characters, final newline). Code "bad_note".
Status check_note_text(std::string_view text);

// One signature line, on its own (a witness returns just that). Without or with its LF. Code
// "bad_note".
Result<NoteSignature> parse_signature_line(std::string_view line);

// Signs the text. For type kCosignatureV1 `unix_seconds` is the time that the cosignature states;
// other types ignore it. Code "bad_note" for a text that is not one, "sign_failed".
Result<NoteSignature> sign_text(std::string_view text, const SigningKey& key, int64_t unix_seconds);

// Adds a signature; one by the same name and key id is replaced, so a renewed heartbeat does not
// pile up.
void put_signature(Note& note, NoteSignature signature);

struct VerifiedSignature {
  size_t key = 0;         // index into the keys that were given
  int64_t timestamp = 0;  // seconds since 1970 that a kCosignatureV1 states; else 0. The newest if
                          // the key signed twice
};

// One entry for each key that signed, in the order of `keys`. Codes: "bad_signature" (a known key's
// signature is wrong), "no_known_signature". A signature that is older or newer than the caller
// likes is still verified: freshness is the caller's to judge.
Result<std::vector<VerifiedSignature>> verify_note(const Note& note,
                                                   std::span<const VerifierKey> keys);

}  // namespace flagmesh::merkle
