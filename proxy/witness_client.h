// Asks outside witnesses (C2SP tlog-witness) to cosign what the engine has signed: each candidate,
// and the head again as a heartbeat. Their answers go where validators leave theirs, so a witness
// counts as what its key is pinned as. https://c2sp.org/tlog-witness
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "control/config/config.h"
#include "control/engine/engine.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer.h"

namespace flagmesh {

// Owned by the engine's command, on the engine's loop. Calls block, so a thread of its own makes
// them; destroying this waits for the one that is out (10 s at most). The engine outlives it.
class WitnessClient {
 public:
  WitnessClient(event::Loop& loop, engine::Engine& engine,
                std::vector<config::WitnessConfig> witnesses, MonoMs interval_ms);
  ~WitnessClient();
  WitnessClient(const WitnessClient&) = delete;
  WitnessClient& operator=(const WitnessClient&) = delete;

 private:
  struct Job {
    size_t witness = 0;
    uint64_t size = 0;  // of the checkpoint
    merkle::Hash root;
    std::string url;
    std::string body;
  };
  struct Known {
    uint64_t size = 0;  // of the newest checkpoint that the witness has, as far as is known
    bool busy = false;
    bool again = false;
    std::string trouble;  // as last logged
  };

  void ask_all();
  void ask(size_t witness);
  void answered(const Job& job, uint16_t status, const std::string& body);
  void work();
  static void on_timer(void* self);

  event::Loop& loop_;
  engine::Engine& engine_;
  const std::vector<config::WitnessConfig> witnesses_;
  const MonoMs interval_ms_;
  std::vector<Known> known_;
  event::Timer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;   // guarded by mutex_
  bool ending_ = false;    // guarded by mutex_
  std::thread thread_;     // last: ends first
};

}  // namespace flagmesh
