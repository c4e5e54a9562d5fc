#include "proxy/stream/access_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "merkle/hash.h"
#include "proxy/base/random.h"
#include "proxy/stream/stream.h"

namespace flagmesh::stream {

namespace {

// JSON text (RFC 8259 §7). Bytes above 0x7f are kept: names and paths are UTF-8 or the client's own doing; what is not valid is shown as \u00xx.
void put_escaped(std::string& out, std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += "\\u00";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
}

// As base/time.h has it, without a string of its own.
void put_time(std::string& out, int64_t unix_ms) {
  const time_t seconds = unix_ms / 1000;
  tm t{};
  gmtime_r(&seconds, &t);
  std::array<char, 64> text;
  const int n = snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", t.tm_year + 1900,
                         t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, static_cast<int>(unix_ms % 1000));
  out.append(text.data(), static_cast<size_t>(n));
}

class Line {
 public:
  explicit Line(std::string& out) : out_(out) { out_ += '{'; }
  void text(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    key(name);
    out_ += '"';
    put_escaped(out_, value);
    out_ += '"';
  }
  void time(std::string_view name, int64_t unix_ms) {
    key(name);
    out_ += '"';
    put_time(out_, unix_ms);
    out_ += '"';
  }
  void number(std::string_view name, uint64_t value) {
    key(name);
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out_.append(digits, end);
  }
  void end() { out_ += "}\n"; }

 private:
  void key(std::string_view name) {
    if (out_.back() != '{') out_ += ',';
    out_ += '"';
    out_ += name;
    out_ += "\":";
  }
  std::string& out_;
};

// Of an IPv4 address the last number is left out, of an IPv6 address all but the first three groups.
std::string_view network_of(std::string_view ip) {
  const bool v6 = ip.find(':') != ip.npos;
  if (!v6) return ip.substr(0, ip.rfind('.'));
  size_t at = 0;
  for (int group = 0; group < 3 && at < ip.size(); ++group) {
    const size_t colon = ip.find(':', at);
    if (colon == ip.npos || ip.substr(colon).starts_with("::")) return ip.substr(0, colon);
    at = colon + 1;
  }
  return ip.substr(0, at == 0 ? 0 : at - 1);
}

constexpr size_t kCodeBytes = 8;

std::string code_of(std::string_view key, std::string_view secret) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const merkle::Hash hash = merkle::hmac_sha256(secret, key);
  std::string code;
  for (size_t i = 0; i < kCodeBytes; ++i) {
    code += kDigits[hash.bytes[i] >> 4];
    code += kDigits[hash.bytes[i] & 15];
  }
  return code;
}

}  // namespace

AccessLog::AccessLog() : timer_([](void* self) { static_cast<AccessLog*>(self)->flush(); }, this) {}

AccessLog::~AccessLog() {
  flush();
  if (owned_ && fd_ >= 0) close(fd_);
}

Status AccessLog::open(event::Loop& loop, const std::string& where) {
  loop_ = &loop;
  if (where == "off") return {};
  batch_.reserve(kBatchBytes + kLineBytes);
  if (where == "stdout") {
    fd_ = STDOUT_FILENO;
    return {};
  }
  fd_ = ::open(where.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (fd_ < 0) return fail("access_log", strerror(errno), where, "name a file in a folder that can be written to");
  owned_ = true;
  path_ = where;
  return {};
}

void AccessLog::set_redact(bool redact) {
  secret_.clear();
  if (!redact) return;
  std::array<uint8_t, 32> bytes;
  random_bytes(bytes);
  secret_.assign(bytes.begin(), bytes.end());
}

void AccessLog::reopen() {
  if (!owned_) return;
  flush();
  const int fresh = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (fresh < 0) return;  // the old file is better than none
  close(fd_);
  fd_ = fresh;
  if (torn_) batch_.clear();  // belongs to the other file
  torn_ = false;
}

void AccessLog::write(const Stream& stream) {
  const Stream::Facts facts = stream.facts();
  const RouteDecision& decision = stream.decision();
  const http::RequestHead& request = stream.request();
  Line line(batch_);
  line.time("time", facts.started_unix_ms);
  line.text("request_id", stream.request_id());
  const bool redact = !secret_.empty();
  line.text("client", redact ? network_of(stream.client().ip) : std::string_view(stream.client().ip));
  line.text("method", request.method_text);
  line.text("host", request.authority);
  line.text("path", redact ? request.path : request.target);
  line.number("status", facts.status);
  line.number("duration_ms", facts.duration_ms);
  line.number("bytes_in", facts.bytes_in);
  line.number("bytes_out", facts.bytes_out);
  if (!decision.flag.empty()) {
    line.text("flag", decision.flag);
    line.text("variant", decision.variant);
    line.number("epoch", decision.epoch);
    line.text("why", why_name(decision.why));
    if (decision.stale) line.text("stale", "true");
    if (!stream.targeting_key().empty()) {
      line.text("key", redact ? code_of(stream.targeting_key(), secret_) : stream.targeting_key());
    }
  }
  if (decision.count != 0) {
    line.text("container", decision.chosen().container->name());
    line.text("endpoint", stream.forward().endpoint_name());
    line.number("attempts", stream.forward().attempts());
  }
  line.text("reason", facts.reason);
  line.text("user_agent", request.headers.value(http::HeaderId::kUserAgent));
  line.end();
  if (batch_.size() >= kBatchBytes) {
    flush();
  } else if (!timer_.armed()) {
    timer_.set(loop_->timers(), loop_->now_ms() + kFlushMs);
  }
}

void AccessLog::flush() {
  timer_.disarm();
  std::string_view rest = batch_;
  while (!rest.empty()) {
    const ssize_t n = ::write(fd_, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;  // a full disk or a closed pipe must not stop traffic
    rest.remove_prefix(static_cast<size_t>(n));
  }
  // Lines that nobody took are dropped, but the rest of one that was begun comes before all others.
  const size_t written = batch_.size() - rest.size();
  if (written != 0) torn_ = batch_[written - 1] != '\n';
  batch_.erase(0, written);
  batch_.resize(torn_ ? batch_.find('\n') + 1 : 0);
}

}  // namespace flagmesh::stream
