// tests/proxy/http/messages.jsonl: HTTP/1 messages and what the codec must make of them, one JSON
// object a line, for C++, Python and JavaScript alike:
//
// * name: unique
// * side: "request" (from a client) or "response" (from an origin)
// * bytes: the message as text of U+0000..U+00FF, one byte each; or a list of such texts and of
//   [text, count]
// * events: what h1_trace.h writes down
// * status: requests with an error: the status of the local reply
// * fields: the fields of the first head ("Name: value"), where a row looks at them
// * method, upgrade, eof: responses: what the request was, whether the connection ends behind
//   the bytes
// * node: where Node's parser decides otherwise: why (compare_with_node.js)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace flagmesh::http {

struct MessageRow {
  std::string name;
  bool request = true;
  std::string bytes;
  std::vector<std::string> events;
  std::vector<std::string> fields;
  uint16_t status = 0;
  std::string method = "GET";
  bool upgrade = false;
  bool eof = false;
};

// Every row of the table; empty when it cannot be read, which fails a test.
std::vector<MessageRow> read_messages();

}  // namespace flagmesh::http
