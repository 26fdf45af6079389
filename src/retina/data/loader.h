#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>

#include "retina/core/thread_pool.h"
#include "retina/data/batch.h"
#include "retina/data/plane_cache.h"
#include "retina/data/sampler.h"

namespace retina::data {

/// Which part {0,y,x}+{1,h,w} of the plane a sample needs; must lie in the plane. Pure (called from
/// worker threads).
using ChooseBox = std::function<core::Box3(const SampleKey&)>;

struct LoaderOptions {
  std::int64_t batch = 16;  ///< samples of a batch, of this process
  std::uint64_t seed = 0;   ///< of the run
  Shuffle shuffle = Shuffle::each_epoch;
  /// Every epoch starts with a batch of its own; what does not fill a batch is left out. Not for
  /// datasets smaller than a batch.
  bool drop_last = false;
  int threads = 1;                                   ///< that read ahead; 0 = next() reads itself
  int read_ahead = 4;                                ///< batches in flight
  std::int64_t cache_bytes = std::int64_t{2} << 30;  ///< planes kept in memory
  std::int64_t start = 0;  ///< batches to skip: the state of the loader that is continued
  std::int64_t rank = 0,
               ranks = 1;  ///< this process of how many; together they see the batches of one
};

/// Batches of raw pixels in a fixed order, read ahead by worker threads.
///
///     data::Loader loader(dataset, {.batch = 8, .seed = 1234},
///                         [&](const data::SampleKey& key) { return augment::draw_geometry(recipe,
///                         key.seed,
///                             key.plane_shape, key.foreground,
///                             key.known).box; });
///     while (...) { data::RawBatch raw = loader.next(); ... }
///
/// `pipeline/run/training_batches.h` has this callback and the step from RawBatch to Batch
/// ready-made. Batch b of the run is the same whatever threads, read_ahead and cache_bytes are.
/// Errors of the workers arrive at next().
///
/// Planes are read whole and kept, the most recently used ones up to cache_bytes. Of planes without
/// labels that do not all fit there, and are much larger than the box, only the box is read: a
/// plane across x crosses every chunk of its rows, and would be gone before it is asked for again.
class Loader {
 public:
  Loader(std::shared_ptr<const Dataset> dataset, const LoaderOptions& options,
         ChooseBox choose_box);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The next batch; waits only if reading ahead fell behind, or if no thread reads ahead.
  RawBatch next();
  /// Batches given out: LoaderOptions::start of a loader that goes on from here. All of the
  /// loader's state.
  std::int64_t state() const { return next_; }
  std::int64_t epoch_length() const { return sampler_.epoch_length(); }  ///< samples
  double waited_s() const { return waited_s_; }  ///< seconds next() waited so far

 private:
  std::int64_t first_sample(std::int64_t batch) const;
  RawBatch read_batch(std::int64_t number) const;
  RawSample read_sample(const Patch& patch) const;
  core::Box3 chosen_box(const SampleKey& key, const Slice& slice) const;
  bool reads_box_alone(const core::Vec3& plane, const core::Box3& box) const;
  void submit_ahead();

  std::shared_ptr<const Dataset> dataset_;
  LoaderOptions options_;
  ChooseBox choose_box_;
  Sampler sampler_;
  std::unique_ptr<PlaneCache> cache_;
  bool all_planes_fit_;         ///< into the cache
  std::int64_t next_ = 0;       ///< batch that next() gives
  std::int64_t submitted_ = 0;  ///< first batch that no worker has been given
  double waited_s_ = 0;
  std::deque<std::future<RawBatch>> in_flight_;
  core::ThreadPool workers_;  ///< last: joins before the rest goes
};

}  // namespace retina::data
