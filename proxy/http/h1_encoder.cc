#include "proxy/http/h1_encoder.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace flagmesh::http {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr size_t kNumberBytes = 20;  // a 64-bit number in decimal

// Writes into memory that was reserved for all of it. Fields that still stand next to each other as
// they were received are copied as one run.
class HeadWriter {
 public:
  explicit HeadWriter(char* to) : begin_(to), to_(to) {}

  void put(std::string_view text) {
    if (!text.empty()) memcpy(to_, text.data(), text.size());
    to_ += text.size();
  }
  void put_number(uint64_t number) { to_ = std::to_chars(to_, to_ + kNumberBytes, number).ptr; }

  void put_field(const Field& field) {
    const char* value = field.value.data();
    const char* name_end = field.name.data() + field.name.size();
    if (field.whole_line && name_end + 2 == value) {
      if (run_ == nullptr || run_end_ + kLineEnd.size() != field.name.data()) {
        end_run();
        run_ = field.name.data();
      }
      run_end_ = value + field.value.size();
      return;
    }
    end_run();
    put(field.name);
    put(": ");
    put(field.value);
    put(kLineEnd);
  }
  void end_run() {
    if (run_ == nullptr) return;
    put({run_, static_cast<size_t>(run_end_ - run_)});
    put(kLineEnd);
    run_ = nullptr;
  }
  size_t size() const { return static_cast<size_t>(to_ - begin_); }

 private:
  char* begin_;
  char* to_;
  const char* run_ = nullptr;
  const char* run_end_ = nullptr;
};

// The encoder's own; whoever built the list does not decide on them.
bool is_written_apart(HeaderId id) {
  switch (id) {
    case HeaderId::kConnection:
    case HeaderId::kContentLength:
    case HeaderId::kHost:
    case HeaderId::kTransferEncoding:
    case HeaderId::kUpgrade:
      return true;
    default:
      return false;
  }
}

size_t field_bytes(const HeaderList& headers) {
  size_t bytes = 0;
  for (const Field& field : headers) bytes += field.name.size() + field.value.size() + 4;
  return bytes;
}

constexpr std::string_view kLengthName = "Content-Length: ";
constexpr std::string_view kChunkedLine = "Transfer-Encoding: chunked\r\n";
constexpr std::string_view kUpgradeLine = "Upgrade: websocket\r\n";
constexpr std::string_view kConnectionName = "Connection: ";
constexpr std::string_view kHostName = "Host: ";

// More than all that is written besides the start line, the fields and `connection`.
constexpr size_t kFixedBytes = 160;
static_assert(kFixedBytes > kLengthName.size() + kNumberBytes + kChunkedLine.size() +
                                kUpgradeLine.size() + kConnectionName.size() + kHostName.size() +
                                32);

void put_framing(HeadWriter& out, BodyFraming body) {
  if (body.kind == Framing::kLength) {
    out.put(kLengthName);
    out.put_number(body.length);
    out.put(kLineEnd);
  } else if (body.kind == Framing::kChunked) {
    out.put(kChunkedLine);
  }
}

void put_connection(HeadWriter& out, std::string_view connection) {
  if (connection.empty()) return;
  out.put(kConnectionName);
  out.put(connection);
  out.put(kLineEnd);
  if (connection == "upgrade") out.put(kUpgradeLine);
}

void put_fields(HeadWriter& out, const HeaderList& headers) {
  for (const Field& field : headers) {
    if (!field.erased && !is_written_apart(field.id)) out.put_field(field);
  }
  out.end_run();
}

}  // namespace

void encode_request(const RequestHead& head, std::string_view connection, Output& out) {
  const size_t bytes = head.method_text.size() + head.target.size() + head.authority.size() +
                       connection.size() + field_bytes(head.headers) + kFixedBytes;
  HeadWriter to(out.reserve(bytes));
  to.put(head.method_text);
  to.put(" ");
  to.put(head.target);
  to.put(" HTTP/1.1\r\nHost: ");
  to.put(head.authority);
  to.put(kLineEnd);
  put_fields(to, head.headers);
  put_framing(to, head.body);
  put_connection(to, connection);
  to.put(kLineEnd);
  out.commit(to.size());
}

void encode_response(const ResponseHead& head, std::string_view connection, bool keep_length,
                     Output& out) {
  const size_t bytes =
      head.reason.size() + connection.size() + field_bytes(head.headers) + kFixedBytes;
  HeadWriter to(out.reserve(bytes));
  to.put("HTTP/1.1 ");
  to.put_number(head.status);
  to.put(" ");
  to.put(head.reason);
  to.put(kLineEnd);
  put_fields(to, head.headers);
  put_framing(to, head.body);
  if (keep_length && head.body.kind == Framing::kNone) {
    const Field* length = head.headers.find(HeaderId::kContentLength);
    if (length != nullptr) to.put_field(*length);
    to.end_run();
  }
  put_connection(to, connection);
  to.put(kLineEnd);
  out.commit(to.size());
}

void encode_data(Framing framing, std::string_view data, Output& out) {
  if (data.empty()) return;
  if (framing != Framing::kChunked) {
    out.borrow(data);
    return;
  }
  std::array<char, kNumberBytes> line;
  char* end = std::to_chars(line.data(), line.data() + line.size(), data.size(), 16).ptr;
  end = std::ranges::copy(kLineEnd, end).out;
  out.append({line.data(), static_cast<size_t>(end - line.data())});
  out.borrow(data);
  out.append(kLineEnd);
}

void encode_end(Framing framing, const HeaderList* trailers, Output& out) {
  if (framing != Framing::kChunked) return;
  if (trailers == nullptr) {
    out.append("0\r\n\r\n");
    return;
  }
  HeadWriter to(out.reserve(field_bytes(*trailers) + kFixedBytes));
  to.put("0\r\n");
  put_fields(to, *trailers);
  to.put(kLineEnd);
  out.commit(to.size());
}

}  // namespace flagmesh::http
