// Reads the mappings of the configuration member by member: what is there is checked and taken,
// what is not keeps its default, and every mistake is reported with its place, so that one pass
// finds all of them.
#pragma once

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/config/config.h"
#include "control/config/scalar.h"
#include "control/flags/json_value.h"
#include "proxy/base/diagnostic.h"

namespace flagmesh::config {

// Where mistakes in one file go. Outlives every reader of it.
class Report {
 public:
  Report(std::string file, Diagnostics& out) : file_(std::move(file)), out_(out) {}

  void error(flags::Mark mark, std::string message, std::string mend = {});
  void error(flags::Mark mark, Error error);  // its message and mend
  void warning(flags::Mark mark, std::string message, std::string mend = {});

  size_t errors() const { return errors_; }  // so far
  const std::string& file() const { return file_; }
  std::vector<NamedFile> key_files;
  std::vector<NamedFile> flag_patterns;
  std::vector<NamedTls<net::TlsServerSpec>> tls_servers;
  std::vector<NamedTls<net::TlsClientSpec>> tls_clients;

  // Relative to the folder of the file.
  std::string resolve(const std::string& path) const;

 private:
  std::string file_;
  Diagnostics& out_;
  size_t errors_ = 0;
};

// "a mapping", "a list", "text", "a number", "true or false", "nothing".
std::string_view kind_name(flags::JsonValue::Type type);

// The value when it is of that type; otherwise a mistake is reported and null returned. `what`
// begins the message: "'path' in route 3".
const flags::JsonValue* expect(Report& report, const flags::JsonValue& value,
                               flags::JsonValue::Type type, const std::string& what);
// Text that is not empty.
const std::string* expect_text(Report& report, const flags::JsonValue& value,
                               const std::string& what);

// "; did you mean 'x'?" as a mend: the nearest of the candidates, or all of them when there are
// few.
std::string suggestion(std::string_view word, const std::vector<std::string>& candidates);

// One mapping. finish() must be called last.
class ObjectReader {
 public:
  // `what` names the mapping in messages: "proxy", "container 'web'". A value of another type is
  // reported and read as empty.
  ObjectReader(Report& report, const flags::JsonValue& value, std::string what);

  Report& report() { return report_; }
  const std::string& what() const { return what_; }
  flags::Mark mark() const { return value_.mark(); }
  // Of the member's name; of the mapping when there is no such member.
  flags::Mark name_mark(std::string_view name) const;
  // "'path' in route 3".
  std::string member(std::string_view name) const;

  // The member, or null. From now on its name is known.
  const flags::JsonValue* find(std::string_view name);
  bool has(std::string_view name) { return find(name) != nullptr; }

  // Each takes the member when it is there and right, and otherwise leaves `out` alone.
  void text(std::string_view name, std::string& out);
  void path(std::string_view name, std::string& out);  // resolved
  // The same for a file that must be there when the program starts.
  void key_file(std::string_view name, std::string& out);
  void boolean(std::string_view name, bool& out);
  template <class T>
  void count(std::string_view name, T& out, uint64_t min, uint64_t max) {
    if (const auto number = whole_number(name, min, max)) out = static_cast<T>(*number);
  }
  void duration(std::string_view name, Millis& out, Millis min = 1, Millis max = kMaxDuration);
  void size(std::string_view name, uint64_t& out);
  void percent(std::string_view name, double& out);
  void listen_address(std::string_view name, std::string& out);
  std::vector<std::pair<std::string, flags::Mark>> text_list(std::string_view name);

  template <class E>
  using Choices = std::initializer_list<std::pair<std::string_view, E>>;
  // One of these words. `later` are words that this build refuses because what they ask for is not
  // in it.
  template <class E>
  void choice(std::string_view name, E& out, Choices<E> choices,
              std::initializer_list<std::string_view> later = {}) {
    std::vector<std::string> words;
    for (const auto& [word, value] : choices) words.emplace_back(word);
    const auto index = word_index(name, words, later);
    if (index) out = (choices.begin() + *index)->second;
  }

  // A member that the format has and this build does not: refused when it is there, unless its
  // value is `harmless`.
  void later(std::string_view name, std::string_view what,
             const flags::JsonValue* harmless = nullptr);

  // Reports the members that nobody asked for.
  void finish();

 private:
  std::optional<uint64_t> whole_number(std::string_view name, uint64_t min, uint64_t max);
  std::optional<size_t> word_index(std::string_view name, const std::vector<std::string>& words,
                                   std::initializer_list<std::string_view> later);

  Report& report_;
  const flags::JsonValue& value_;
  std::string what_;
  std::vector<std::string> known_;
  std::deque<flags::JsonValue> nulls_;
};

}  // namespace flagmesh::config
