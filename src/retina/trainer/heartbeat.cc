#include "retina/trainer/heartbeat.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace retina::trainer {
namespace {

constexpr const char* kLostKey = "lost";
constexpr const char* kFirstSign = "0";
constexpr const char* kDone = "done";
constexpr const char* kFailed = "failed";

std::string sign_key(std::int64_t rank) {
  return fmt::format("sign/{}", rank);
}

std::vector<std::uint8_t> to_bytes(std::string_view text) {
  return {text.begin(), text.end()};
}

std::string to_text(const std::vector<std::uint8_t>& bytes) {
  return {bytes.begin(), bytes.end()};
}

double seconds_between(std::chrono::steady_clock::time_point from,
                       std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

void Heartbeat::announce(c10d::Store& store, std::int64_t rank) {
  if (rank == 0) {
    store.set(kLostKey, to_bytes(""));
  }
  store.set(sign_key(rank), to_bytes(kFirstSign));
}

void Heartbeat::say_done(c10d::Store& store, std::int64_t rank) {
  store.set(sign_key(rank), to_bytes(kDone));
}

void Heartbeat::say_failed(c10d::Store& store, std::int64_t rank) {
  store.set(sign_key(rank), to_bytes(kFailed));
}

bool Heartbeat::is_done(c10d::Store& store, std::int64_t rank) {
  const std::string sign = to_text(store.get(sign_key(rank)));
  return sign == kDone || sign == kFailed;
}

Heartbeat::Heartbeat(c10::intrusive_ptr<c10d::Store> store, std::int64_t rank,
                     std::vector<std::string> names, HeartbeatTimes times, Lost lost)
    : store_(std::move(store)),
      rank_(rank),
      names_(std::move(names)),
      times_(times),
      lost_(std::move(lost)),
      peers_(names_.size(), Peer{.sign = kFirstSign, .since = Clock::now()}),
      answered_(Clock::now()),
      talker_([this](const std::stop_token& stop) { talk(stop); }),
      watcher_([this](const std::stop_token& stop) { watch(stop); }) {}

Heartbeat::~Heartbeat() {
  watcher_.request_stop();
  talker_.request_stop();
}

void Heartbeat::wait(const std::stop_token& stop, double seconds) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, std::chrono::duration<double>(seconds), [] { return false; });
}

void Heartbeat::talk(const std::stop_token& stop) {
  for (std::int64_t beat = 1; !stop.stop_requested(); ++beat) {
    try {
      store_->set(sign_key(rank_), to_bytes(std::to_string(beat)));
      exchange_signs();
    } catch (const std::exception&) {
      // the store is gone, and will not come back: answered_ stays behind, which judge() sees
      const std::lock_guard lock(mutex_);
      is_suspicious_ = true;
      return;
    }
    wait(stop, times_.beat_s);
  }
}

/// Reads the signs of all ranks; passes on, or takes over, who is lost.
void Heartbeat::exchange_signs() {
  std::vector<std::string> keys = {kLostKey};
  for (std::size_t peer = 0; peer < names_.size(); ++peer) {
    keys.push_back(sign_key(static_cast<std::int64_t>(peer)));
  }
  const std::vector<std::vector<std::uint8_t>> values = store_->multiGet(keys);
  std::unique_lock lock(mutex_);
  answered_ = Clock::now();
  for (std::size_t peer = 0; peer < names_.size(); ++peer) {
    if (std::string sign = to_text(values[peer + 1]); sign != peers_[peer].sign) {
      peers_[peer] = {.sign = std::move(sign), .since = answered_};
    }
  }
  const std::string told = to_text(values[0]);
  if (verdict_.empty()) {
    verdict_ = told;
  } else if (told.empty()) {
    const std::vector<std::uint8_t> verdict = to_bytes(verdict_);
    lock.unlock();
    store_->set(kLostKey, verdict);
  }
}

/// Which rank is lost; empty = none. The mutex is held.
std::string Heartbeat::judge(Clock::time_point now) const {
  const double patience = is_suspicious_ ? times_.suspected_s : times_.silent_s;
  if (seconds_between(answered_, now) > patience) {  // it says nothing of the others
    return fmt::format("{} is lost: the store there has not answered for {:.0f} s", names_[0],
                       seconds_between(answered_, now));
  }
  for (std::size_t peer = 0; peer < peers_.size(); ++peer) {
    const auto& [sign, since] = peers_[peer];
    const double age = seconds_between(since, now);
    if (static_cast<std::int64_t>(peer) == rank_ || sign == kDone) {
      continue;
    }
    if (sign == kFailed && age > 3 * times_.beat_s) {  // unless this one fails by the same error
      return fmt::format("{} has ended with an error; see its messages", names_[peer]);
    }
    if (sign != kFailed && age > patience) {
      return fmt::format("{} is lost: no sign of life for {:.0f} s", names_[peer], age);
    }
  }
  return {};
}

void Heartbeat::watch(const std::stop_token& stop) {
  Clock::time_point before = Clock::now();
  while (!stop.stop_requested()) {
    wait(stop, times_.beat_s / 2);
    const Clock::time_point now = Clock::now();
    std::unique_lock lock(mutex_);
    const Clock::duration gap = now - std::exchange(before, now);
    if (gap > std::chrono::duration<double>(4 * times_.beat_s)) {
      // this process was suspended; the others may have been too
      answered_ += gap;
      for (Peer& peer : peers_) {
        peer.since += gap;
      }
    }
    verdict_ = verdict_.empty() ? judge(now) : verdict_;
    if (verdict_.empty()) {
      continue;
    }
    const std::string verdict = verdict_;
    lock.unlock();
    wait(stop, 2 * times_.beat_s);  // the talker passes it on, so that all ranks say the same
    if (!stop.stop_requested()) {
      lost_(verdict);
    }
    lock.lock();
    is_told_ = true;
    changed_.notify_all();
    return;
  }
}

std::string Heartbeat::blame() {
  std::unique_lock lock(mutex_);
  is_suspicious_ = true;
  const double limit = times_.silent_s + 4 * times_.beat_s;
  changed_.wait_for(lock, std::chrono::duration<double>(limit), [this] { return is_told_; });
  return verdict_;
}

}  // namespace retina::trainer
