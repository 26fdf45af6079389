#include "retina/store/tiff/tiff.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "retina/store/problem.h"
#include "retina/store/tiff/tiff_file.h"
#include "retina/store/tiff/tiff_series.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

/// Bytes of pixels that are looked at to tell grey from colour.
constexpr std::int64_t kColourSample = 64 << 20;
/// Of them, those that are copied at once: a page may be one strip of any size.
constexpr std::int64_t kColourStep = 1 << 20;

core::Array grey_of(const fs::path& path, core::Array values, std::int64_t page) {
  if (!channels_are_equal(values)) {
    throw bad_file(path, fmt::format("colour on page {}", page + 1),
                   "grey values, as at the beginning", "convert all pages to grey, or none");
  }
  core::Array grey(values.dtype(), 1, values.shape());
  std::copy_n(values.bytes().begin(), grey.bytes().size(), grey.bytes().begin());
  return grey;
}

/// Rows from y to `end`, in steps: the strip they lie in is decoded once and stays in the cache.
bool rows_are_grey(const TiffFile& file, const TiffPlane& plane, std::int64_t y, std::int64_t end) {
  const TiffDirectory& page = file.contents().pages[plane.page];
  const std::int64_t row = page.width * page.channels() * (page.bits / 8);
  const std::int64_t step = std::max<std::int64_t>(1, kColourStep / row);
  for (; y < end; y += step) {
    const std::int64_t rows = std::min(step, end - y);
    if (!channels_are_equal(file.read(plane, {{0, y, 0}, {1, rows, page.width}}))) {
      return false;
    }
  }
  return true;
}

/// Only pixels tell whether colour is grey. Bands of rows spread over the page speak for all, a
/// page of up to kColourSample as a whole; the rest is checked as it is read.
bool looks_grey(const TiffFile& file, const TiffPlane& plane) {
  const TiffDirectory& page = file.contents().pages[plane.page];
  const std::int64_t row = page.width * page.channels() * (page.bits / 8);
  const std::int64_t rows = std::clamp<std::int64_t>(kColourSample / row, 1, page.height);
  const std::int64_t band = std::min(tiff_grid(page).height, page.height);
  const std::int64_t bands = std::max<std::int64_t>(1, (rows + band - 1) / band);
  for (std::int64_t i = 0; i < bands; ++i) {
    const std::int64_t y = std::min(i * (page.height / bands), page.height - 1);
    const std::int64_t end =
        i + 1 == bands && rows == page.height ? page.height : std::min(page.height, y + band);
    if (!rows_are_grey(file, plane, y, end)) {
      return false;
    }
  }
  return true;
}

class TiffVolume final : public core::Volume {
 public:
  TiffVolume(const Location& location, const OpenOptions& options)
      : Volume({}),
        file_(location.file),
        series_(choose_tiff_series(
            location.file, static_cast<std::uint64_t>(file_.bytes().size()), file_.contents(),
            parse_tiff_selection(location.file, location.inner, options.axes))) {
    const TiffDirectory& page = file_.contents().pages[series_.pages.front()];
    const TiffGrid grid = tiff_grid(page);
    info_.source = location.text;
    info_.format = "tiff";
    info_.axes = series_.axes;
    info_.dtype = *page.dtype();
    info_.channels = static_cast<int>(series_.channels);
    info_.shape = {series_.slices, page.height, page.width};
    info_.chunk = {1, grid.height, grid.width};
    info_.notes = series_.notes;
    info_.offset_nm = series_.description.offset_nm.value_or(core::Vec3d{0, 0, 0});
    const TiffVoxel voxel =
        tiff_voxel(series_.description, file_.contents().resolution, series_.slices);
    info_.voxel_nm = voxel.nm;
    info_.voxel_nm_source = voxel.source;
    info_.notes.insert(info_.notes.end(), voxel.notes.begin(), voxel.notes.end());
    if (page.channels() > 1) {
      decide_colour(page);
    }
  }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    core::Array values(info_.dtype, info_.channels, box.shape);
    const auto plane_bytes =
        static_cast<std::size_t>(box.shape[1] * box.shape[2]) * core::size_of(info_.dtype);
    for (std::int64_t z = 0; z < box.shape[0]; ++z) {
      for (std::int64_t c = 0; c < series_.channels; ++c) {
        const core::Array page = read_plane(series_.plane(box.start[0] + z, c), box);
        for (int s = 0; s < page.channels(); ++s) {
          const auto from =
              page.bytes().subspan(static_cast<std::size_t>(s) * plane_bytes, plane_bytes);
          const auto to = static_cast<std::size_t>((c + s) * box.shape[0] + z) * plane_bytes;
          std::copy(from.begin(), from.end(),
                    values.bytes().begin() + static_cast<std::ptrdiff_t>(to));
        }
      }
    }
    return values;
  }

 private:
  core::Array read_plane(const TiffPlane& plane, const core::Box3& box) const {
    core::Array values = file_.read(plane, box);
    if (!is_grey_) {
      return values;
    }
    return grey_of(file_.bytes().path(), std::move(values),
                   static_cast<std::int64_t>(plane.page) + plane.image);
  }

  void decide_colour(const TiffDirectory& page) {
    constexpr std::uint32_t kRgb = 2;  // and above: colour; below: channels of some other meaning
    is_grey_ = page.photometric >= kRgb && looks_grey(file_, series_.plane(0, 0));
    if (is_grey_) {
      info_.notes.emplace_back("stored as colour with equal channels, read as grey");
      return;
    }
    if (series_.channels > 1) {
      throw bad_file(file_.bytes().path(),
                     fmt::format("{} channels of colour pages", series_.channels),
                     "channels of grey pages, or colour without channels",
                     "save each channel as a file of its own");
    }
    info_.axes += "c";
    info_.channels = page.channels();
  }

  TiffFile file_;
  TiffSeries series_;
  bool is_grey_ = false;
};

/// A TIFF file in a folder of slices: its one plane.
struct OnePage {
  explicit OnePage(const fs::path& path)
      : file(path),
        series(choose_tiff_series(path, static_cast<std::uint64_t>(file.bytes().size()),
                                  file.contents(), {})) {
    if (series.slices * series.channels != 1) {
      throw bad_file(path, fmt::format("{} pages", series.slices * series.channels),
                     "one page in each file of a folder",
                     "name the stack itself instead of its folder");
    }
  }
  const TiffDirectory& page() const { return file.contents().pages[series.pages.front()]; }

  TiffFile file;
  TiffSeries series;
};

}  // namespace

bool is_tiff(const Location& location) {
  const ImageCodec* codec = image_codec_of(location.file);
  return codec != nullptr && codec->name == "tiff";
}

std::unique_ptr<core::Volume> open_tiff(const Location& location, const OpenOptions& options) {
  return std::make_unique<TiffVolume>(location, options);
}

ImageHeader read_tiff_header(const fs::path& path) {
  const OnePage one(path);
  const TiffDirectory& page = one.page();
  return {.dtype = *page.dtype(),
          .channels = page.channels(),
          .height = page.height,
          .width = page.width,
          .has_alpha = static_cast<std::uint32_t>(page.channels()) < page.samples,
          .orientation = page.orientation};
}

core::Array read_tiff_page(const fs::path& path) {
  const OnePage one(path);
  return one.file.read(one.series.plane(0, 0),
                       {{0, 0, 0}, {1, one.page().height, one.page().width}});
}

}  // namespace retina::store
