#include "proxy/upstream/health_checker.h"

#include <algorithm>

#include "proxy/upstream/upstream_tls.h"

namespace flagmesh::upstream {

EndpointProbe::EndpointProbe(net::IoContext& context, Rng& rng, std::shared_ptr<SharedContainer> container,
                             std::shared_ptr<EndpointState> endpoint)
    : context_(context),
      rng_(rng),
      container_(std::move(container)),
      endpoint_(std::move(endpoint)),
      timer_([](void* self) { static_cast<EndpointProbe*>(self)->on_timer(); }, this) {}

EndpointProbe::~EndpointProbe() = default;

// The first check comes at once, but not all in the same moment.
void EndpointProbe::start() { schedule(rng_.below(std::max(1U, container_->spec().health_check->interval / 10))); }

void EndpointProbe::schedule(MonoMs after) {
  event::Loop& loop = context_.loop();
  timer_.set(loop.timers(), loop.now_ms() + after);
}

void EndpointProbe::on_timer() {
  if (running_) {
    finish(false);  // it took too long
  } else {
    begin();
  }
}

void EndpointProbe::begin() {
  running_ = true;
  h2_.reset();
  connection_ = std::make_unique<net::Connection>(context_, static_cast<net::ConnectionHandler&>(*this));
  decoder_ = std::make_unique<http::H1ResponseDecoder>(limits_);
  decoder_->expect(http::Method::kGet, false);
  bool failed = false;
  auto transport = make_transport(*container_, *endpoint_, nullptr, failed);
  if (failed || !connection_->start_connect(endpoint_->address, std::move(transport))) {
    finish(false);
    return;
  }
  schedule(container_->spec().health_check->timeout);
}

std::string EndpointProbe::host() const {
  return endpoint_->address.is_unix() ? std::string("localhost") : endpoint_->name;
}

void EndpointProbe::on_connected() {
  if (speaks_http2(container_->spec(), connection_->transport())) {
    host_ = host();
    h2_ = std::make_unique<H2Probe>(blocks_, limits_, host_, container_->spec().health_check->path,
                                    container_->spec().tls.has_value(), context_.loop().now_ms());
    h2_->pull(connection_->output());
    return;
  }
  Output& out = connection_->output();
  out.append("GET ");
  out.append(container_->spec().health_check->path);
  out.append(" HTTP/1.1\r\nHost: ");
  out.append(host());
  out.append("\r\nUser-Agent: flagmesh-health\r\nConnection: close\r\n\r\n");
}

size_t EndpointProbe::on_bytes(std::string_view bytes) {
  if (h2_ != nullptr) {
    h2_->receive(bytes, context_.loop().now_ms());
    if (h2_->status() != 0 || h2_->failed()) {
      finish(h2_->status() >= 200 && h2_->status() < 400);
    } else {
      h2_->pull(connection_->output());
    }
    return bytes.size();
  }
  std::string_view input = bytes;
  Arena arena(blocks_);
  http::ResponseHead head;
  http::HeaderList trailers;
  std::string_view data;
  while (true) {
    const http::H1Event event = decoder_->next(input, arena, head, data, trailers);
    if (event == http::H1Event::kInterim) continue;
    if (event == http::H1Event::kNeedMore) return bytes.size() - input.size();
    finish(event == http::H1Event::kHead && head.status >= 200 && head.status < 400);
    return bytes.size();
  }
}

void EndpointProbe::on_close(net::CloseCause, int) { finish(false); }

void EndpointProbe::finish(bool success) {
  if (!running_) return;
  running_ = false;
  // Not inside its own callback: the connection lives until the next check begins.
  connection_->close();
  const snapshot::HealthCheckSpec& spec = *container_->spec().health_check;
  successes_ = success ? successes_ + 1 : 0;
  failures_ = success ? 0 : failures_ + 1;
  const bool failed = endpoint_->check_failed.load(std::memory_order_relaxed);
  if (failed && successes_ >= spec.healthy_after) {
    endpoint_->check_failed.store(false, std::memory_order_relaxed);
    container_->recount_healthy();
  } else if (!failed && failures_ >= spec.unhealthy_after) {
    endpoint_->check_failed.store(true, std::memory_order_relaxed);
    container_->recount_healthy();
  }
  const MonoMs jitter = rng_.below(std::max(1U, spec.interval / 10));
  schedule(spec.interval - spec.interval / 20 + jitter);
}

void HealthChecker::set_containers(const std::vector<std::shared_ptr<SharedContainer>>& containers) {
  std::vector<std::unique_ptr<EndpointProbe>> next;
  for (const auto& container : containers) {
    if (!container->spec().health_check) continue;
    const std::shared_ptr<const EndpointList> endpoints = container->endpoints();
    for (const auto& endpoint : *endpoints) {
      const auto known = std::ranges::find_if(
          probes_, [&](const auto& probe) { return probe != nullptr && probe->endpoint() == endpoint.get(); });
      if (known != probes_.end()) {
        next.push_back(std::move(*known));
        continue;
      }
      next.push_back(std::make_unique<EndpointProbe>(context_, rng_, container, endpoint));
      next.back()->start();
    }
  }
  probes_ = std::move(next);
}

}  // namespace flagmesh::upstream
