#include "proxy/stream/access_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "merkle/hash.h"
#include "proxy/base/random.h"
#include "proxy/stream/stream.h"

namespace flagmesh::stream {

namespace {

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

// Names, numbers and our own short texts of a line: all but what others chose.
constexpr size_t kFixedBytes = 512;

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
  const Forward& forward = stream.forward();
  const http::RequestHead& request = stream.request();
  const bool redact = !secret_.empty();
  const std::string_view ip = stream.client().ip;
  const std::string_view client = redact ? network_of(ip) : ip;
  const std::string_view path = redact ? request.path : request.target;
  const std::string_view user_agent = request.headers.value(http::HeaderId::kUserAgent);
  const std::string_view container = decision.count == 0 ? std::string_view() : decision.chosen().container->name();
  std::string code;
  std::string_view key = stream.targeting_key();
  if (redact && !key.empty()) key = code = code_of(key, secret_);
  const size_t texts = stream.request_id().size() + client.size() + request.method_text.size() + request.authority.size() +
                       path.size() + decision.flag.size() + decision.variant.size() + key.size() + container.size() +
                       forward.endpoint_name().size() + facts.reason.size() + user_agent.size();
  const size_t before = batch_.size();
  batch_.resize_and_overwrite(before + kFixedBytes + texts * kEscapedBytes, [&](char* batch, size_t) {
    LogLine line(batch + before);
    line.time("{\"time\":\"", facts.started_unix_ms, clock_);
    line.plain(",\"request_id\":\"", stream.request_id());  // ensure_request_id lets nothing through that needs escapes
    line.plain(",\"client\":\"", client);
    line.text(",\"method\":\"", request.method_text);
    line.text(",\"host\":\"", request.authority);
    line.text(",\"path\":\"", path);
    line.number(",\"status\":", facts.status);
    line.number(",\"duration_ms\":", facts.duration_ms);
    line.number(",\"bytes_in\":", facts.bytes_in);
    line.number(",\"bytes_out\":", facts.bytes_out);
    if (!decision.flag.empty()) {
      line.text(",\"flag\":\"", decision.flag);
      line.text(",\"variant\":\"", decision.variant);
      line.number(",\"epoch\":", decision.epoch);
      line.plain(",\"why\":\"", why_name(decision.why));
      if (decision.stale) line.plain(",\"stale\":\"", "true");
      line.text(",\"key\":\"", key);
    }
    if (decision.count != 0) {
      line.plain(",\"container\":\"", container);  // a-z 0-9 . - _
      line.text(",\"endpoint\":\"", forward.endpoint_name());
      line.number(",\"attempts\":", forward.attempts());
    }
    line.plain(",\"reason\":\"", facts.reason);
    line.text(",\"user_agent\":\"", user_agent);
    return static_cast<size_t>(line.end() - batch);
  });
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
