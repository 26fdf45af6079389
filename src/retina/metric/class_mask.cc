#include "retina/metric/class_mask.h"

#include <algorithm>
#include <array>
#include <type_traits>

#include <fmt/format.h>

namespace retina::metric {
namespace {

constexpr std::int64_t kRun = 4096;

/// Calls visit(first, labels) for consecutive runs of the array.
template <class Visitor>
void for_each_run(const core::Array& labels, Visitor&& visit) {
  std::array<std::int64_t, kRun> buffer{};
  for (std::int64_t first = 0; first < labels.elements(); first += kRun) {
    const auto size = static_cast<std::size_t>(std::min(kRun, labels.elements() - first));
    const std::span<std::int64_t> run(buffer.data(), size);
    read_labels(labels, first, run);
    visit(static_cast<std::size_t>(first), run);
  }
}

}  // namespace

void read_labels(const core::Array& labels, std::int64_t first, std::span<std::int64_t> out) {
  if (labels.channels() != 1 || !core::is_integer(labels.dtype())) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = "label array",
                        .found = fmt::format("{} channels of {}", labels.channels(),
                                             core::name_of(labels.dtype())),
                        .expected = "one channel of an integer type",
                        .remedy = ""});
  }
  core::dispatch(labels.dtype(), [&]<class T>(T) {
    if constexpr (std::is_integral_v<T>) {
      const auto source = labels.values<T>().subspan(static_cast<std::size_t>(first), out.size());
      std::transform(source.begin(), source.end(), out.begin(),
                     [](T value) { return static_cast<std::int64_t>(value); });
    }
  });
}

core::Array class_mask(const core::Array& labels, std::int64_t class_id) {
  core::Array mask(core::DType::u8, 1, labels.shape());
  const auto out = mask.values<std::uint8_t>();
  for_each_run(labels, [&](std::size_t first, std::span<const std::int64_t> run) {
    for (std::size_t i = 0; i < run.size(); ++i) {
      out[first + i] = run[i] == class_id ? 1 : 0;
    }
  });
  return mask;
}

void clear_where(core::Array& mask, const core::Array& labels, std::int64_t value) {
  require_equal_shapes(mask, labels);
  const auto out = mask.values<std::uint8_t>();
  for_each_run(labels, [&](std::size_t first, std::span<const std::int64_t> run) {
    for (std::size_t i = 0; i < run.size(); ++i) {
      if (run[i] == value) {
        out[first + i] = 0;
      }
    }
  });
}

std::int64_t count_voxels(const core::Array& mask) {
  const auto values = mask.values<std::uint8_t>();
  return std::count_if(values.begin(), values.end(), [](std::uint8_t v) { return v != 0; });
}

void require_equal_shapes(const core::Array& prediction, const core::Array& truth) {
  if (prediction.shape() != truth.shape()) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = "prediction",
                        .found = "shape " + core::to_string(prediction.shape()),
                        .expected = core::to_string(truth.shape()) + ", the shape of the truth",
                        .remedy = ""});
  }
}

}  // namespace retina::metric
