#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <torch/csrc/distributed/c10d/Store.hpp>

#include "retina/trainer/heartbeat_times.h"

namespace retina::trainer {

/// Tells the other ranks through the store that this one lives, and watches that they do: the
/// communication itself waits for ever for a rank that hangs, and does not say which one died.
class Heartbeat {
 public:
  /// Called once, from a thread, with what to tell the user about a lost rank.
  using Lost = std::function<void(const std::string&)>;

  /// All ranks have called announce() on their stores. `names`: of all ranks, for the message.
  /// `store` is used by this object alone.
  Heartbeat(c10::intrusive_ptr<c10d::Store> store, std::int64_t rank,
            std::vector<std::string> names, HeartbeatTimes times, Lost lost);
  /// Nobody is watched any more.
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  /// Makes the first sign of life of a rank.
  static void announce(c10d::Store& store, std::int64_t rank);
  /// The last signs: what the others no longer need to wait for.
  static void say_done(c10d::Store& store, std::int64_t rank);
  static void say_failed(c10d::Store& store, std::int64_t rank);
  static bool is_done(c10d::Store& store, std::int64_t rank);

  /// Communication has failed: waits until it is known, and told to `lost`, which rank is to blame.
  /// Its message; empty if all ranks live.
  std::string blame();

 private:
  using Clock = std::chrono::steady_clock;
  struct Peer {
    std::string sign;
    Clock::time_point since;  ///< when the sign was new
  };

  void talk(const std::stop_token& stop);
  void exchange_signs();
  void watch(const std::stop_token& stop);
  std::string judge(Clock::time_point now) const;
  void wait(const std::stop_token& stop, double seconds);

  c10::intrusive_ptr<c10d::Store> store_;
  std::int64_t rank_;
  std::vector<std::string> names_;
  HeartbeatTimes times_;
  Lost lost_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Peer> peers_;
  Clock::time_point answered_;  ///< when the store did so last
  bool is_suspicious_ = false;
  bool is_told_ = false;
  std::string verdict_;
  std::jthread talker_;   ///< may hang together with the store
  std::jthread watcher_;  ///< does not
};

}  // namespace retina::trainer
