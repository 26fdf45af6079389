#include "retina/core/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <exception>

namespace retina::core {

ThreadPool::ThreadPool(int threads) {
  for (int i = 0; i < threads; ++i) {
    workers_.emplace_back([this] { work(); });
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  ready_.notify_all();
  for (std::thread& worker : workers_) {
    worker.join();
  }
}

void ThreadPool::enqueue(std::function<void()> job) {
  if (workers_.empty()) {
    job();
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  ready_.notify_one();
}

void ThreadPool::work() {
  while (true) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return closing_ || !jobs_.empty(); });
      if (jobs_.empty()) {
        return;
      }
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

void ThreadPool::parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& body) {
  std::atomic<std::int64_t> next{0};
  std::mutex error_mutex;
  std::exception_ptr error;
  const auto run = [&] {
    for (std::int64_t i = next++; i < count; i = next++) {
      try {
        body(i);
      } catch (...) {  // kept for the caller: the first one is rethrown below
        const std::lock_guard lock(error_mutex);
        if (!error) {
          error = std::current_exception();
        }
        next = count;
      }
    }
  };
  std::vector<std::future<void>> helpers;
  for (std::int64_t i = 0; i < std::min<std::int64_t>(threads(), count - 1); ++i) {
    helpers.push_back(submit(run));
  }
  run();
  for (std::future<void>& helper : helpers) {
    helper.get();
  }
  if (error) {
    std::rethrow_exception(error);
  }
}

}  // namespace retina::core
