#include "retina/label/distance_transform.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include <fmt/format.h>

namespace retina::label {
namespace {

using core::Vec3;
using core::Vec3d;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Lines that are copied together: neighbours along x share what a cache reads at once.
constexpr std::int64_t kLinesTogether = 8;

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

void transform_axis(std::span<double> squared, const Vec3& shape, int axis, double step,
                    const core::Context& context) {
  const auto a = static_cast<std::size_t>(axis);
  if (shape[a] == 1) {
    return;
  }
  std::int64_t stride = 1;
  for (std::size_t inner = a + 1; inner < 3; ++inner) {
    stride *= shape[inner];
  }
  const std::int64_t length = shape[a];
  const std::int64_t outer = static_cast<std::int64_t>(squared.size()) / (length * stride);
  LineTransform transform(length, step);
  std::vector<double> lines(static_cast<std::size_t>(length * kLinesTogether));
  const auto line = [&](std::int64_t number) {
    return std::span(lines).subspan(static_cast<std::size_t>(number * length),
                                    static_cast<std::size_t>(length));
  };
  for (std::int64_t block = 0; block < outer; ++block) {
    for (std::int64_t column = 0; column < stride; column += kLinesTogether) {
      context.check_stop(core::kRerunHint);
      double* first = squared.data() + block * length * stride + column;
      const std::int64_t count = std::min(kLinesTogether, stride - column);
      for (std::int64_t i = 0; i < length; ++i) {
        for (std::int64_t n = 0; n < count; ++n) {
          lines[static_cast<std::size_t>(n * length + i)] = first[i * stride + n];
        }
      }
      for (std::int64_t n = 0; n < count; ++n) {
        transform.run(line(n));
      }
      for (std::int64_t i = 0; i < length; ++i) {
        for (std::int64_t n = 0; n < count; ++n) {
          first[i * stride + n] = lines[static_cast<std::size_t>(n * length + i)];
        }
      }
    }
  }
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
  for (int axis = 2; axis >= 0 && !squared.empty(); --axis) {
    transform_axis(squared, mask.shape(), axis, sampling[static_cast<std::size_t>(axis)], context);
  }
  for (double& value : squared) {
    value = std::sqrt(value);
  }
  return result;
}

void spread_in_plane(core::Array& squared, const Vec3d& sampling, const core::Context& context) {
  check_sampling(sampling);
  for (const int axis : {2, 1}) {
    transform_axis(squared.values<double>(), squared.shape(), axis,
                   sampling[static_cast<std::size_t>(axis)], context);
  }
}

}  // namespace retina::label
