// What two routers say to each other when one takes the other's place (docs/operations.md).
//
//   successor                      running router
//   kHello           ->
//                    <-            kSockets (descriptors attached) ..., kValue ..., kEnd     or
//                    kRefused
//   kReady           ->            it serves from the sockets it names
//                    <-            kReleased: nobody else accepts from them any more
//
// Each message is one packet of a SOCK_SEQPACKET connection: "FMTO", version, kind, body. Pure:
// bytes in, messages out; nothing here touches a socket. All numbers are big-endian.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"

namespace flagmesh::takeover {

inline constexpr uint16_t kVersion = 1;
// Bytes of a packet; what is larger is refused.
inline constexpr size_t kMaxPacket = 60 * 1024;
// Descriptors of one packet: below what the kernel takes (253).
inline constexpr size_t kMaxDescriptors = 128;
// Sockets of all packets together.
inline constexpr size_t kMaxSockets = 4'096;
inline constexpr size_t kMaxName = 256;
// State beyond sockets: so many values, each so large.
inline constexpr size_t kMaxValues = 64;
inline constexpr size_t kMaxValue = 32 * 1024;

enum class Kind : uint8_t { kHello = 1, kSockets, kValue, kEnd, kReady, kReleased, kRefused };

// A role that a successor does not know it closes and does not name in kReady.
enum class Role : uint8_t { kListener = 1, kAdmin = 2 };

struct SocketName {
  Role role = Role::kListener;
  std::string name;  // the address as the configuration has it; "#2" behind it for a second one

  bool operator==(const SocketName&) const = default;
};

struct Message {
  Kind kind = Kind::kHello;
  std::vector<SocketName> sockets = {};  // kSockets: as the descriptors, in order
  std::string name = {};                 // kValue: what it is ("tls.ticket_keys")
  std::string text = {};                 // kValue: the value, any bytes; kRefused: why
  uint32_t pid = 0;                 // kHello, kEnd: of the sender, for logs
  std::vector<uint32_t> adopted = {};    // kReady: by order of all kSockets, ascending

  bool operator==(const Message&) const = default;
};

// REQUIRES: within the limits above.
std::string encode(const Message& message);
// Codes "bad_takeover" (not understood: what and where), "takeover_version".
Result<Message> decode(std::string_view packet);

}  // namespace flagmesh::takeover
