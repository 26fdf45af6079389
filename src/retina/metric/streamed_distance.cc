#include "retina/metric/streamed_distance.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/types.h>
#include <unistd.h>

#include "retina/core/file.h"
#include "retina/core/resource_limits.h"
#include "retina/core/thread_pool.h"
#include "retina/label/distance_transform.h"

namespace retina::metric {
namespace {

using core::Array;
using core::Box3;
using core::Vec3;
using core::Vec3d;
using MaskOf = std::function<Array(const Box3&)>;

/// Of a plane of the sweeps through a file: two counts, the transform, masks and labels.
constexpr std::int64_t kBytesPerPlanePixel = 40;
/// Planes of masks that are made at once.
constexpr std::int64_t kPlanesPerRead = 16;
constexpr std::uint32_t kNothingYet = std::numeric_limits<std::uint32_t>::max();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

class Summing {
 public:
  /// `reach`: greater distances are not known.
  Summing(double threshold, double reach) : threshold_(threshold), reach_(reach) {}

  void add_touching(std::int64_t voxels) { summary_.count += voxels; }
  void add(double distance) {
    ++summary_.count;
    summary_.beyond += distance > threshold_ ? 1 : 0;
    if (distance > reach_) {
      ++summary_.unresolved;
      return;
    }
    sum_ += distance;
    summary_.max = std::max(summary_.max, distance);
  }
  DirectedSummary summary() const {
    DirectedSummary result = summary_;
    const std::int64_t resolved = result.count - result.unresolved;
    result.mean =
        resolved == 0 ? 0 : static_cast<double>(sum_ / static_cast<long double>(resolved));
    return result;
  }

 private:
  double threshold_;
  double reach_;
  DirectedSummary summary_;
  long double sum_ = 0;
};

/// Shown until the sweeps end, with an error too: a disk that is full leaves the other scores.
class Showing {
 public:
  Showing(std::int64_t planes, const core::Context& context) : context_(context) {
    context_.progress->begin("distances", planes, "planes");
  }
  ~Showing() { context_.progress->end(); }
  Showing(const Showing&) = delete;
  Showing& operator=(const Showing&) = delete;

  void finish_plane() { context_.progress->update(++done_); }

 private:
  const core::Context& context_;
  std::int64_t done_ = 0;
};

/// From steps along z to distances, for planes of one size.
class PlaneDistances {
 public:
  /// `counted`: the part of a plane whose distances are asked for; `threads`: with the caller.
  PlaneDistances(const Vec3& plane, const Box3& counted, const Vec3d& sampling, int threads)
      : counted_(counted),
        sampling_(sampling),
        squared_(core::DType::f64, 1, plane),
        pool_(threads - 1) {}

  /// `steps`: of every pixel, to the nearest plane that has the other set there;
  /// `is_start(i)`: whether a distance is measured from pixel i.
  template <class Steps, class IsStart>
  void add(std::span<const Steps> steps, IsStart is_start, Summing& sums,
           const core::Context& context) {
    std::int64_t touching = 0;
    std::int64_t apart = 0;
    for_each_counted([&](std::size_t i) {
      if (is_start(i)) {
        ++(steps[i] == 0 ? touching : apart);
      }
    });
    sums.add_touching(touching);
    if (apart == 0) {
      return;
    }
    const auto values = squared_.values<double>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double along_z = sampling_[0] * steps[i];
      values[i] = steps[i] == std::numeric_limits<Steps>::max() ? kInfinity : along_z * along_z;
    }
    label::spread_in_plane(squared_, sampling_, pool_, context);
    for_each_counted([&](std::size_t i) {
      if (is_start(i) && steps[i] != 0) {
        sums.add(std::sqrt(values[i]));
      }
    });
  }

 private:
  template <class Visit>
  void for_each_counted(Visit visit) const {
    const std::int64_t width = squared_.shape()[2];
    for (std::int64_t y = counted_.start[1]; y < counted_.stop()[1]; ++y) {
      const auto row = static_cast<std::size_t>(y * width + counted_.start[2]);
      for (std::size_t i = row; i < row + static_cast<std::size_t>(counted_.shape[2]); ++i) {
        visit(i);
      }
    }
  }

  Box3 counted_;
  Vec3d sampling_;
  Array squared_;
  core::ThreadPool pool_;
};

/// Visits the planes of a part of a mask by slabs, upwards or downwards.
class PlaneReader {
 public:
  PlaneReader(const MaskOf& mask, const Box3& box, std::int64_t thickness)
      : mask_(mask), box_(box), thickness_(thickness) {}

  /// Of plane z: one byte a pixel.
  std::span<const std::uint8_t> plane(std::int64_t z) {
    const std::int64_t slab = z / thickness_;
    if (slab != slab_) {
      Box3 part = box_;
      part.start[0] = slab * thickness_;
      part.shape[0] = std::min(thickness_, box_.shape[0] - part.start[0]);
      values_ = mask_(part);
      slab_ = slab;
    }
    const auto pixels = static_cast<std::size_t>(box_.shape[1] * box_.shape[2]);
    return values_.values<std::uint8_t>().subspan(
        static_cast<std::size_t>(z - slab * thickness_) * pixels, pixels);
  }

 private:
  const MaskOf& mask_;
  Box3 box_;  ///< all planes
  std::int64_t thickness_;
  std::int64_t slab_ = -1;
  Array values_;
};

/// Steps along z to the nearest voxel of a set, for the last planes of a sweep: a plane is final
/// once `reach` planes have followed it. What is farther than `reach` has kNone.
class StepsAlongZ {
 public:
  using Steps = std::uint16_t;
  static constexpr Steps kNone = std::numeric_limits<Steps>::max();

  StepsAlongZ(std::int64_t reach, std::size_t pixels)
      : reach_(reach),
        pixels_(pixels),
        planes_(static_cast<std::size_t>(reach + 1) * pixels, kNone) {}

  /// Each pixel of each plane is written twice at most, once the set is met above it.
  void push(std::span<const std::uint8_t> mask) {
    const Steps* before = count_ == 0 ? nullptr : start_of(count_ - 1);
    Steps* steps = start_of(count_);
    for (std::size_t i = 0; i < pixels_; ++i) {
      const Steps last = before == nullptr ? kNone : before[i];
      if (mask[i] == 0) {
        steps[i] = last >= reach_ ? kNone : static_cast<Steps>(last + 1);
        continue;
      }
      steps[i] = 0;
      if (last > 1) {
        reach_back(i);
      }
    }
    ++count_;
  }
  /// Plane z of those pushed, of the last reach + 1.
  std::span<const Steps> plane(std::int64_t z) { return {start_of(z), pixels_}; }

 private:
  Steps* start_of(std::int64_t z) {
    return planes_.data() + static_cast<std::size_t>(z % (reach_ + 1)) * pixels_;
  }
  void reach_back(std::size_t i) {
    const std::int64_t most = std::min(reach_, count_);
    for (std::int64_t k = 1; k <= most && start_of(count_ - k)[i] > k; ++k) {
      start_of(count_ - k)[i] = static_cast<Steps>(k);
    }
  }

  std::int64_t reach_;
  std::size_t pixels_;
  std::vector<Steps> planes_;
  std::int64_t count_ = 0;
};

/// The halo in voxels; no more than there are.
Vec3 halo_voxels(const Vec3& shape, const StreamedDistanceOptions& options) {
  Vec3 halo{};
  for (std::size_t a = 0; a < 3; ++a) {
    const auto most = static_cast<double>(std::max<std::int64_t>(shape[a] - 1, 0));
    halo[a] =
        static_cast<std::int64_t>(std::min(most, std::ceil(options.halo / options.sampling[a])));
  }
  return halo;
}

/// One plane of a tile: as many rows and columns as fit into memory with the halo around them.
/// Whole rows are read best; where they would be mostly halo, squares are taken.
Vec3 tile_that_fits(const StreamedMasks& masks, const Vec3& halo, std::int64_t max_bytes) {
  const Vec3& shape = masks.shape;
  const std::int64_t read = std::min(kPlanesPerRead, shape[0]) * (masks.label_bytes + 2);
  const std::int64_t bytes = 4 * (halo[0] + 1) + 16 + read;
  const auto needs = [&](std::int64_t rows, std::int64_t columns) {
    return bytes * std::min(shape[1], rows + 2 * halo[1]) *
           std::min(shape[2], columns + 2 * halo[2]);
  };
  std::int64_t side = std::max<std::int64_t>(1, 2 * std::max(halo[1], halo[2]));
  if (needs(side, side) > max_bytes || halo[0] >= StepsAlongZ::kNone) {
    throw Error(ErrorKind::resource,
                Problem{.subject = "distances by blocks",
                        .found = fmt::format("a halo of {} voxels needs {}", core::to_string(halo),
                                             core::format_size(needs(side, side))),
                        .expected = fmt::format("at most {}", core::format_size(max_bytes)),
                        .remedy = "raise --max-ram, lower --distance-halo or give --scratch"});
  }
  const std::int64_t rows = max_bytes / (bytes * shape[2]) - 2 * halo[1];
  if (rows >= std::max<std::int64_t>(1, 2 * halo[1])) {
    return {1, std::min(rows, shape[1]), shape[2]};
  }
  while (side < std::max(shape[1], shape[2]) && needs(side + 1, side + 1) <= max_bytes) {
    ++side;
  }
  return {1, std::min(side, shape[1]), std::min(side, shape[2])};
}

/// Both directions in one sweep along z, on two threads: a plane is measured once `halo` planes
/// above it are known.
class HaloSweep {
 public:
  HaloSweep(const StreamedMasks& masks, const StreamedDistanceOptions& options,
            const core::Context& context)
      : masks_(masks),
        options_(options),
        context_(context),
        halo_(halo_voxels(masks.shape, options)),
        reach_(covers_all() ? kInfinity : options.halo),
        from_prediction_(options.threshold, reach_),
        from_truth_(options.threshold, reach_) {}

  StreamedDistances run() {
    const Vec3& shape = masks_.shape;
    const Vec3 tile = tile_that_fits(masks_, halo_, options_.max_bytes);
    const auto tiles = [&](std::size_t a) { return (shape[a] + tile[a] - 1) / tile[a]; };
    Showing showing(tiles(1) * tiles(2) * shape[0], context_);
    for (std::int64_t y = 0; y < shape[1]; y += tile[1]) {
      for (std::int64_t x = 0; x < shape[2]; x += tile[2]) {
        sweep(core::intersect({{0, y, x}, {shape[0], tile[1], tile[2]}}, core::whole(shape)),
              showing);
      }
    }
    return {from_prediction_.summary(), from_truth_.summary()};
  }

 private:
  /// Then every distance is found, whatever the halo in physical units.
  bool covers_all() const {
    return halo_[0] + 1 >= masks_.shape[0] && halo_[1] + 1 >= masks_.shape[1] &&
           halo_[2] + 1 >= masks_.shape[2];
  }

  void sweep(const Box3& tile, Showing& showing) {
    Box3 around = tile;
    Box3 counted{{0, 0, 0}, {1, tile.shape[1], tile.shape[2]}};
    for (const std::size_t a : {1U, 2U}) {
      around.start[a] = std::max<std::int64_t>(0, tile.start[a] - halo_[a]);
      around.shape[a] = std::min(masks_.shape[a], tile.stop()[a] + halo_[a]) - around.start[a];
      counted.start[a] = tile.start[a] - around.start[a];
    }
    const auto pixels = static_cast<std::size_t>(around.shape[1] * around.shape[2]);
    PlaneReader predicted(masks_.prediction, around, kPlanesPerRead);
    PlaneReader actual(masks_.truth, around, kPlanesPerRead);
    StepsAlongZ to_prediction(halo_[0], pixels);
    StepsAlongZ to_truth(halo_[0], pixels);
    const Vec3 plane{1, around.shape[1], around.shape[2]};
    const int threads = std::max(1, core::usable_cores() / 2);
    PlaneDistances forth(plane, counted, options_.sampling, threads);
    PlaneDistances back(plane, counted, options_.sampling, threads);
    core::ThreadPool directions(std::min(1, core::usable_cores() - 1));
    for (std::int64_t above = 0; above < around.shape[0] + halo_[0]; ++above) {
      context_.check_stop(core::kRerunHint);
      if (above < around.shape[0]) {
        to_prediction.push(predicted.plane(above));
        to_truth.push(actual.plane(above));
      }
      if (const std::int64_t z = above - halo_[0]; z >= 0) {
        const auto p = to_prediction.plane(z);
        const auto t = to_truth.plane(z);
        directions.parallel_for(2, [&](std::int64_t direction) {
          if (direction == 0) {
            forth.add(
                t, [&](std::size_t i) { return p[i] == 0; }, from_prediction_, context_);
          } else {
            back.add(
                p, [&](std::size_t i) { return t[i] == 0; }, from_truth_, context_);
          }
        });
        showing.finish_plane();
      }
    }
  }

  const StreamedMasks& masks_;
  const StreamedDistanceOptions& options_;
  const core::Context& context_;
  Vec3 halo_;
  double reach_;
  Summing from_prediction_;
  Summing from_truth_;
};

/// Planes of uint32 in a file without a name: nothing is left of it, however the process ends.
class PlaneFile {
 public:
  PlaneFile(const std::filesystem::path& folder, std::int64_t pixels)
      : bytes_(static_cast<std::size_t>(pixels) * sizeof(std::uint32_t)) {
    std::string name = (folder / "retina_distances_XXXXXX").string();
    descriptor_ = ::mkstemp(name.data());
    if (descriptor_ < 0) {
      fail("create a file in", folder.string());
    }
    ::unlink(name.c_str());
  }
  ~PlaneFile() { ::close(descriptor_); }
  PlaneFile(const PlaneFile&) = delete;
  PlaneFile& operator=(const PlaneFile&) = delete;

  void write(std::int64_t z, const std::vector<std::uint32_t>& plane) {
    transfer(z, [&](std::size_t done, off_t at) {
      return ::pwrite(descriptor_, reinterpret_cast<const char*>(plane.data()) + done,
                      bytes_ - done, at);
    });
  }
  void read(std::int64_t z, std::vector<std::uint32_t>& plane) const {
    transfer(z, [&](std::size_t done, off_t at) {
      return ::pread(descriptor_, reinterpret_cast<char*>(plane.data()) + done, bytes_ - done, at);
    });
  }

 private:
  template <class Step>
  void transfer(std::int64_t z, Step step) const {
    const auto start = static_cast<off_t>(z) * static_cast<off_t>(bytes_);
    for (std::size_t done = 0; done < bytes_;) {
      const ssize_t moved = step(done, start + static_cast<off_t>(done));
      if (moved <= 0) {
        fail("use", "the scratch file of distances");
      }
      done += static_cast<std::size_t>(moved);
    }
  }

  [[noreturn]] static void fail(const char* action, const std::string& what) {
    throw Error(
        ErrorKind::resource,
        Problem{.subject = "--scratch",
                .found = fmt::format("cannot {} {}: {}", action, what, std::strerror(errno)),
                .expected = "a writable folder with 4 bytes of space for each voxel",
                .remedy = "name another folder"});
  }

  std::size_t bytes_;
  int descriptor_ = -1;
};

/// Steps along z to the mask, one plane further.
void sweep_plane(std::span<const std::uint8_t> mask, std::vector<std::uint32_t>& steps) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (mask[i] != 0) {
      steps[i] = 0;
    } else if (steps[i] != kNothingYet) {
      ++steps[i];
    }
  }
}

/// Both directions through a file, one after the other.
class DiskSweeps {
 public:
  DiskSweeps(const StreamedMasks& masks, const StreamedDistanceOptions& options,
             const core::Context& context)
      : masks_(masks), options_(options), context_(context) {}

  StreamedDistances run() {
    const std::int64_t pixels = masks_.shape[1] * masks_.shape[2];
    if (pixels * kBytesPerPlanePixel > options_.max_bytes) {
      throw Error(
          ErrorKind::resource,
          Problem{.subject = "distances with --scratch",
                  .found = fmt::format("a plane needs {}",
                                       core::format_size(pixels * kBytesPerPlanePixel)),
                  .expected = fmt::format("at most {}", core::format_size(options_.max_bytes)),
                  .remedy = "raise --max-ram"});
    }
    Showing showing(4 * masks_.shape[0], context_);
    return {one_way(masks_.prediction, masks_.truth, showing),
            one_way(masks_.truth, masks_.prediction, showing)};
  }

 private:
  PlaneReader reader(const MaskOf& mask) const {
    const std::int64_t plane =
        (masks_.label_bytes + 2) * std::max<std::int64_t>(1, masks_.shape[1] * masks_.shape[2]);
    return {mask, core::whole(masks_.shape),
            std::clamp<std::int64_t>(options_.max_bytes / 4 / plane, 1, 64)};
  }

  DirectedSummary one_way(const MaskOf& from_mask, const MaskOf& to_mask, Showing& showing) {
    const Vec3& shape = masks_.shape;
    const std::int64_t pixels = shape[1] * shape[2];
    PlaneFile below(options_.scratch, pixels);
    std::vector<std::uint32_t> steps(static_cast<std::size_t>(pixels), kNothingYet);
    PlaneReader to = reader(to_mask);
    for (std::int64_t z = 0; z < shape[0]; ++z) {
      context_.check_stop(core::kRerunHint);
      sweep_plane(to.plane(z), steps);
      below.write(z, steps);
      showing.finish_plane();
    }
    Summing sums(options_.threshold, kInfinity);
    PlaneReader from = reader(from_mask);
    std::vector<std::uint32_t> above(steps.size(), kNothingYet);
    const Vec3 plane{1, shape[1], shape[2]};
    PlaneDistances distances(plane, core::whole(plane), options_.sampling, core::usable_cores());
    for (std::int64_t z = shape[0] - 1; z >= 0; --z) {
      context_.check_stop(core::kRerunHint);
      sweep_plane(to.plane(z), above);
      below.read(z, steps);
      for (std::size_t i = 0; i < steps.size(); ++i) {
        steps[i] = std::min(steps[i], above[i]);
      }
      const auto starts = from.plane(z);
      distances.add(
          std::span<const std::uint32_t>(steps), [&](std::size_t i) { return starts[i] != 0; },
          sums, context_);
      showing.finish_plane();
    }
    return sums.summary();
  }

  const StreamedMasks& masks_;
  const StreamedDistanceOptions& options_;
  const core::Context& context_;
};

}  // namespace

double StreamedDistances::mean_false_distance(DirectedStatistic statistic) const {
  return statistic == DirectedStatistic::max
             ? 0.5 * (prediction_to_truth.max + truth_to_prediction.max)
             : 0.5 * (prediction_to_truth.mean + truth_to_prediction.mean);
}

StreamedDistances streamed_distances(const StreamedMasks& masks,
                                     const StreamedDistanceOptions& options,
                                     const core::Context& context) {
  return options.scratch.empty() ? HaloSweep(masks, options, context).run()
                                 : DiskSweeps(masks, options, context).run();
}

}  // namespace retina::metric
