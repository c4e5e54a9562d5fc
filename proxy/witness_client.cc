#include "proxy/witness_client.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "merkle/encoding.h"
#include "proxy/http_client.h"

namespace flagmesh {

WitnessClient::WitnessClient(event::Loop& loop, engine::Engine& engine,
                             std::vector<config::WitnessConfig> witnesses, MonoMs interval_ms)
    : loop_(loop),
      engine_(engine),
      witnesses_(std::move(witnesses)),
      interval_ms_(interval_ms),
      known_(witnesses_.size()),
      timer_(&WitnessClient::on_timer, this),
      thread_([this] { work(); }) {
  engine_.set_on_candidate([this] { ask_all(); });
  timer_.set(loop_.timers(), loop_.now_ms() + interval_ms_);
}

WitnessClient::~WitnessClient() {
  *alive_ = false;
  engine_.set_on_candidate({});
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void WitnessClient::on_timer(void* self) {
  auto& client = *static_cast<WitnessClient*>(self);
  client.timer_.set(client.loop_.timers(), client.loop_.now_ms() + client.interval_ms_);
  client.ask_all();
}

void WitnessClient::ask_all() {
  for (size_t i = 0; i < witnesses_.size(); ++i) ask(i);
}

// "old N", the proof from there, and the checkpoint.
void WitnessClient::ask(size_t witness) {
  Known& known = known_[witness];
  if (known.busy) {
    known.again = true;
    return;
  }
  const std::string& note = engine_.epochs().newest_note();
  const uint64_t size = engine_.epochs().newest_note_size();
  if (note.empty() || size == 0 || known.size > size) return;
  const merkle::EpochLog& log = engine_.epochs().log();
  Job job{witness, size, log.root_at(size), witnesses_[witness].url + "/add-checkpoint", {}};
  job.body = "old " + std::to_string(known.size) + "\n";
  for (const merkle::Hash& hash : log.consistency(known.size, size)) {
    job.body += hash.base64() + "\n";
  }
  job.body += "\n" + note;
  known.busy = true;
  known.again = false;
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void WitnessClient::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
    if (ending_) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    const auto answer = http_call({http::Method::kPost, job.url, job.body});
    const uint16_t status = answer ? answer->status : 0;
    loop_.post([this, alive = alive_, job = std::move(job), status,
                body = answer ? answer->body : answer.error().text()] {
      if (*alive) answered(job, status, body);
    });
    lock.lock();
  }
}

void WitnessClient::answered(const Job& job, uint16_t status, const std::string& body) {
  Known& known = known_[job.witness];
  known.busy = false;
  const std::string& key = witnesses_[job.witness].key.text();
  if (status == 200) {
    known.size = job.size;
    known.trouble.clear();
    for (std::string_view rest = body; !rest.empty();) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      const auto line = merkle::parse_signature_line(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (line && line->name == witnesses_[job.witness].key.name()) {
        engine_.put_cosignature(job.size, job.root, key, line->line());
      }
    }
  } else {
    // It says what it has; the next time the proof begins there.
    const auto size = merkle::parse_decimal(body.substr(0, body.find('\n')));
    const bool moved = status == 409 && size && *size != known.size && *size <= job.size;
    if (moved) {
      known.size = *size;
      known.again = true;
    }
    const std::string trouble = std::to_string(status) + " " + body;
    if (!moved && std::exchange(known.trouble, trouble) != trouble) {
      spdlog::warn("witness {} does not cosign: {}", witnesses_[job.witness].url, trouble);
    }
  }
  if (known.again) ask(job.witness);
}

}  // namespace flagmesh
