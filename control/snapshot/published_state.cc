#include "control/snapshot/published_state.h"

#include <utility>

#include "control/snapshot/byte_reader.h"
#include "merkle/encoding.h"
#include "merkle/proof.h"

namespace flagmesh::snapshot {
namespace {

namespace limits = published_limits;

constexpr char kDelta = 1;
constexpr char kManifest = 2;
constexpr char kChunk = 3;
constexpr char kCandidateChanges = 4;
constexpr char kCandidateWhole = 5;
constexpr char kWithLock = 2;  // more than the kind without

// The least bytes of an entry, a key that is gone, and a tenant in a candidate.
constexpr size_t kEntryLeast = 2 + 32 + 4;
constexpr size_t kGoneLeast = 2;
constexpr size_t kProofLeast = 32 + 32 + 8 + 8 + 8 + 1;
constexpr size_t kTenantLeast = 2 + kProofLeast + 4 + 4;

void append_u16(std::string& out, size_t value) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value));
}

void append_key(std::string& out, std::string_view key) {
  append_u16(out, key.size());
  out.append(key);
}

std::string read_key(ByteReader& in) {
  const uint16_t size = in.u16();
  if (size > limits::kKeyBytes) in.fail("has a key of " + std::to_string(size) + " bytes");
  return std::string(in.take(size));
}

void append_entry(std::string& out, const StateEntry& entry) {
  append_key(out, entry.key);
  out.append(entry.opening.view());
  merkle::append_u32(out, static_cast<uint32_t>(entry.json.size()));
  out.append(entry.json);
}

StateEntry read_entry(ByteReader& in) {
  StateEntry entry;
  entry.key = read_key(in);
  entry.opening = in.hash();
  const uint32_t size = in.u32();
  if (size > merkle::kLeafJsonBytes) in.fail("has an entry of " + std::to_string(size) + " bytes");
  entry.json = in.take(size);
  return entry;
}

void append_hashes(std::string& out, std::span<const merkle::Hash> hashes) {
  for (const merkle::Hash& hash : hashes) out.append(hash.view());
}

std::vector<merkle::Hash> read_hashes(ByteReader& in, size_t count) {
  std::vector<merkle::Hash> hashes(count);
  for (merkle::Hash& hash : hashes) hash = in.hash();
  return hashes;
}

void append_proof(std::string& out, const TenantProof& proof) {
  out.append(proof.opening.view());
  out.append(proof.root.view());
  merkle::append_u64(out, proof.flags);
  merkle::append_u64(out, proof.index);
  merkle::append_u64(out, proof.tenants);
  out.push_back(static_cast<char>(proof.path.size()));
  append_hashes(out, proof.path);
}

TenantProof read_proof(ByteReader& in) {
  TenantProof proof;
  proof.opening = in.hash();
  proof.root = in.hash();
  proof.flags = in.u64();
  proof.index = in.u64();
  proof.tenants = in.u64();
  if (proof.flags > limits::kEntries) in.fail("has too many flags in a proof");
  if (proof.tenants > limits::kTenants || proof.index >= proof.tenants) {
    in.fail("has a tenant's place outside of the state");
  }
  proof.path = read_hashes(in, in.count(in.u8(), 64, merkle::Hash::kSize, "hashes in a proof"));
  return proof;
}

merkle::EpochRecord read_record(ByteReader& in) {
  const std::string_view bytes = in.take(merkle::kEpochRecordBytes);
  if (bytes.empty()) return {};
  Result<merkle::EpochRecord> record = merkle::EpochRecord::parse(bytes);
  if (!record) {
    in.fail("has a bad epoch record: " + record.error().message);
    return {};
  }
  return *std::move(record);
}

void append_range(std::string& out, const merkle::CompactRange& range) {
  const std::string bytes = range.serialize();
  append_u16(out, bytes.size());
  out.append(bytes);
}

merkle::CompactRange read_range(ByteReader& in) {
  const std::string_view bytes = in.take(in.u16());
  if (!in.ok()) return {};
  Result<merkle::CompactRange> range = merkle::CompactRange::parse(bytes);
  if (!range) {
    in.fail("has a bad compact range: " + range.error().message);
    return {};
  }
  return *std::move(range);
}

void append_log(std::string& out, const LogStep& log) {
  merkle::append_u64(out, log.from);
  append_u16(out, log.skipped.size());
  append_hashes(out, log.skipped);
  out.append(log.record.serialize());
}

LogStep read_log(ByteReader& in) {
  LogStep log;
  log.from = in.u64();
  log.skipped = read_hashes(
      in, in.count(in.u16(), limits::kSkippedEpochs, merkle::Hash::kSize, "skipped epochs"));
  log.record = read_record(in);
  // In this order, so that no sum can overflow.
  if (in.ok() &&
      (log.from >= log.record.epoch || log.record.epoch - log.from != log.skipped.size() + 1)) {
    in.fail("has a log step that does not add up");
  }
  return log;
}

void append_change(std::string& out, const TenantChange& change) {
  append_proof(out, change.proof);
  merkle::append_u32(out, static_cast<uint32_t>(change.changed.size()));
  for (const StateEntry& entry : change.changed) append_entry(out, entry);
  merkle::append_u32(out, static_cast<uint32_t>(change.gone.size()));
  for (const std::string& key : change.gone) append_key(out, key);
}

// Both lists are in order without repetition and have no key in common.
bool in_order(const TenantChange& change) {
  for (size_t i = 1; i < change.changed.size(); i++) {
    if (change.changed[i - 1].key >= change.changed[i].key) return false;
  }
  for (size_t i = 1; i < change.gone.size(); i++) {
    if (change.gone[i - 1] >= change.gone[i]) return false;
  }
  size_t i = 0;
  for (const std::string& key : change.gone) {
    while (i < change.changed.size() && change.changed[i].key < key) i++;
    if (i < change.changed.size() && change.changed[i].key == key) return false;
  }
  return true;
}

TenantChange read_change(ByteReader& in) {
  TenantChange change;
  change.proof = read_proof(in);
  const uint32_t changed = in.count(in.u32(), limits::kEntries + 1, kEntryLeast, "entries");
  change.changed.reserve(changed);
  for (uint32_t i = 0; i < changed && in.ok(); i++) change.changed.push_back(read_entry(in));
  const uint32_t gone = in.count(in.u32(), limits::kEntries + 1, kGoneLeast, "keys that are gone");
  change.gone.reserve(gone);
  for (uint32_t i = 0; i < gone && in.ok(); i++) change.gone.push_back(read_key(in));
  if (in.ok() && !in_order(change)) in.fail("has keys that are not in order");
  return change;
}

void read_tenants(ByteReader& in, std::vector<TenantChange>& tenants) {
  const uint32_t count = in.count(in.u16(), limits::kTenants, kTenantLeast, "tenants");
  tenants.reserve(count);
  for (uint32_t i = 0; i < count && in.ok(); i++) {
    std::string name(in.take(in.u8()));
    if (in.ok() && !merkle::is_tenant_name(name)) in.fail("has a bad tenant name");
    TenantChange change = read_change(in);
    if (!tenants.empty() && tenants.back().tenant >= name) in.fail("has tenants not in order");
    change.tenant = std::move(name);
    tenants.push_back(std::move(change));
  }
}

Status check_size(std::string_view bytes, size_t limit, std::string_view what) {
  if (bytes.size() <= limit) return {};
  return fail("bad_state", "the " + std::string(what) + " has " + std::to_string(bytes.size()) +
                               " bytes; the limit is " + std::to_string(limit));
}

}  // namespace

merkle::Hash StateEntry::leaf() const {
  std::string head;
  head.reserve(1 + merkle::Hash::kSize);
  head.push_back(merkle::kLeafVersion);
  head.append(opening.view());
  return merkle::leaf_hash(head, json);
}

Status TenantProof::verify(std::string_view tenant, const merkle::Hash& state_root) const {
  const merkle::TenantSummary summary{std::string(tenant), flags, root};
  const merkle::Hash leaf = merkle::leaf_hash(merkle::leaf_data(opening, summary.json()));
  return merkle::verify_inclusion(leaf, index, tenants, path, state_root);
}

std::string Delta::encode() const {
  std::string out(1, kDelta);
  append_log(out, log);
  append_change(out, change);
  return out;
}

Result<Delta> Delta::parse(std::string_view bytes, std::string_view tenant) {
  if (Status fits = check_size(bytes, limits::kDeltaBytes, "delta"); !fits) {
    return std::unexpected(fits.error());
  }
  ByteReader in(bytes);
  if (in.u8() != kDelta) in.fail("is of another kind or version");
  Delta delta;
  delta.log = read_log(in);
  delta.change = read_change(in);
  delta.change.tenant = tenant;
  if (Status end = in.end("delta"); !end) return std::unexpected(end.error());
  return delta;
}

std::string Manifest::encode() const {
  std::string out(1, kManifest);
  append_range(out, before);
  out.append(record.serialize());
  append_proof(out, proof);
  merkle::append_u32(out, static_cast<uint32_t>(chunks.size()));
  for (const ChunkRef& chunk : chunks) {
    out.append(chunk.hash.view());
    merkle::append_u32(out, chunk.bytes);
  }
  return out;
}

Result<Manifest> Manifest::parse(std::string_view bytes) {
  if (Status fits = check_size(bytes, limits::kManifestBytes, "manifest"); !fits) {
    return std::unexpected(fits.error());
  }
  ByteReader in(bytes);
  if (in.u8() != kManifest) in.fail("is of another kind or version");
  Manifest manifest;
  manifest.before = read_range(in);
  manifest.record = read_record(in);
  if (in.ok() && manifest.before.size() != manifest.record.epoch - 1) {
    in.fail("has a compact range of another size than its record");
  }
  manifest.proof = read_proof(in);
  const uint32_t count =
      in.count(in.u32(), limits::kManifestBytes, merkle::Hash::kSize + 4, "chunks");
  manifest.chunks.reserve(count);
  size_t total = 0;
  for (uint32_t i = 0; i < count && in.ok(); i++) {
    ChunkRef chunk;
    chunk.hash = in.hash();
    chunk.bytes = in.u32();
    total += chunk.bytes;
    if (chunk.bytes > limits::kChunkBytes) in.fail("has a chunk that is too large");
    if (total > limits::kStateBytes) in.fail("names more state than a router takes");
    manifest.chunks.push_back(chunk);
  }
  if (Status end = in.end("manifest"); !end) return std::unexpected(end.error());
  return manifest;
}

std::string encode_chunk(std::span<const StateEntry> entries) {
  std::string out(1, kChunk);
  merkle::append_u32(out, static_cast<uint32_t>(entries.size()));
  for (const StateEntry& entry : entries) append_entry(out, entry);
  return out;
}

Status parse_chunk(std::string_view bytes, const ChunkRef& ref, std::vector<StateEntry>& out) {
  if (bytes.size() != ref.bytes || merkle::sha256(bytes) != ref.hash) {
    return fail("bad_chunk", "a chunk has other bytes than its name says", ref.hash.hex());
  }
  ByteReader in(bytes);
  if (in.u8() != kChunk) in.fail("is of another kind or version");
  const uint32_t count = in.count(in.u32(), limits::kEntries, kEntryLeast, "entries");
  if (count == 0) in.fail("is empty");
  if (out.size() + count > limits::kEntries + 1) in.fail("makes too many entries");
  for (uint32_t i = 0; i < count && in.ok(); i++) {
    StateEntry entry = read_entry(in);
    if (!out.empty() && out.back().key >= entry.key) in.fail("has keys that are not in order");
    out.push_back(std::move(entry));
  }
  return in.end("chunk");
}

std::string Candidate::encode() const {
  const int kind = (before ? kCandidateWhole : kCandidateChanges) + (lock.empty() ? 0 : kWithLock);
  std::string out(1, static_cast<char>(kind));
  if (before) append_range(out, *before);
  merkle::append_u32(out, static_cast<uint32_t>(note.size()));
  out.append(note);
  append_log(out, log);
  append_u16(out, tenants.size());
  for (const TenantChange& tenant : tenants) {
    out.push_back(static_cast<char>(tenant.tenant.size()));
    out.append(tenant.tenant);
    append_change(out, tenant);
  }
  if (!lock.empty()) {
    merkle::append_u32(out, static_cast<uint32_t>(lock.size()));
    out.append(lock);
  }
  return out;
}

Result<Candidate> Candidate::parse(std::string_view bytes) {
  if (Status fits = check_size(bytes, limits::kDeltaBytes, "candidate"); !fits) {
    return std::unexpected(fits.error());
  }
  ByteReader in(bytes);
  Candidate candidate;
  uint8_t kind = in.u8();
  const bool has_lock = kind > kCandidateWhole;
  if (has_lock) kind = static_cast<uint8_t>(kind - kWithLock);
  if (kind == kCandidateWhole) {
    candidate.before = read_range(in);
  } else if (kind != kCandidateChanges) {
    in.fail("is of another kind or version");
  }
  candidate.note = in.take(in.u32());
  candidate.log = read_log(in);
  if (in.ok() && candidate.before && candidate.before->size() != candidate.log.to() - 1) {
    in.fail("has a compact range of another size than its record");
  }
  read_tenants(in, candidate.tenants);
  if (has_lock) {
    candidate.lock = in.take(in.u32());
    if (in.ok() && candidate.lock.empty()) in.fail("has an empty lock");
  }
  if (Status end = in.end("candidate"); !end) return std::unexpected(end.error());
  return candidate;
}

constexpr std::string_view kRefused = "refused ";
constexpr size_t kRefusalBytes = 400;

std::string refusal_line(const Error& why) {
  return std::string(kRefused) + why.code + ": " + why.text();
}

std::optional<std::string> parse_refusal(std::string_view line) {
  if (!line.starts_with(kRefused)) return std::nullopt;
  std::string text(line.substr(kRefused.size(), kRefusalBytes));
  for (char& c : text) {
    if (static_cast<uint8_t>(c) < 0x20 || static_cast<uint8_t>(c) >= 0x7F) c = ' ';
  }
  return text;
}

}  // namespace flagmesh::snapshot
