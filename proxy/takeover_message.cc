#include "proxy/takeover_message.h"

#include <algorithm>

namespace flagmesh::takeover {

namespace {

constexpr std::string_view kMagic = "FMTO";

void put_number(std::string& out, uint32_t value, unsigned bytes) {
  for (unsigned i = bytes; i-- > 0;) out += static_cast<char>(value >> (8 * i));
}

void put_text(std::string& out, std::string_view text) {
  put_number(out, static_cast<uint32_t>(text.size()), 2);
  out += text;
}

// The first thing that does not fit stops it for good.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  uint32_t number(unsigned size) {
    uint32_t value = 0;
    for (const char c : take(size)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  std::string text(size_t limit) {
    const size_t size = number(2);
    if (size > limit) ok_ = false;
    return std::string(take(size));
  }
  std::string_view take(size_t count) {
    if (!ok_ || count > bytes_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }
  void stop() { ok_ = false; }
  bool ok() const { return ok_; }
  bool finished() const { return ok_ && bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

void read_sockets(Reader& reader, std::vector<SocketName>& out) {
  const uint32_t count = reader.number(2);
  if (count > kMaxDescriptors) return reader.stop();
  for (uint32_t i = 0; i < count && reader.ok(); ++i) {
    SocketName socket;
    socket.role = static_cast<Role>(reader.number(1));
    socket.name = reader.text(kMaxName);
    out.push_back(std::move(socket));
  }
}

void read_adopted(Reader& reader, std::vector<uint32_t>& out) {
  const uint32_t count = reader.number(2);
  if (count > kMaxSockets) return reader.stop();
  for (uint32_t i = 0; i < count && reader.ok(); ++i) {
    const uint32_t index = reader.number(2);
    if (index >= kMaxSockets || (!out.empty() && index <= out.back())) return reader.stop();
    out.push_back(index);
  }
}

void read_body(Reader& reader, Message& message) {
  switch (message.kind) {
    case Kind::kHello:
    case Kind::kEnd:
      message.pid = reader.number(4);
      return;
    case Kind::kSockets:
      return read_sockets(reader, message.sockets);
    case Kind::kValue:
      message.name = reader.text(kMaxName);
      message.text = reader.text(kMaxValue);
      if (message.name.empty()) reader.stop();
      return;
    case Kind::kReady:
      return read_adopted(reader, message.adopted);
    case Kind::kReleased:
      return;
    case Kind::kRefused:
      message.text = reader.text(kMaxValue);
      return;
  }
  reader.stop();
}

}  // namespace

std::string encode(const Message& message) {
  std::string out(kMagic);
  put_number(out, kVersion, 2);
  put_number(out, static_cast<uint8_t>(message.kind), 1);
  switch (message.kind) {
    case Kind::kHello:
    case Kind::kEnd:
      put_number(out, message.pid, 4);
      break;
    case Kind::kSockets:
      put_number(out, static_cast<uint32_t>(message.sockets.size()), 2);
      for (const SocketName& socket : message.sockets) {
        put_number(out, static_cast<uint8_t>(socket.role), 1);
        put_text(out, socket.name);
      }
      break;
    case Kind::kValue:
      put_text(out, message.name);
      put_text(out, message.text);
      break;
    case Kind::kReady:
      put_number(out, static_cast<uint32_t>(message.adopted.size()), 2);
      for (const uint32_t index : message.adopted) put_number(out, index, 2);
      break;
    case Kind::kReleased:
      break;
    case Kind::kRefused:
      put_text(out, message.text);
      break;
  }
  return out;
}

Result<Message> decode(std::string_view packet) {
  Reader reader(packet);
  if (packet.size() > kMaxPacket || reader.take(kMagic.size()) != kMagic) {
    return fail("bad_takeover", "that is no router at the other end");
  }
  const uint32_t version = reader.number(2);
  if (reader.ok() && version != kVersion) {
    return fail("takeover_version",
                "the other router speaks version " + std::to_string(version) +
                    " of the take-over, this one " + std::to_string(kVersion),
                {}, "restart instead: stop the old one, start the new one");
  }
  Message message;
  message.kind = static_cast<Kind>(reader.number(1));
  if (reader.ok()) read_body(reader, message);
  if (!reader.finished()) return fail("bad_takeover", "the other router's message is malformed");
  return message;
}

}  // namespace flagmesh::takeover
