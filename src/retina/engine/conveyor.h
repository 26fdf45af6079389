#pragma once

#include <cstdint>
#include <exception>
#include <future>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "retina/core/clock.h"
#include "retina/core/progress.h"
#include "retina/core/thread_pool.h"

namespace retina::engine {

/// How long a conveyor ran and how much of that its compute stage waited for the others.
struct ConveyorTime {
  double seconds = 0;
  double compute_waited = 0;

  ConveyorTime& operator+=(const ConveyorTime& other) {
    seconds += other.seconds;
    compute_waited += other.compute_waited;
    return *this;
  }
  /// 1 - waiting / wall time; 1 for no time at all.
  double device_busy() const { return seconds > 0 ? 1 - compute_waited / seconds : 1; }
};

/// Items that are in flight at once at each side of the compute stage: one being read (written),
/// one waiting, one being computed.
inline constexpr int kItemsInFlight = 3;

/// Runs items 0..count-1 in order through `read(i) -> In` and `write(i, Out)`, each on a thread of
/// its own, and `compute(i, In) -> Out` on the caller's, with bounded queues between them. The
/// first error of any stage, or a stop request (with `resume_hint`), ends all stages and is thrown
/// here.
template <class Read, class Compute, class Write>
ConveyorTime run_conveyor(std::int64_t count, Read read, Compute compute, Write write,
                          const core::Context& ctx, std::string_view resume_hint) {
  using In = decltype(read(std::int64_t{}));
  using Out = decltype(compute(std::int64_t{}, std::declval<In>()));
  core::BoundedQueue<In> inputs(1);
  core::BoundedQueue<Out> outputs(1);
  const core::Stopwatch wall;
  double waited = 0;
  const auto timed = [&](auto&& step) {
    const core::Stopwatch watch;
    auto result = step();
    waited += watch.seconds();
    return result;
  };

  std::future<void> reader = std::async(std::launch::async, [&] {
    try {
      for (std::int64_t i = 0; i < count && inputs.push(read(i)); ++i) {
      }
    } catch (...) {
      inputs.close();
      throw;
    }
  });
  std::future<void> writer = std::async(std::launch::async, [&] {
    try {
      for (std::int64_t i = 0; i < count; ++i) {
        std::optional<Out> item = outputs.pop();
        if (!item) {
          return;
        }
        write(i, std::move(*item));
      }
    } catch (...) {
      outputs.close();
      throw;
    }
  });

  std::exception_ptr failure;
  try {
    for (std::int64_t i = 0; i < count; ++i) {
      ctx.check_stop(resume_hint);
      std::optional<In> item = timed([&] { return inputs.pop(); });
      if (!item) {
        break;
      }
      Out result = compute(i, std::move(*item));
      if (!timed([&] { return outputs.push(std::move(result)); })) {
        break;
      }
    }
  } catch (...) {
    failure = std::current_exception();
  }
  inputs.close();
  outputs.close();
  reader.wait();
  timed([&] {
    writer.wait();
    return 0;
  });
  if (failure) {
    std::rethrow_exception(failure);
  }
  reader.get();
  writer.get();
  return {wall.seconds(), waited};
}

}  // namespace retina::engine
