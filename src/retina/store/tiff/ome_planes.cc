#include "retina/store/tiff/ome_planes.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/store/problem.h"
#include "retina/store/tiff/tiff_groups.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

std::string ome_image_text(const OmeImage& image) {
  return fmt::format("x = {}, y = {}, z = {}, c = {}, t = {}", image.width, image.height,
                     image.slices, image.channels, image.times);
}

/// True unless the data names a file that is not this one. A renamed file is known by its UUID.
bool is_here(const fs::path& path, const OmeDocument& document, const OmeTiffData& data) {
  if (data.file_name.empty() && data.uuid.empty()) {
    return true;
  }
  if (!document.uuid.empty() && !data.uuid.empty()) {
    return data.uuid == document.uuid;
  }
  return data.file_name.empty() || fs::path(data.file_name).filename() == path.filename();
}

/// Axes of the planes, the fastest first, all three with their sizes.
std::array<TiffAxis, 3> plane_axes(const fs::path& path, const OmeImage& image,
                                   const TiffDirectory& page) {
  const std::int64_t colours = page.samples > 1 && image.channels % page.samples == 0
                                   ? static_cast<std::int64_t>(page.samples)
                                   : 1;
  std::string order = image.order;
  std::string sorted = order;
  std::sort(sorted.begin(), sorted.end());
  if (sorted != "CTXYZ" || !order.starts_with("XY")) {
    throw bad_file(path, fmt::format("OME DimensionOrder '{}'", order), "one such as XYZCT",
                   "write the file again with a current program");
  }
  std::array<TiffAxis, 3> axes;
  for (std::size_t i = 0; i < 3; ++i) {
    const char letter = order[i + 2];
    axes[i] = letter == 'Z'   ? TiffAxis{'z', image.slices}
              : letter == 'C' ? TiffAxis{'c', image.channels / colours}
                              : TiffAxis{'t', image.times};
  }
  return axes;
}

/// Number of planes; bad_data if the file has not that many pages (which bounds every product).
std::int64_t count_planes(const fs::path& path, const OmeImage& image,
                          const std::array<TiffAxis, 3>& axes, std::int64_t pages) {
  std::int64_t planes = 1;
  for (const TiffAxis& axis : axes) {
    if (axis.size < 1 || axis.size > pages || planes * axis.size > pages) {
      throw bad_file(path,
                     fmt::format("an OME description of {} in a file of {} page(s)",
                                 ome_image_text(image), pages),
                     "a page for each plane",
                     "the file is cut short, or part of a set of files: convert the set to one "
                     "file");
    }
    planes *= axis.size;
  }
  return planes;
}

std::int64_t first_plane(const OmeTiffData& data, const std::array<TiffAxis, 3>& axes) {
  std::int64_t index = 0;
  std::int64_t step = 1;
  for (const TiffAxis& axis : axes) {
    const std::int64_t at = axis.name == 'z'   ? data.first_z
                            : axis.name == 'c' ? data.first_c
                                               : data.first_t;
    if (at >= axis.size) {
      return -1;
    }
    index += at * step;
    step *= axis.size;
  }
  return index;
}

void require_described_size(const fs::path& path, const OmeImage& image,
                            const TiffDirectory& page) {
  const auto dtype = page.dtype();
  const bool is_kind = image.type.empty() || !dtype || page.bits < 8 ||
                       (image.type == "float" && dtype == core::DType::f32) ||
                       (image.type == "double" && dtype == core::DType::f64) ||
                       image.type == core::name_of(*dtype);
  if (image.width != page.width || image.height != page.height || !is_kind) {
    throw bad_file(path, fmt::format("a page of {}", page.text()),
                   fmt::format("{} x {} {} as the OME description says", image.height, image.width,
                               image.type),
                   "description and pixels contradict each other: write the file again");
  }
}

}  // namespace

const OmeImage& choose_ome_image(const fs::path& path, const OmeDocument& document,
                                 std::optional<std::int64_t> series) {
  if (!document.metadata_file.empty()) {
    throw bad_file(path, fmt::format("one file of a set, described in {}", document.metadata_file),
                   "an OME-TIFF file that describes itself", "convert the set to one file");
  }
  if (document.images.empty()) {
    throw bad_file(path, "an OME description without an image", "at least one <Image>",
                   "write the file again");
  }
  if (series && std::cmp_greater_equal(*series, document.images.size())) {
    throw no_such_series(path, *series, document.images.size());
  }
  if (!series && document.images.size() > 1) {
    std::vector<std::string> lines;
    constexpr std::size_t kMaxLines = 8;
    for (std::size_t i = 0; i < std::min(document.images.size(), kMaxLines); ++i) {
      lines.push_back(fmt::format("series={}: '{}', {}", i, document.images[i].name,
                                  ome_image_text(document.images[i])));
    }
    throw bad_file(path,
                   fmt::format("{} images ({}{})", document.images.size(), fmt::join(lines, "; "),
                               document.images.size() > kMaxLines ? "; ..." : ""),
                   "one", fmt::format("name the series: '{}:series=0'", path.string()));
  }
  return document.images[static_cast<std::size_t>(series.value_or(0))];
}

OmePlanes locate_ome_planes(const fs::path& path, const OmeDocument& document,
                            const OmeImage& image, const TiffContents& contents) {
  const auto pages = std::ssize(contents.pages);
  for (const OmeTiffData& data : image.data) {
    if (!is_here(path, document, data)) {
      throw bad_file(path, fmt::format("planes that lie in '{}'", data.file_name),
                     "an OME-TIFF file that holds all its planes", "convert the set to one file");
    }
  }
  const std::int64_t first_page =
      image.data.empty() ? 0 : std::min(image.data.front().page, pages - 1);
  const TiffDirectory& page = contents.pages[static_cast<std::size_t>(first_page)];
  require_described_size(path, image, page);
  const std::array<TiffAxis, 3> axes = plane_axes(path, image, page);
  const std::int64_t count = count_planes(path, image, axes, pages);

  std::vector<std::int64_t> found(static_cast<std::size_t>(count), -1);
  std::int64_t placed = 0;
  const std::vector<OmeTiffData> all{OmeTiffData{}};
  for (const OmeTiffData& data : image.data.empty() ? all : image.data) {
    const std::int64_t start = first_plane(data, axes);
    const std::int64_t most = start < 0 ? 0 : std::min(count - start, pages - data.page);
    const std::int64_t planes = data.planes < 0 ? most : std::min(data.planes, most);
    placed += std::max<std::int64_t>(planes, 0);
    if (placed > 2 * count) {
      throw bad_file(path, "an OME description that places planes again and again",
                     "one place for each plane", "the file is damaged: write it again");
    }
    for (std::int64_t i = 0; i < planes; ++i) {
      found[static_cast<std::size_t>(start + i)] = data.page + i;
    }
  }
  const auto missing = std::count(found.begin(), found.end(), -1);
  if (missing > 0) {
    throw bad_file(
        path,
        fmt::format("{} of {} planes without a page ({})", missing, count, ome_image_text(image)),
        "a page for each plane", "the file is incomplete: write it again");
  }
  OmePlanes out;
  out.pages.assign(found.begin(), found.end());
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    if (axis->size > 1) {
      out.axes.push_back(*axis);
    }
  }
  return out;
}

}  // namespace retina::store
