// How a StateWriter cuts a tenant's entries into chunks. A chunk begins at a key whose hash says so
// (one in 128), so that a change of one flag makes one new chunk and leaves all others as they are,
// wherever flags come and go; and when the chunk before is full.
#include <algorithm>
#include <set>
#include <utility>

#include "control/snapshot/state_writer.h"

namespace flagmesh::snapshot {
namespace {

// FNV-1a, 64 bits, its upper bits mixed once more. Readers need not know it.
bool begins_chunk(std::string_view key) {
  uint64_t hash = 14695981039346656037U;
  for (const char c : key) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211U;
  hash = (hash ^ hash >> 32) * 0x9E3779B97F4A7C15U;
  return hash >> 57 == 0;
}

using Entries = std::map<std::string, StateEntry, std::less<>>;
using Chunks = std::map<std::string, ChunkRef, std::less<>>;

// Replaces chunks by new ones, range by range, and knows which came and went.
class Cutter {
 public:
  Cutter(const Entries& entries, Chunks& chunks) : entries_(entries), chunks_(chunks) {}

  // Cuts the entries around `key` anew, whether it is there or not: from the last beginning before
  // it up to the first one behind it. Keys up to there need not be asked for again.
  void cut_around(const std::string& key) {
    if (done_ && (*done_ == entries_.end() || key < (*done_)->first)) return;
    auto begin = entries_.lower_bound(key);
    while (begin != entries_.begin()) {
      --begin;
      if (begins_chunk(begin->first)) break;
    }
    auto end = entries_.upper_bound(key);
    while (end != entries_.end() && !begins_chunk(end->first)) ++end;
    cut(begin, end);
    done_ = end;
  }

  void cut_all() { cut(entries_.begin(), entries_.end()); }

  // Ends the work. A chunk that went and came again is the same one.
  void finish(std::vector<Publication::Chunk>& fresh, std::vector<merkle::Hash>& stale) {
    for (auto& [hash, bytes] : added_) {
      if (dropped_.erase(hash) == 0) fresh.push_back({hash, std::move(bytes)});
    }
    stale.assign(dropped_.begin(), dropped_.end());
  }

 private:
  void cut(Entries::const_iterator begin, Entries::const_iterator end) {
    drop(begin == entries_.begin() ? chunks_.begin() : chunks_.lower_bound(begin->first),
         end == entries_.end() ? chunks_.end() : chunks_.lower_bound(end->first));
    std::vector<StateEntry> entries;
    size_t bytes = 0;
    for (auto at = begin; at != end; ++at) {
      if (begins_chunk(at->first) || bytes >= published_limits::kChunkFullBytes) {
        add(entries);
        bytes = 0;
      }
      bytes += at->first.size() + at->second.json.size() + merkle::Hash::kSize + 8;
      entries.push_back(at->second);
    }
    add(entries);
  }

  void drop(Chunks::iterator from, Chunks::iterator to) {
    for (auto at = from; at != to; ++at) {
      if (added_.erase(at->second.hash) == 0) dropped_.insert(at->second.hash);
    }
    chunks_.erase(from, to);
  }

  void add(std::vector<StateEntry>& entries) {
    if (entries.empty()) return;
    std::string bytes = encode_chunk(entries);
    const ChunkRef ref{merkle::sha256(bytes), static_cast<uint32_t>(bytes.size())};
    chunks_.insert_or_assign(entries.front().key, ref);
    added_.insert_or_assign(ref.hash, std::move(bytes));
    entries.clear();
  }

  const Entries& entries_;
  Chunks& chunks_;
  std::optional<Entries::const_iterator> done_;  // everything before it was cut
  std::map<merkle::Hash, std::string> added_;
  std::set<merkle::Hash> dropped_;
};

}  // namespace

StateWriter::Rechunked StateWriter::rechunk(const Tenant& tenant) const {
  Rechunked result;
  if (head_known_) result.chunks = tenant.chunks;
  Cutter cutter(tenant.entries, result.chunks);
  if (head_known_ && !tenant.is_new) {
    for (const auto& [key, before] : tenant.before) cutter.cut_around(key);
  } else {
    cutter.cut_all();
  }
  cutter.finish(result.fresh, result.stale);
  return result;
}

std::vector<Publication::Chunk> StateWriter::encode_all(const Tenant& tenant) {
  std::vector<Publication::Chunk> chunks;
  for (auto chunk = tenant.chunks.begin(); chunk != tenant.chunks.end(); ++chunk) {
    const auto next = std::next(chunk);
    const auto end = next == tenant.chunks.end() ? tenant.entries.end()
                                                 : tenant.entries.lower_bound(next->first);
    std::vector<StateEntry> entries;
    for (auto at = tenant.entries.lower_bound(chunk->first); at != end; ++at) {
      entries.push_back(at->second);
    }
    chunks.push_back({chunk->second.hash, encode_chunk(entries)});
  }
  return chunks;
}

}  // namespace flagmesh::snapshot
