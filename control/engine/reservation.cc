#include "control/engine/reservation.h"

#include <utility>

#include "merkle/note.h"

namespace flagmesh::engine {
namespace {

std::string text_of(std::string_view origin, std::string_view size, std::string_view root) {
  std::string text = "flagmesh-reservation/v1\n";
  for (const std::string_view line : {origin, size, root}) text.append(line).append("\n");
  return text;
}

}  // namespace

Result<snapshot::Reservation> make_reservation(const merkle::EpochLog& log,
                                               std::string_view origin, const HeadSigner& signer) {
  snapshot::Reservation reservation;
  reservation.size = log.size();
  reservation.previous_root = log.root_at(log.size() - 1);
  reservation.root = log.root();
  if (!signer.signs()) return reservation;
  auto note = signer.claim(
      text_of(origin, std::to_string(reservation.size), reservation.root.base64()));
  if (!note) return std::unexpected(note.error());
  reservation.note = std::move(*note);
  return reservation;
}

bool is_genuine_reservation(std::string_view value, const snapshot::TrustRules& rules) {
  const size_t line = value.find('\n');
  const size_t space = value.find(' ');
  if (line == value.npos || space > line) return false;
  const auto note = merkle::Note::parse(value.substr(line + 1));
  if (!note) return false;
  const std::string_view size = value.substr(0, space);
  const std::string_view root = value.substr(space + 1, line - space - 1);
  if (note->text != text_of(rules.origin, size, root)) return false;
  return merkle::verify_note(*note, rules.engine_keys).has_value();
}

}  // namespace flagmesh::engine
