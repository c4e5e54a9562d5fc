#include "control/config/logging.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <memory>

#include "control/flags/canonical_json.h"
#include "proxy/base/time.h"

namespace flagmesh::config {
namespace {

// Lines of this logger have their members rendered already; those of any other are a plain message.
constexpr const char* kRendered = "flagmesh";

std::string_view level_name(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
    case spdlog::level::debug:
      return "debug";
    case spdlog::level::info:
      return "info";
    case spdlog::level::warn:
      return "warn";
    default:
      return "error";
  }
}

class LineFormatter final : public spdlog::formatter {
 public:
  explicit LineFormatter(LogFormat format) : format_(format) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const std::string_view payload(message.payload.data(), message.payload.size());
    const bool rendered = message.logger_name == spdlog::string_view_t(kRendered);
    const auto millis =
        std::chrono::duration_cast<std::chrono::milliseconds>(message.time.time_since_epoch());
    const std::string time = rfc3339_millis(millis.count());
    std::string line;
    if (format_ == LogFormat::kText) {
      line.append(time).append(" ").append(level_name(message.level)).append(" ").append(payload);
    } else {
      line.append("{\"time\":\"").append(time).append("\",\"level\":\"");
      line.append(level_name(message.level)).append("\",");
      if (rendered) {
        line.append(payload);
      } else {
        line.append("\"message\":");
        flags::append_json_string(payload, line);
      }
      line.append("}");
    }
    line.append("\n");
    out.append(line.data(), line.data() + line.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>(format_);
  }

 private:
  LogFormat format_;
};

struct Logging {
  LogFormat format = LogFormat::kJson;
  std::shared_ptr<spdlog::logger> rendered;

  Logging() { apply({}); }
  void apply(const LogConfig& log) {
    format = log.format;
    const auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    rendered = std::make_shared<spdlog::logger>(kRendered, sink);
    const auto plain = std::make_shared<spdlog::logger>("", sink);
    constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                     spdlog::level::warn, spdlog::level::err};
    for (const auto& logger : {rendered, plain}) {
      logger->set_level(kLevels[static_cast<size_t>(log.level)]);
      logger->set_formatter(std::make_unique<LineFormatter>(format));
    }
    spdlog::set_default_logger(plain);
  }
};

Logging& logging() {
  static Logging instance;
  return instance;
}

void write(spdlog::level::level_enum level, std::string_view message, LogFields fields) {
  Logging& to = logging();
  if (!to.rendered->should_log(level)) return;
  std::string line;
  if (to.format == LogFormat::kText) {
    line = message;
    for (const LogField& field : fields) {
      line.append(" ").append(field.name()).append("=").append(field.text());
    }
  } else {
    line = "\"message\":";
    flags::append_json_string(message, line);
    for (const LogField& field : fields) {
      line.append(",\"").append(field.name()).append("\":").append(field.json());
    }
  }
  to.rendered->log(level, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace

std::string LogField::json() const {
  if (!number_.empty()) return number_;
  std::string out;
  flags::append_json_string(text_, out);
  return out;
}

void set_up_logging(const LogConfig& log) { logging().apply(log); }

void log_debug(std::string_view message, LogFields fields) {
  write(spdlog::level::debug, message, fields);
}
void log_info(std::string_view message, LogFields fields) {
  write(spdlog::level::info, message, fields);
}
void log_warn(std::string_view message, LogFields fields) {
  write(spdlog::level::warn, message, fields);
}
void log_error(std::string_view message, LogFields fields) {
  write(spdlog::level::err, message, fields);
}

}  // namespace flagmesh::config
