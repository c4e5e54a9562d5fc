#include "merkle/checkpoint.h"

#include "merkle/encoding.h"

namespace flagmesh::merkle {

namespace {

// Takes the text up to the next newline, and the newline. REQUIRES: text ends in one.
std::string_view take_line(std::string_view& text) {
  size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

bool is_line(std::string_view line) {
  if (line.empty()) return false;
  for (char c : line) {
    if (static_cast<uint8_t>(c) < 0x20) return false;
  }
  return true;
}

std::unexpected<Error> refuse(std::string why) {
  return fail("bad_checkpoint", "a checkpoint " + std::move(why));
}

}  // namespace

std::string Checkpoint::text() const {
  std::string text = origin + '\n' + std::to_string(size) + '\n' + root.base64() + '\n';
  for (const std::string& extension : extensions) text += extension + '\n';
  return text;
}

Result<Checkpoint> Checkpoint::parse(std::string_view text) {
  if (!is_utf8(text)) return refuse("that is not UTF-8");
  size_t lines = 0;
  for (char c : text) lines += c == '\n';
  if (lines < 3 || text.back() != '\n') return refuse("of fewer than three whole lines");

  Checkpoint checkpoint;
  checkpoint.origin = take_line(text);
  if (!is_line(checkpoint.origin)) return refuse("without a valid origin line");
  Result<uint64_t> size = parse_decimal(take_line(text));
  if (!size) return refuse("whose second line is no tree size: " + size.error().message);
  checkpoint.size = *size;
  Result<Hash> root = Hash::from_base64(take_line(text));
  if (!root) return refuse("whose third line is no root: " + root.error().message);
  checkpoint.root = *root;
  if (checkpoint.size == 0 && checkpoint.root != empty_root())
    return refuse("of size 0 without the root of the empty tree");
  while (!text.empty()) {
    checkpoint.extensions.emplace_back(take_line(text));
    if (!is_line(checkpoint.extensions.back())) return refuse("with an invalid extension line");
  }
  return checkpoint;
}

}  // namespace flagmesh::merkle
