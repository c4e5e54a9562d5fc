#include "proxy/demo_container.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <charconv>


namespace flagmesh {

namespace {

constexpr uint64_t kMaxStopSeconds = 3600;

void put(rapidjson::Writer<rapidjson::StringBuffer>& json, std::string_view name, std::string_view text) {
  json.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
  json.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

}  // namespace

DemoContainer::DemoContainer(net::IoContext& io, std::string name)
    : io_(io),
      name_(std::move(name)),
      timer_([](void* self) { static_cast<DemoContainer*>(self)->on_timer(); }, this) {}

Result<std::unique_ptr<DemoContainer>> DemoContainer::start(net::IoContext& io, std::string name,
                                                            const net::Address& address) {
  std::unique_ptr<DemoContainer> container(new DemoContainer(io, std::move(name)));
  if (Status listening = container->listen(address); !listening) return std::unexpected(listening.error());
  return container;
}

Status DemoContainer::listen(const net::Address& address) {
  auto server = stream::LocalServer::start(io_, address, *this, {.name = name_});
  if (!server) return std::unexpected(server.error());
  server_ = std::move(*server);
  address_ = server_->address();
  return {};
}

void DemoContainer::on_timer() {
  event::Loop& loop = io_.loop();
  if (server_ != nullptr) {
    server_.reset();
    timer_.set(loop.timers(), loop.now_ms() + stop_for_ms_);
  } else if (!listen(address_)) {
    timer_.set(loop.timers(), loop.now_ms() + 1000);  // the port is taken: try again
  }
}

void DemoContainer::handle(const stream::LocalRequest& request, stream::LocalReply reply) {
  const http::RequestHead& head = request.head;
  if (head.path == "/stop" && head.method == http::Method::kPost) {
    uint64_t seconds = 30;
    const size_t at = head.query.find("seconds=");
    if (at != std::string_view::npos) {
      const std::string_view digits = head.query.substr(at + 8);
      std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
    }
    seconds = std::min(seconds, kMaxStopSeconds);
    stop_for_ms_ = seconds * 1000;
    timer_.set(io_.loop().timers(), io_.loop().now_ms() + 1);
    reply.send({.body = "{\"container\":\"" + name_ + "\",\"stopped_for_seconds\":" + std::to_string(seconds) + "}\n"});
    return;
  }
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> json(buffer);
  json.StartObject();
  put(json, "container", name_);
  put(json, "method", head.method_text);
  put(json, "path", head.target);
  json.Key("headers");
  json.StartObject();
  for (const http::Field& field : head.headers) put(json, field.name, field.value);
  json.EndObject();
  put(json, "body", request.body);
  json.EndObject();
  reply.send({.body = std::string(buffer.GetString(), buffer.GetSize()) + "\n"});
}

}  // namespace flagmesh
