// An HTTP/2 origin that says anything to two requests of ours.
#include <cstdint>
#include <cstdlib>

#include "tests/proxy/http/h2_frames.h"

using namespace flagmesh::http;

namespace {

void require(bool true_here) {
  if (!true_here) abort();
}

std::string run(std::string_view bytes, size_t step) {
  h2::End client(H2Role::kClient);
  for (const Method method : {Method::kGet, Method::kHead}) {
    h2::End::Exchange& exchange = client.make();
    RequestHead& head = exchange.own_request;
    head.method = method;
    head.method_text = method_name(method);
    head.authority = "h";
    head.target = "/";
    client.connection.send_request(exchange, head, false, true);
  }
  client.pull();
  client.pulls = client.log_data = false;  // what is sent meanwhile decides what may follow
  client.feed(bytes, step);
  client.pull();
  require(client.memory.in_use() < 500);
  return client.log;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const uint8_t how = data[0];
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string bytes = (how & 1) != 0 ? std::string(rest) : h2::settings() + std::string(rest);
  require(run(bytes, 0) == run(bytes, 1 + how % 7));
  return 0;
}
