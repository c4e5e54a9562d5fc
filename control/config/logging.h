// The log of a process: one line for each event on standard error, as JSON or as text (log.format). Behind it is
// spdlog's default logger, so lines of boxes that use spdlog directly look the same.
//
//   {"time":"2026-11-20T21:45:00.123Z","level":"info","message":"epoch published","epoch":7}
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "control/config/config.h"

namespace flagmesh::config {

// A named fact of an event. Lives for the call it is made for.
class LogField {
 public:
  LogField(std::string_view name, std::string_view text) : name_(name), text_(text) {}
  LogField(std::string_view name, uint64_t number) : name_(name), number_(std::to_string(number)) {}

  std::string_view name() const { return name_; }
  // JSON: a number, or a string in quotes.
  std::string json() const;
  std::string text() const { return number_.empty() ? std::string(text_) : number_; }

 private:
  std::string_view name_;
  std::string_view text_;
  std::string number_;
};
using LogFields = std::initializer_list<LogField>;

// Level and form for the whole process. Before any thread is started; without it lines are JSON from level info on.
void set_up_logging(const LogConfig& log);

// From any thread. Never fails; a line that cannot be written is lost. Secrets have no business in here.
void log_debug(std::string_view message, LogFields fields = {});
void log_info(std::string_view message, LogFields fields = {});
void log_warn(std::string_view message, LogFields fields = {});
void log_error(std::string_view message, LogFields fields = {});

}  // namespace flagmesh::config
