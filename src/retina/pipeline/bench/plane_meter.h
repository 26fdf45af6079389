#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "retina/core/progress.h"

namespace retina::pipeline {

/// Shows progress of several threads.
class PlaneMeter {
 public:
  PlaneMeter(const core::Context& context, const std::string& job, std::int64_t total)
      : progress_(*context.progress) {
    progress_.begin(job, total, "images");
  }
  ~PlaneMeter() { progress_.end(); }
  PlaneMeter(const PlaneMeter&) = delete;
  PlaneMeter& operator=(const PlaneMeter&) = delete;

  void add(std::int64_t images, const std::string& note) {
    const std::lock_guard lock(mutex_);
    done_ += images;
    progress_.update(done_, note);
  }

 private:
  core::Progress& progress_;
  std::mutex mutex_;
  std::int64_t done_ = 0;
};

}  // namespace retina::pipeline
