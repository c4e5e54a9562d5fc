#include "tests/proxy/http/messages.h"

#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <fstream>
#include <set>

#include "tests/proxy/http/h1_round_trip.h"

namespace flagmesh::http {
namespace {

// JSON strings come as UTF-8; the table means one byte by each character.
std::string to_bytes(const rapidjson::Value& text) {
  std::string bytes;
  const std::string_view utf8(text.GetString(), text.GetStringLength());
  for (size_t i = 0; i < utf8.size(); ++i) {
    const auto c = static_cast<unsigned char>(utf8[i]);
    bytes += c < 0x80
                 ? static_cast<char>(c)
                 : static_cast<char>((c & 0x03) << 6 | (static_cast<unsigned>(utf8[++i]) & 0x3f));
  }
  return bytes;
}

std::string message_bytes(const rapidjson::Value& value) {
  if (value.IsString()) return to_bytes(value);
  std::string bytes;
  for (const rapidjson::Value& piece : value.GetArray()) {
    const bool repeated = piece.IsArray();
    const std::string text = to_bytes(repeated ? piece[0] : piece);
    for (unsigned i = repeated ? piece[1].GetUint() : 1; i != 0; --i) bytes += text;
  }
  return bytes;
}

std::vector<std::string> strings(const rapidjson::Value& row, const char* key) {
  std::vector<std::string> all;
  if (!row.HasMember(key)) return all;
  for (const rapidjson::Value& text : row[key].GetArray()) all.push_back(to_bytes(text));
  return all;
}

}  // namespace

std::vector<MessageRow> read_messages() {
  std::vector<MessageRow> rows;
  std::ifstream file(FLAGMESH_SOURCE_DIR "/tests/proxy/http/messages.jsonl");
  for (std::string line; std::getline(file, line);) {
    rapidjson::Document json;
    json.Parse(line.c_str());
    if (json.HasParseError()) return {};
    MessageRow row;
    row.name = json["name"].GetString();
    row.request = json["side"] == "request";
    row.bytes = message_bytes(json["bytes"]);
    row.events = strings(json, "events");
    row.fields = strings(json, "fields");
    if (json.HasMember("status")) row.status = static_cast<uint16_t>(json["status"].GetUint());
    if (json.HasMember("method")) row.method = json["method"].GetString();
    row.upgrade = json.HasMember("upgrade") && json["upgrade"].GetBool();
    row.eof = json.HasMember("eof") && json["eof"].GetBool();
    rows.push_back(std::move(row));
  }
  return rows;
}

namespace {

TraceWriter run(const MessageRow& row, size_t step) {
  static const H1Limits limits;
  if (row.request) return trace_request(row.bytes, step, limits);
  return trace_response(row.bytes, step, {method_of(row.method), row.upgrade, row.eof}, limits);
}

TEST(Messages, TableIsWhole) {
  const std::vector<MessageRow> rows = read_messages();
  EXPECT_GE(rows.size(), 400u);
  std::set<std::string> names;
  for (const MessageRow& row : rows) EXPECT_TRUE(names.insert(row.name).second) << row.name;
}

TEST(Messages, WholeAndInFragments) {
  for (const MessageRow& row : read_messages()) {
    SCOPED_TRACE(row.name);
    for (const size_t step : {0, 1, 2, 3, 5, 7, 15, 16, 17, 31, 64, 1000}) {
      // Showing a long head again and again costs its square; the smallest steps prove nothing more
      // there.
      if (row.bytes.size() > 5000 && step != 0 && step < 64) continue;
      EXPECT_EQ(run(row, step).lines, row.events) << "in pieces of " << step;
    }
  }
}

// What goes to the next hop is one message, and goes on unchanged from there.
TEST(Messages, ForwardedIsReadTheSameAgain) {
  static const H1Limits limits{.header_block = 64 * 1024, .target = 32 * 1024};
  size_t forwarded = 0;
  for (const MessageRow& row : read_messages()) {
    SCOPED_TRACE(row.name);
    const ResponseContext context{method_of(row.method), row.upgrade, row.eof};
    const auto forward = [&](std::string_view text) {
      return row.request ? forward_request(text, limits) : forward_response(text, context, limits);
    };
    const std::optional<std::string> once = forward(row.bytes);
    if (!once) continue;
    ++forwarded;
    EXPECT_EQ(forward(*once), once);
    const TraceWriter trace =
        row.request ? trace_request(*once, 0, limits) : trace_response(*once, 0, context, limits);
    EXPECT_EQ(trace.lines.back(), "end");
  }
  EXPECT_GE(forwarded, 140u);
}

TEST(Messages, Fields) {
  for (const MessageRow& row : read_messages()) {
    if (row.fields.empty()) continue;
    std::string wanted;
    for (const std::string& field : row.fields) wanted += (wanted.empty() ? "" : "\n") + field;
    EXPECT_EQ(run(row, 0).fields.at(0), wanted) << row.name;
  }
}

TEST(Messages, Status) {
  std::set<std::string> reasons;
  for (int e = 0; e <= static_cast<int>(H1Error::kTruncated); ++e) {
    const auto error = static_cast<H1Error>(e);
    reasons.insert(std::string(reason_of(error)));
    for (const MessageRow& row : read_messages()) {
      if (!row.request || row.events.empty()) continue;
      if (row.events.back() != "error " + std::string(reason_of(error))) continue;
      EXPECT_EQ(row.status, status_of(error)) << row.name;
    }
  }
  EXPECT_EQ(reasons.size(), static_cast<size_t>(H1Error::kTruncated) + 1);
}

// Each kind of refusal has a row.
TEST(Messages, EveryErrorIsShown) {
  std::set<std::string> seen;
  for (const MessageRow& row : read_messages()) {
    if (!row.events.empty()) seen.insert(row.events.back());
  }
  for (int e = 1; e <= static_cast<int>(H1Error::kTruncated); ++e) {
    const std::string event = "error " + std::string(reason_of(static_cast<H1Error>(e)));
    EXPECT_TRUE(seen.contains(event)) << event;
  }
}

}  // namespace
}  // namespace flagmesh::http
