#include "merkle/tlog_proof.h"

#include "merkle/encoding.h"
#include "merkle/proof.h"

namespace flagmesh::merkle {

namespace {

constexpr std::string_view kExtra = "extra ";
constexpr std::string_view kIndex = "index ";
constexpr size_t kMaxPath = 64;

std::unexpected<Error> refuse(std::string why) {
  return fail("bad_tlog_proof", "a log proof " + std::move(why));
}

// The next line without its newline, which is taken too; nothing when the text ends within it.
std::optional<std::string_view> take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  if (end == text.npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

// What follows the word on the next line; nothing when the line does not begin with it.
std::optional<std::string_view> take_after(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return std::nullopt;
  const std::optional<std::string_view> line = take_line(text);
  if (!line) return std::nullopt;
  return line->substr(word.size());
}

}  // namespace

std::string TlogProof::text() const {
  std::string text(kTlogProofLine);
  if (extra) text.append(kExtra).append(base64_encode(*extra)).push_back('\n');
  text.append(kIndex).append(std::to_string(index)).push_back('\n');
  for (const Hash& hash : path) text.append(hash.base64()).push_back('\n');
  return text.append("\n").append(checkpoint.str());
}

Result<TlogProof> TlogProof::parse(std::string_view text) {
  if (text.size() > kTlogProofBytes) return refuse("of more than 256 KiB");
  if (!text.starts_with(kTlogProofLine)) return refuse("with another first line than ours");
  text.remove_prefix(kTlogProofLine.size());
  TlogProof proof;
  if (const auto line = take_after(text, kExtra); line) {
    Result<std::string> extra = base64_decode(*line);
    if (!extra) return refuse("with bad extra data: " + extra.error().message);
    proof.extra = *std::move(extra);
  }
  const auto line_of_index = take_after(text, kIndex);
  if (!line_of_index) return refuse("without an index");
  const Result<uint64_t> index = parse_decimal(*line_of_index);
  if (!index) return refuse("with a bad index: " + index.error().message);
  proof.index = *index;
  for (;;) {
    const std::optional<std::string_view> line = take_line(text);
    if (!line) return refuse("that ends before its checkpoint");
    if (line->empty()) break;
    const Result<Hash> hash = Hash::from_base64(*line);
    if (!hash) return refuse("with a bad hash: " + hash.error().message);
    if (proof.path.size() == kMaxPath) return refuse("of more than 64 hashes");
    proof.path.push_back(*hash);
  }
  Result<Note> checkpoint = Note::parse(text);
  if (!checkpoint) return refuse("without a signed checkpoint: " + checkpoint.error().message);
  proof.checkpoint = *std::move(checkpoint);
  return proof;
}

Result<Checkpoint> TlogProof::check(const Hash& leaf) const {
  Result<Checkpoint> tree = Checkpoint::parse(checkpoint.text);
  if (!tree) return tree;
  if (Status in = verify_inclusion(leaf, index, tree->size, path, tree->root); !in) {
    return std::unexpected(in.error());
  }
  return tree;
}

}  // namespace flagmesh::merkle
