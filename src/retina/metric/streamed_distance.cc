#include "retina/metric/streamed_distance.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/types.h>
#include <unistd.h>

#include "retina/core/file.h"
#include "retina/label/distance_transform.h"

namespace retina::metric {
namespace {

using core::Array;
using core::Box3;
using core::Vec3;
using MaskOf = std::function<Array(const Box3&)>;

/// Of a block with its halo: the transform, and masks and labels of both sides.
constexpr std::int64_t kBytesPerHaloVoxel = 32;
/// Of a plane of the sweeps: two counts, the transform, masks and labels.
constexpr std::int64_t kBytesPerPlanePixel = 40;
constexpr std::uint32_t kNothingYet = std::numeric_limits<std::uint32_t>::max();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr const char* kRerunHint = "run the same command again";

/// One direction: who starts and who is reached.
struct Direction {
  const MaskOf& from;
  const MaskOf& to;
};

class Summing {
 public:
  explicit Summing(double threshold) : threshold_(threshold) {}

  /// `reach`: greater distances are not known.
  void add(double distance, double reach = kInfinity) {
    ++summary_.count;
    summary_.beyond += distance > threshold_ ? 1 : 0;
    if (distance > reach) {
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
  DirectedSummary summary_;
  long double sum_ = 0;
};

bool is_empty(const Array& mask) {
  const auto bytes = mask.values<std::uint8_t>();
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t v) { return v == 0; });
}

Vec3 halo_voxels(const StreamedDistanceOptions& options) {
  Vec3 halo{};
  for (std::size_t a = 0; a < 3; ++a) {
    halo[a] = static_cast<std::int64_t>(std::ceil(options.halo / options.sampling[a]));
  }
  return halo;
}

/// Cubes of the largest side that fits into memory with the halo.
Vec3 block_with_halo(const Vec3& shape, const Vec3& halo, std::int64_t max_bytes) {
  const std::int64_t most = max_bytes / kBytesPerHaloVoxel;
  const auto voxels = [&](std::int64_t side) {
    std::int64_t product = 1;
    for (std::size_t a = 0; a < 3; ++a) {
      product *= std::min(shape[a], side + 2 * halo[a]);
    }
    return product;
  };
  if (voxels(1) > most) {
    throw Error(ErrorKind::resource,
                Problem{.subject = "distances by blocks",
                        .found = fmt::format("a halo of {} voxels needs {}", core::to_string(halo),
                                             core::format_size(voxels(1) * kBytesPerHaloVoxel)),
                        .expected = fmt::format("at most {}", core::format_size(max_bytes)),
                        .remedy = "raise --max-ram or lower --distance-halo"});
  }
  std::int64_t side = 1;
  while (voxels(2 * side) <= most && side < *std::max_element(shape.begin(), shape.end())) {
    side *= 2;
  }
  return {std::min(side, shape[0]), std::min(side, shape[1]), std::min(side, shape[2])};
}

void add_block(const Direction& direction, const Box3& block, const Vec3& shape, const Vec3& halo,
               const StreamedDistanceOptions& options, Summing& sums) {
  const Array from = direction.from(block);
  if (is_empty(from)) {
    return;
  }
  Box3 around;
  for (std::size_t a = 0; a < 3; ++a) {
    around.start[a] = std::max<std::int64_t>(0, block.start[a] - halo[a]);
    around.shape[a] = std::min(shape[a], block.stop()[a] + halo[a]) - around.start[a];
  }
  const double reach = around == core::whole(shape) ? kInfinity : options.halo;
  const Array distances = label::distance_to(direction.to(around), options.sampling);
  for (std::int64_t z = 0; z < block.shape[0]; ++z) {
    for (std::int64_t y = 0; y < block.shape[1]; ++y) {
      for (std::int64_t x = 0; x < block.shape[2]; ++x) {
        if (from.at<std::uint8_t>(0, z, y, x) != 0) {
          sums.add(distances.at<double>(0, z + block.start[0] - around.start[0],
                                        y + block.start[1] - around.start[1],
                                        x + block.start[2] - around.start[2]),
                   reach);
        }
      }
    }
  }
}

DirectedSummary by_blocks(const Direction& direction, const Vec3& shape,
                          const StreamedDistanceOptions& options, const core::Context& context) {
  const Vec3 halo = halo_voxels(options);
  const Vec3 side = block_with_halo(shape, halo, options.max_bytes);
  Summing sums(options.threshold);
  for (std::int64_t z = 0; z < shape[0]; z += side[0]) {
    for (std::int64_t y = 0; y < shape[1]; y += side[1]) {
      for (std::int64_t x = 0; x < shape[2]; x += side[2]) {
        context.check_stop(kRerunHint);
        const Box3 block = core::intersect({{z, y, x}, side}, core::whole(shape));
        add_block(direction, block, shape, halo, options, sums);
      }
    }
  }
  return sums.summary();
}

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

/// Visits the planes of a mask by slabs, upwards or downwards.
class PlaneReader {
 public:
  PlaneReader(const MaskOf& mask, const Vec3& shape, std::int64_t max_bytes)
      : mask_(mask), shape_(shape) {
    const std::int64_t pixels = std::max<std::int64_t>(1, shape[1] * shape[2]);
    thickness_ = std::clamp<std::int64_t>(max_bytes / (4 * pixels), 1, 64);
  }

  /// Of plane z: one byte a pixel.
  std::span<const std::uint8_t> plane(std::int64_t z) {
    const std::int64_t slab = z / thickness_;
    if (slab != slab_) {
      const std::int64_t start = slab * thickness_;
      values_ =
          mask_({{start, 0, 0}, {std::min(thickness_, shape_[0] - start), shape_[1], shape_[2]}});
      slab_ = slab;
    }
    const auto pixels = static_cast<std::size_t>(shape_[1] * shape_[2]);
    return values_.values<std::uint8_t>().subspan(
        static_cast<std::size_t>(z - slab * thickness_) * pixels, pixels);
  }

 private:
  const MaskOf& mask_;
  Vec3 shape_;
  std::int64_t thickness_ = 1;
  std::int64_t slab_ = -1;
  Array values_;
};

/// Steps along z to the mask, one plane further.
void sweep(std::span<const std::uint8_t> mask, std::vector<std::uint32_t>& steps) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (mask[i] != 0) {
      steps[i] = 0;
    } else if (steps[i] != kNothingYet) {
      ++steps[i];
    }
  }
}

DirectedSummary on_disk(const Direction& direction, const Vec3& shape,
                        const StreamedDistanceOptions& options, const core::Context& context) {
  const std::int64_t pixels = shape[1] * shape[2];
  if (pixels * kBytesPerPlanePixel > options.max_bytes) {
    throw Error(ErrorKind::resource,
                Problem{.subject = "distances with --scratch",
                        .found = fmt::format("a plane needs {}",
                                             core::format_size(pixels * kBytesPerPlanePixel)),
                        .expected = fmt::format("at most {}", core::format_size(options.max_bytes)),
                        .remedy = "raise --max-ram"});
  }
  PlaneFile below(options.scratch, pixels);
  std::vector<std::uint32_t> steps(static_cast<std::size_t>(pixels), kNothingYet);
  PlaneReader to(direction.to, shape, options.max_bytes / 4);
  for (std::int64_t z = 0; z < shape[0]; ++z) {
    context.check_stop(kRerunHint);
    sweep(to.plane(z), steps);
    below.write(z, steps);
  }
  Summing sums(options.threshold);
  PlaneReader from(direction.from, shape, options.max_bytes / 4);
  std::vector<std::uint32_t> above(steps.size(), kNothingYet);
  for (std::int64_t z = shape[0] - 1; z >= 0; --z) {
    context.check_stop(kRerunHint);
    sweep(to.plane(z), above);
    const auto starts = from.plane(z);
    if (std::all_of(starts.begin(), starts.end(), [](std::uint8_t v) { return v == 0; })) {
      continue;
    }
    below.read(z, steps);
    Array squared(core::DType::f64, 1, {1, shape[1], shape[2]});
    const auto values = squared.values<double>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::uint32_t nearest = std::min(steps[i], above[i]);
      const double along_z = options.sampling[0] * nearest;
      values[i] = nearest == kNothingYet ? kInfinity : along_z * along_z;
    }
    label::spread_in_plane(squared, options.sampling);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (starts[i] != 0) {
        sums.add(std::sqrt(values[i]));
      }
    }
  }
  return sums.summary();
}

}  // namespace

double StreamedDistances::mean_false_distance(DirectedStatistic statistic) const {
  return statistic == DirectedStatistic::max
             ? 0.5 * (prediction_to_truth.max + truth_to_prediction.max)
             : 0.5 * (prediction_to_truth.mean + truth_to_prediction.mean);
}

StreamedDistances streamed_distances(const StreamedMasks& masks,
                                     const StreamedDistanceOptions& options,
                                     const core::Context& context) {
  const auto one_way = [&](const MaskOf& from, const MaskOf& to) {
    const Direction direction{from, to};
    return options.scratch.empty() ? by_blocks(direction, masks.shape, options, context)
                                   : on_disk(direction, masks.shape, options, context);
  };
  return {one_way(masks.prediction, masks.truth), one_way(masks.truth, masks.prediction)};
}

}  // namespace retina::metric
