#include "merkle/note.h"

#include <algorithm>
#include <map>
#include <utility>

#include "merkle/encoding.h"

namespace flagmesh::merkle {

namespace {

constexpr std::string_view kLineStart = "\u2014 ";

std::unexpected<Error> refuse(std::string why) {
  return fail("bad_note", "a note " + std::move(why));
}

// What texts and whole notes have in common.
Status check_characters(std::string_view bytes) {
  if (bytes.empty() || bytes.back() != '\n') return refuse("without a final newline");
  if (!is_utf8(bytes)) return refuse("that is not UTF-8");
  for (char c : bytes) {
    if (static_cast<uint8_t>(c) < 0x20 && c != '\n') return refuse("with a control character");
  }
  return {};
}

}  // namespace

std::string NoteSignature::line() const {
  std::string blob;
  append_u32(blob, key_id);
  blob += bytes;
  return std::string(kLineStart) + name + ' ' + base64_encode(blob) + '\n';
}

std::string Note::str() const {
  std::string note = text + '\n';
  for (const NoteSignature& signature : signatures) note += signature.line();
  return note;
}

Status check_note_text(std::string_view text) {
  return check_characters(text);
}

Result<NoteSignature> parse_signature_line(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (!line.starts_with(kLineStart)) return refuse("with a line under it that is no signature");
  line.remove_prefix(kLineStart.size());
  size_t blank = line.find(' ');
  if (blank == std::string_view::npos || !is_key_name(line.substr(0, blank)))
    return refuse("with a signature without a valid key name");
  Result<std::string> blob = base64_decode(line.substr(blank + 1));
  if (!blob || blob->size() < 5) return refuse("with a signature that is not base64 of one");
  NoteSignature signature;
  signature.name = line.substr(0, blank);
  signature.key_id = read_u32(*blob);
  signature.bytes = blob->substr(4);
  return signature;
}

Result<Note> Note::parse(std::string_view bytes, size_t max_bytes) {
  if (bytes.size() > max_bytes)
    return refuse("of more than " + std::to_string(max_bytes) + " bytes");
  if (Status status = check_characters(bytes); !status) return std::unexpected(status.error());
  size_t split = bytes.rfind("\n\n");
  if (split == std::string_view::npos) return refuse("without signatures");
  Note note;
  note.text = bytes.substr(0, split + 1);
  std::string_view lines = bytes.substr(split + 2);
  if (lines.empty()) return refuse("without signatures");
  while (!lines.empty()) {
    if (note.signatures.size() == kNoteSignatures) return refuse("with too many signatures");
    size_t end = lines.find('\n');
    Result<NoteSignature> signature = parse_signature_line(lines.substr(0, end));
    if (!signature) return std::unexpected(signature.error());
    note.signatures.push_back(std::move(*signature));
    lines.remove_prefix(end + 1);
  }
  return note;
}

Result<NoteSignature> sign_text(std::string_view text, const SigningKey& key,
                                int64_t unix_seconds) {
  if (Status status = check_note_text(text); !status) return std::unexpected(status.error());
  Result<std::string> bytes = key.sign(text, unix_seconds);
  if (!bytes) return std::unexpected(bytes.error());
  return NoteSignature{key.verifier().name(), key.verifier().id(), std::move(*bytes)};
}

void put_signature(Note& note, NoteSignature signature) {
  for (NoteSignature& present : note.signatures) {
    if (present.name == signature.name && present.key_id == signature.key_id) {
      present = std::move(signature);
      return;
    }
  }
  note.signatures.push_back(std::move(signature));
}

Result<std::vector<VerifiedSignature>> verify_note(const Note& note,
                                                   std::span<const VerifierKey> keys) {
  std::map<size_t, int64_t> times;  // by index of the key
  for (const NoteSignature& signature : note.signatures) {
    auto key = std::find_if(keys.begin(), keys.end(), [&](const VerifierKey& candidate) {
      return candidate.id() == signature.key_id && candidate.name() == signature.name;
    });
    if (key == keys.end()) continue;
    Result<int64_t> time = key->verify(note.text, signature.bytes);
    if (!time) return std::unexpected(time.error());
    int64_t& newest = times[static_cast<size_t>(key - keys.begin())];
    newest = std::max(newest, *time);
  }
  if (times.empty()) return fail("no_known_signature", "no pinned key signed the note");
  std::vector<VerifiedSignature> verified;
  for (auto [key, time] : times) verified.push_back({key, time});
  return verified;
}

}  // namespace flagmesh::merkle
