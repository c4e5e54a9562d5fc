#include "proxy/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "proxy/base/time.h"

namespace flagmesh {

namespace {

// Messages may quote input: they are escaped, so that one event is one line of valid JSON whatever is in it.
class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const auto since_epoch = std::chrono::duration_cast<std::chrono::milliseconds>(message.time.time_since_epoch());
    const auto level = spdlog::level::to_string_view(message.level);
    std::string line = "{\"time\":\"" + rfc3339_millis(since_epoch.count()) + "\",\"level\":\"" +
                       std::string(level.data(), level.size()) + "\",\"message\":\"";
    for (const char c : std::string_view(message.payload.data(), message.payload.size())) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') {
        line += '\\';
        line += c;
      } else if (byte < 0x20 || byte == 0x7f) {
        static constexpr char kDigits[] = "0123456789abcdef";
        line += "\\u00";
        line += kDigits[byte >> 4];
        line += kDigits[byte & 15];
      } else {
        line += c;
      }
    }
    line += "\"}\n";
    out.append(line.data(), line.data() + line.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<JsonFormatter>(); }
};

}  // namespace

void set_up_log(const config::LogConfig& log) {
  auto logger = spdlog::stderr_color_mt("flagmesh");
  if (log.format == config::LogFormat::kJson) {
    logger->set_formatter(std::make_unique<JsonFormatter>());
  } else {
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  }
  switch (log.level) {
    case config::LogLevel::kDebug: logger->set_level(spdlog::level::debug); break;
    case config::LogLevel::kInfo: logger->set_level(spdlog::level::info); break;
    case config::LogLevel::kWarn: logger->set_level(spdlog::level::warn); break;
    case config::LogLevel::kError: logger->set_level(spdlog::level::err); break;
  }
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace flagmesh
