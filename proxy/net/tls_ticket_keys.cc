#include "proxy/net/tls_ticket_keys.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <cstdlib>
#include <cstring>

namespace flagmesh::net {

namespace {

constexpr std::string_view kMagic = "FTK1";
constexpr size_t kKeyBytes = 88;

void fill(std::array<uint8_t, 32>& bytes) {
  if (RAND_priv_bytes(bytes.data(), bytes.size()) != 1) abort();  // without randomness nothing here is safe
}

TicketKeys::Key new_key(int64_t now) {
  TicketKeys::Key key;
  if (RAND_bytes(key.name.data(), key.name.size()) != 1) abort();
  fill(key.aes);
  fill(key.hmac);
  key.made = now;
  return key;
}

template <size_t N>
void append(std::string& to, const std::array<uint8_t, N>& bytes) {
  to.append(reinterpret_cast<const char*>(bytes.data()), N);
}

template <size_t N>
void take(std::string_view& from, std::array<uint8_t, N>& bytes) {
  memcpy(bytes.data(), from.data(), N);
  from.remove_prefix(N);
}

}  // namespace

TicketKeys::TicketKeys(int64_t now) { keys_.push_back(new_key(now)); }

TicketKeys::~TicketKeys() { OPENSSL_cleanse(keys_.data(), keys_.size() * sizeof(Key)); }

void TicketKeys::rotate(int64_t now) {
  const std::lock_guard lock(mutex_);
  // A clock that was set back must not make a key live longer.
  if (now - keys_.front().made >= kRotateSeconds || now < keys_.front().made) keys_.insert(keys_.begin(), new_key(now));
  forget_old(now);
}

void TicketKeys::forget_old(int64_t now) {
  // The current one stays, whatever its age.
  const auto old = [&](const Key& key) {
    return &key != &keys_.front() && (now - key.made >= kRotateSeconds + kLifetimeSeconds || key.made > now);
  };
  for (size_t i = keys_.size(); i-- > 1;) {
    if (!old(keys_[i]) && i < kMaxKeys) continue;
    OPENSSL_cleanse(&keys_[i], sizeof(Key));
    keys_.erase(keys_.begin() + static_cast<ptrdiff_t>(i));
  }
}

TicketKeys::Key TicketKeys::current() const {
  const std::lock_guard lock(mutex_);
  return keys_.front();
}

bool TicketKeys::find(const uint8_t* name, Key& key, bool& renew) const {
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < keys_.size(); ++i) {
    if (memcmp(keys_[i].name.data(), name, keys_[i].name.size()) != 0) continue;
    key = keys_[i];
    renew = i != 0;
    return true;
  }
  return false;
}

std::string TicketKeys::export_blob() const {
  const std::lock_guard lock(mutex_);
  std::string blob(kMagic);
  blob += static_cast<char>(keys_.size());
  for (const Key& key : keys_) {
    append(blob, key.name);
    append(blob, key.aes);
    append(blob, key.hmac);
    for (int shift = 56; shift >= 0; shift -= 8) blob += static_cast<char>(static_cast<uint64_t>(key.made) >> shift);
  }
  return blob;
}

bool TicketKeys::import_blob(std::string_view blob, int64_t now) {
  if (blob.size() < kMagic.size() + 1 || !blob.starts_with(kMagic)) return false;
  const size_t count = static_cast<uint8_t>(blob[kMagic.size()]);
  blob.remove_prefix(kMagic.size() + 1);
  if (count == 0 || count > kMaxKeys || blob.size() != count * kKeyBytes) return false;
  std::vector<Key> keys(count);
  for (Key& key : keys) {
    take(blob, key.name);
    take(blob, key.aes);
    take(blob, key.hmac);
    uint64_t made = 0;
    for (size_t i = 0; i < 8; ++i) made = made << 8 | static_cast<uint8_t>(blob[i]);
    blob.remove_prefix(8);
    key.made = static_cast<int64_t>(made);
    if (key.made > now) key.made = now;
  }
  const std::lock_guard lock(mutex_);
  keys_.swap(keys);
  OPENSSL_cleanse(keys.data(), keys.size() * sizeof(Key));
  forget_old(now);
  return true;
}

}  // namespace flagmesh::net
