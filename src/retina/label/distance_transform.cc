#include "retina/label/distance_transform.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "retina/core/resource_limits.h"

namespace retina::label {
namespace {

using core::Vec3;
using core::Vec3d;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Lines that are copied together: neighbours along x share what a cache reads at once.
constexpr std::int64_t kLinesTogether = 8;
/// Pieces of the work for each thread, so that none waits long for the others.
constexpr std::int64_t kPartsOfAThread = 4;

/// Replaces squared distances f(i) on a line by min_j f(j) + (step (i - j))^2. Reused for all lines
/// of one axis.
class LineTransform {
 public:
  LineTransform(std::int64_t length, double step)
      : step_(step),
        vertex_(static_cast<std::size_t>(length)),
        from_(vertex_.size()),
        height_(vertex_.size()) {}

  void run(std::span<double> line) {
    const std::size_t parabolas = lower_envelope(line);
    if (parabolas == 0) {
      return;  // nothing on this line: it stays infinite
    }
    std::size_t k = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const double position = static_cast<double>(i);
      while (k + 1 < parabolas && from_[k + 1] < position) {
        ++k;
      }
      const double offset = step_ * (position - vertex_[k]);
      line[i] = offset * offset + height_[k];
    }
  }

 private:
  /// Keeps, from left to right, the parabolas that are lowest somewhere, and where each begins to
  /// be.
  std::size_t lower_envelope(std::span<const double> line) {
    std::size_t count = 0;
    const double square = step_ * step_;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == kInfinity) {
        continue;
      }
      const double position = static_cast<double>(i);
      double start = -kInfinity;
      while (count > 0) {
        const double other = vertex_[count - 1];
        start = 0.5 * (position + other) +
                (line[i] - height_[count - 1]) / (2 * square * (position - other));
        if (start > from_[count - 1]) {
          break;
        }
        --count;
        start = -kInfinity;
      }
      vertex_[count] = position;
      height_[count] = line[i];
      from_[count] = start;
      ++count;
    }
    return count;
  }

  double step_;
  std::vector<double> vertex_;
  std::vector<double> from_;
  std::vector<double> height_;
};

/// The lines of one axis, in groups of neighbours.
class Lines {
 public:
  Lines(std::span<double> values, const Vec3& shape, std::size_t axis)
      : values_(values), length_(shape[axis]) {
    for (std::size_t inner = axis + 1; inner < 3; ++inner) {
      stride_ *= shape[inner];
    }
    groups_in_block_ = (stride_ + kLinesTogether - 1) / kLinesTogether;
    groups_ = std::ssize(values) / (length_ * stride_) * groups_in_block_;
  }

  std::int64_t groups() const { return groups_; }

  /// `copy` has room for the lines of a group.
  void transform(std::int64_t group, LineTransform& transform, std::vector<double>& copy) {
    const std::int64_t column = group % groups_in_block_ * kLinesTogether;
    double* first = values_.data() + group / groups_in_block_ * length_ * stride_ + column;
    const std::int64_t count = std::min(kLinesTogether, stride_ - column);
    for (std::int64_t i = 0; i < length_; ++i) {
      for (std::int64_t n = 0; n < count; ++n) {
        copy[static_cast<std::size_t>(n * length_ + i)] = first[i * stride_ + n];
      }
    }
    for (std::int64_t n = 0; n < count; ++n) {
      transform.run(std::span(copy).subspan(static_cast<std::size_t>(n * length_),
                                            static_cast<std::size_t>(length_)));
    }
    for (std::int64_t i = 0; i < length_; ++i) {
      for (std::int64_t n = 0; n < count; ++n) {
        first[i * stride_ + n] = copy[static_cast<std::size_t>(n * length_ + i)];
      }
    }
  }

 private:
  std::span<double> values_;
  std::int64_t length_;
  std::int64_t stride_ = 1;  ///< between the values of a line
  std::int64_t groups_in_block_ = 0;
  std::int64_t groups_ = 0;
};

void transform_axis(std::span<double> squared, const Vec3& shape, std::size_t axis, double step,
                    core::ThreadPool& pool, const core::Context& context) {
  if (shape[axis] == 1) {
    return;
  }
  Lines lines(squared, shape, axis);
  const std::int64_t threads = pool.threads() + 1;
  const std::int64_t parts = std::min(lines.groups(), threads == 1 ? 1 : kPartsOfAThread * threads);
  pool.parallel_for(parts, [&](std::int64_t part) {
    LineTransform transform(shape[axis], step);
    std::vector<double> copy(static_cast<std::size_t>(shape[axis] * kLinesTogether));
    const std::int64_t stop = lines.groups() * (part + 1) / parts;
    for (std::int64_t group = lines.groups() * part / parts; group < stop; ++group) {
      context.check_stop(core::kRerunHint);
      lines.transform(group, transform, copy);
    }
  });
}

/// Threads beside the caller that are worth their start.
int helpers_for(std::size_t voxels) {
  constexpr std::size_t kLeastVoxels = std::size_t{1} << 20;
  return voxels < kLeastVoxels ? 0 : core::usable_cores() - 1;
}

void check_sampling(const Vec3d& sampling) {
  for (const double step : sampling) {
    if (!(step > 0) || !std::isfinite(step)) {
      throw Error(ErrorKind::bad_data, Problem{.subject = "voxel size for distances",
                                               .found = core::to_string(sampling),
                                               .expected = "three positive numbers (z, y, x)",
                                               .remedy = ""});
    }
  }
}

}  // namespace

core::Array distance_to(const core::Array& mask, const Vec3d& sampling,
                        const core::Context& context) {
  check_sampling(sampling);
  core::Array result(core::DType::f64, 1, mask.shape());
  const auto squared = result.values<double>();
  const auto inside = mask.values<std::uint8_t>();
  for (std::size_t i = 0; i < squared.size(); ++i) {
    squared[i] = inside[i] != 0 ? 0 : kInfinity;
  }
  core::ThreadPool pool(helpers_for(squared.size()));
  for (const std::size_t axis : {2U, 1U, 0U}) {
    if (!squared.empty()) {
      transform_axis(squared, mask.shape(), axis, sampling[axis], pool, context);
    }
  }
  for (double& value : squared) {
    value = std::sqrt(value);
  }
  return result;
}

void spread_in_plane(core::Array& squared, const Vec3d& sampling, core::ThreadPool& pool,
                     const core::Context& context) {
  check_sampling(sampling);
  for (const std::size_t axis : {2U, 1U}) {
    transform_axis(squared.values<double>(), squared.shape(), axis, sampling[axis], pool, context);
  }
}

}  // namespace retina::label
