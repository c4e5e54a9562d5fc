#include "proxy/upstream/h2_probe.h"

namespace flagmesh::upstream {

H2Probe::H2Probe(BlockPool& blocks, const http::H1Limits& limits, std::string_view authority, std::string_view path, bool tls,
                 MonoMs now)
    : arena_(blocks), codec_(http::H2Role::kClient, memory_, limits, *this, now) {
  request_.method_text = http::method_name(http::Method::kGet);
  request_.authority = authority;
  request_.target = path;
  request_.headers.add(arena_, http::HeaderId::kUserAgent, "flagmesh-health");
  stream_.arena = &arena_;
  stream_.response = &response_;
  stream_.trailers = &trailers_;
  failed_ = !codec_.send_request(stream_, request_, tls, true);
}

void H2Probe::receive(std::string_view bytes, MonoMs now) {
  while (!bytes.empty()) bytes.remove_prefix(codec_.receive(bytes, now));
}

}  // namespace flagmesh::upstream
