// Reads tests/merkle/vectors.txt, whose grammar is in its head.
#pragma once

#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "merkle/encoding.h"
#include "merkle/hash.h"

namespace flagmesh::merkle {

// "" for the sign of an empty value.
inline std::string vector_bytes(const std::string& field) {
  return field == "\"\"" ? "" : hex_decode(field).value();
}

inline std::vector<std::string> vector_list(const std::string& field) {
  std::vector<std::string> list;
  if (field == "-") return list;
  std::istringstream in(field);
  for (std::string item; std::getline(in, item, ',');) list.push_back(vector_bytes(item));
  return list;
}

// Nothing when an item is not 32 bytes long, as in some negative cases.
inline std::optional<Proof> vector_proof(const std::string& field) {
  Proof proof;
  for (const std::string& bytes : vector_list(field)) {
    Result<Hash> hash = Hash::from_bytes(bytes);
    if (!hash) return std::nullopt;
    proof.push_back(*hash);
  }
  return proof;
}

// The fields of every line of one kind, without the kind.
inline std::vector<std::vector<std::string>> vectors(const std::string& kind) {
  std::vector<std::vector<std::string>> lines;
  std::ifstream file(FLAGMESH_SOURCE_DIR "/tests/merkle/vectors.txt");
  for (std::string line; std::getline(file, line);) {
    std::istringstream in(line);
    std::string field;
    in >> field;
    if (field != kind) continue;
    lines.emplace_back();
    while (in >> field) lines.back().push_back(field);
  }
  return lines;
}

// leaf_hash of "leaf 0", "leaf 1", ...
inline std::vector<Hash> some_leaves(size_t count) {
  std::vector<Hash> leaves;
  for (size_t i = 0; i < count; i++) leaves.push_back(leaf_hash("leaf " + std::to_string(i)));
  return leaves;
}

}  // namespace flagmesh::merkle
