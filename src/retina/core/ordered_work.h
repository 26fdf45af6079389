#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <utility>

#include "retina/core/progress.h"
#include "retina/core/thread_pool.h"

namespace retina::core {

/// In which order finished items are handed on.
enum class CommitOrder {
  any,        ///< as they come, several at once
  ascending,  ///< one at a time, by their number
};

struct WorkOptions {
  int threads = 1;
  CommitOrder order = CommitOrder::any;
  std::string_view resume_hint = kContinueHint;  ///< of the error that a stop request becomes
};

/// Whose turn it is among threads that must hand on their items by number.
class Turnstile {
 public:
  /// Waits until all items before `i` have passed; false if the work was abandoned.
  bool enter(std::int64_t i) {
    std::unique_lock lock(mutex_);
    turn_.wait(lock, [&] { return abandoned_ || next_ == i; });
    return !abandoned_;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    ++next_;
    turn_.notify_all();
  }
  void abandon() {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    turn_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable turn_;
  std::int64_t next_ = 0;
  bool abandoned_ = false;
};

/// Runs `commit(i, prepare(i))` for 0 <= i < count. Every thread carries one item from reading to
/// writing, so that stages of different items overlap and never more items than threads are in
/// memory. Returns when all are done; the first error, or `interrupted` on a stop request, is
/// thrown here after the items in flight have ended.
template <class Prepare, class Commit>
void run_work(std::int64_t count, const WorkOptions& options, Prepare prepare, Commit commit,
              const Context& ctx) {
  Turnstile turnstile;
  const auto carry = [&](std::int64_t i) {
    try {
      ctx.check_stop(options.resume_hint);
      auto item = prepare(i);
      if (options.order == CommitOrder::any) {
        commit(i, std::move(item));
      } else if (turnstile.enter(i)) {
        commit(i, std::move(item));
        turnstile.leave();
      }
    } catch (...) {
      turnstile.abandon();
      throw;
    }
  };
  const auto threads = std::min<std::int64_t>(options.threads, count);
  if (threads <= 1) {
    for (std::int64_t i = 0; i < count; ++i) {
      carry(i);
    }
    return;
  }
  ThreadPool helpers(static_cast<int>(threads - 1));  // the caller works too
  helpers.parallel_for(count, carry);
}

}  // namespace retina::core
