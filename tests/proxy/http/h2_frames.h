// HTTP/2 frames by hand, so that nothing under test makes what it is tested with; and a connection
// whose events are written down.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/http/h2_connection.h"

namespace flagmesh::http::h2 {

enum Type : uint8_t {
  kData, kHeaders, kPriority, kRst, kSettings, kPush, kPing, kGoaway, kWindow, kContinuation
};
constexpr uint8_t kEndStream = 1;
constexpr uint8_t kAck = 1;
constexpr uint8_t kEndHeaders = 4;
constexpr uint8_t kPadded = 8;
constexpr uint8_t kPriorityFlag = 32;

inline std::string u32(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}
inline std::string frame(uint8_t type, uint8_t flags, uint32_t id, const std::string& payload = "") {
  const auto size = static_cast<uint32_t>(payload.size());
  return u32(size).substr(1) + static_cast<char>(type) + static_cast<char>(flags) + u32(id) + payload;
}
// HPACK integers below the prefix's limit, and above it (RFC 7541 §5.1).
inline std::string number(uint8_t first, unsigned bits, size_t value) {
  const size_t most = (size_t{1} << bits) - 1;
  if (value < most) return {static_cast<char>(first | value)};
  std::string text{static_cast<char>(first | most)};
  for (value -= most; value >= 128; value /= 128) text += static_cast<char>(128 | (value % 128));
  return text + static_cast<char>(value);
}
// A literal without indexing and without Huffman coding.
inline std::string field(std::string_view name, std::string_view value) {
  return std::string(1, '\0') + number(0, 7, name.size()) + std::string(name) +
         number(0, 7, value.size()) + std::string(value);
}
using Fields = std::vector<std::pair<std::string, std::string>>;
inline std::string block(const Fields& fields) {
  std::string text;
  for (const auto& [name, value] : fields) text += field(name, value);
  return text;
}
// GET / of host "h", and what comes behind.
inline Fields get(Fields more = {}) {
  Fields fields{{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}
inline Fields post(Fields more = {}) {
  Fields fields = get(std::move(more));
  fields[0].second = "POST";
  return fields;
}
inline std::string headers(uint32_t id, const Fields& fields, bool end = true) {
  return frame(kHeaders, static_cast<uint8_t>(kEndHeaders | (end ? kEndStream : 0)), id, block(fields));
}
inline std::string data(uint32_t id, const std::string& bytes, bool end) {
  return frame(kData, end ? kEndStream : 0, id, bytes);
}
inline std::string settings(const std::vector<std::pair<uint16_t, uint32_t>>& values = {}) {
  std::string payload;
  for (const auto& [id, value] : values) payload += u32(id).substr(2) + u32(value);
  return frame(kSettings, 0, 0, payload);
}
inline std::string hello() { return std::string(kH2Preface) + settings(); }
inline std::string window(uint32_t id, uint32_t more) { return frame(kWindow, 0, id, u32(more)); }

struct Frame {
  uint8_t type = 0;
  uint8_t flags = 0;
  uint32_t id = 0;
  std::string payload;
  uint32_t number(size_t at = 0) const {
    uint32_t value = 0;
    for (size_t i = at; i < at + 4 && i < payload.size(); ++i) {
      value = value << 8 | static_cast<uint8_t>(payload[i]);
    }
    return value;
  }
};
// Takes whole frames off the front.
inline std::vector<Frame> take_frames(std::string& bytes) {
  std::vector<Frame> frames;
  while (bytes.size() >= 9) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
    const size_t size = static_cast<size_t>(byte(0) << 16 | byte(1) << 8 | byte(2));
    if (bytes.size() < 9 + size) break;
    Frame one{byte(3), byte(4), 0, bytes.substr(9, size)};
    one.id = static_cast<uint32_t>(byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8)) & 0x7fffffff;
    frames.push_back(one);
    bytes.erase(0, 9 + size);
  }
  return frames;
}

// One end of a connection: writes down its events, a line each.
class End : public H2Events {
 public:
  struct Exchange : H2Stream {
    explicit Exchange(BlockPool& pool) : own_arena(pool) {
      arena = &own_arena;
      request = &own_request;
      response = &own_response;
      trailers = &own_trailers;
    }
    Arena own_arena;
    RequestHead own_request;
    ResponseHead own_response;
    HeaderList own_trailers;
    bool closed = false;
  };

  virtual ~End() = default;
  explicit End(H2Role role = H2Role::kServer)
      : connection(role, memory, limits, *this, 0), role_client(role == H2Role::kClient) {}

  // Feeds in pieces of `step` bytes, with all turns that the budget asks for.
  void feed(std::string_view bytes, size_t step = 0, MonoMs now = 0) {
    while (!bytes.empty()) {
      const std::string_view piece = bytes.substr(0, step == 0 ? bytes.size() : step);
      const size_t taken = connection.receive(piece, now);
      bytes.remove_prefix(taken);
      if (pulls) pull();
    }
  }
  void pull() {
    Output out;
    bool more = true;
    while (more) {
      more = connection.pull(out);
      out.rest(0, [this](std::string_view bytes) { sent += bytes; });
      out.clear();
    }
  }
  // What was sent since the last call.
  std::vector<Frame> frames() {
    pull();
    return take_frames(sent);
  }
  // The code of the first RST_STREAM for that stream, or of GOAWAY for 0; -1 when there is none.
  int code(uint32_t id) {
    for (const Frame& one : frames()) {
      if (id != 0 && one.type == kRst && one.id == id) return static_cast<int>(one.number());
      if (id == 0 && one.type == kGoaway) return static_cast<int>(one.number(4));
    }
    return -1;
  }
  Exchange& stream(size_t i) { return *streams.at(i); }
  Exchange& make() {
    streams.push_back(std::make_unique<Exchange>(pool));
    return *streams.back();
  }

  BlockPool pool;
  H2Memory memory;
  H1Limits limits;
  bool refuse = false;
  std::vector<std::unique_ptr<Exchange>> streams;
  std::string log;
  std::string sent;
  H2Connection connection;

 private:
  static std::string fields_of(const HeaderList& list) {
    std::string text;
    for (const Field& f : list) {
      if (!f.erased) text += " " + std::string(f.name) + "=" + std::string(f.value);
    }
    return text;
  }
  H2Stream* on_begin() override { return refuse ? nullptr : &make(); }
  void on_head(H2Stream& s, bool end) override {
    if (connection_is_client()) {
      log += "head " + std::to_string(s.id) + " " + std::to_string(s.response->status) +
             fields_of(s.response->headers);
    } else {
      const RequestHead& r = *s.request;
      log += "head " + std::to_string(s.id) + " " + std::string(r.method_text) + " " +
             std::string(r.authority) + std::string(r.target) + fields_of(r.headers);
    }
    log += end ? " end\n" : "\n";
  }
  bool connection_is_client() const { return role_client; }
  void on_interim(H2Stream& s) override {
    log += "interim " + std::to_string(s.id) + " " + std::to_string(s.response->status) + "\n";
  }
  void on_refused(H2Stream& s, bool answer) override {
    log += "refused " + std::to_string(s.id) + " " + std::string(reason_of(s.error)) +
           (answer ? " answer\n" : "\n");
  }
  void on_data(H2Stream& s, std::string_view bytes) override {
    if (log_data) {
      log += "data " + std::to_string(s.id) + " " +
             (bytes.size() > 64 ? std::to_string(bytes.size()) : std::string(bytes)) + "\n";
    }
    if (consume) connection.consumed(s, bytes.size());
  }
  void on_trailers(H2Stream& s) override {
    log += "trailers " + std::to_string(s.id) + fields_of(*s.trailers) + "\n";
  }
  void on_end(H2Stream& s) override { log += "end " + std::to_string(s.id) + "\n"; }
  void on_drained(H2Stream& s) override { log += "drained " + std::to_string(s.id) + "\n"; }
  void on_closed(H2Stream& s) override {
    static_cast<Exchange&>(s).closed = true;
    log += "closed " + std::to_string(s.id) + " " + std::to_string(static_cast<int>(s.code)) +
           (s.error == H1Error::kNone ? "" : " " + std::string(reason_of(s.error))) + "\n";
  }
  void on_goaway() override { log += "goaway\n"; }

 public:
  bool role_client;
  bool consume = true;
  bool pulls = true;     // after each piece that is fed
  bool log_data = true;  // how it is cut depends on how it is fed
};

// A server that has had the preface and settings, with nothing in its log and output.
struct Server final : End {
  Server() {
    feed(hello());
    feed(frame(kSettings, kAck, 0));
    frames();
    log.clear();
  }
};

}  // namespace flagmesh::http::h2
