// The keys that session tickets are sealed with: shared by all workers, renewed by the main thread, handed over to a successor.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace flagmesh::net {

// Who has a ticket key can read the TLS 1.2 sessions that were resumed with it, so each is used for a short time only. Thread-safe: a
// handshake takes a copy of one key.
class TicketKeys {
 public:
  static constexpr int64_t kRotateSeconds = 2 * 3600;    // a key seals so long
  static constexpr int64_t kLifetimeSeconds = 4 * 3600;  // a ticket is good for so long after it was sealed
  static constexpr size_t kMaxKeys = 8;
  static constexpr size_t kBlobBytes = 4 + 1 + kMaxKeys * 88;  // of an exported blob, at most

  struct Key {
    std::array<uint8_t, 16> name{};  // shown in the ticket
    std::array<uint8_t, 32> aes{};
    std::array<uint8_t, 32> hmac{};
    int64_t made = 0;  // unix seconds
  };

  // With one key, made now.
  explicit TicketKeys(int64_t now);
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;
  ~TicketKeys();

  // Makes a new key when the current one is old, and forgets those whose tickets are all over. Call it every minute or so.
  void rotate(int64_t now);

  // The key that seals.
  Key current() const;
  // The key of that name. `renew`: it is not the current one. False: unknown.
  bool find(const uint8_t* name, Key& key, bool& renew) const;

  // For a successor of this process; secret. import_blob() takes those keys in place of our own, so that both processes open each other's
  // tickets; false when the blob is damaged: then nothing changes. Format: "FTK1", a byte with the count, and for each key, newest first:
  // name, AES key, HMAC key, time as 8 bytes, big endian.
  std::string export_blob() const;
  bool import_blob(std::string_view blob, int64_t now);

 private:
  void forget_old(int64_t now);

  mutable std::mutex mutex_;
  std::vector<Key> keys_;  // guarded by mutex_; newest first, never empty
};

}  // namespace flagmesh::net
