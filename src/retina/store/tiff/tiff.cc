#include "retina/store/tiff/tiff.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "retina/store/problem.h"
#include "retina/store/tiff/tiff_file.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

/// How the pages of a file are laid out: page = z * channels + c.
struct PageOrder {
  int channels = 1;
  std::string axes;
};

PageOrder page_order(const fs::path& path, const TiffFile& file, const std::string& wanted) {
  const TiffDescription& text = file.layout().description;
  const std::int64_t pages = file.pages();
  if (wanted == "cyx" && file.layout().samples == 1) {
    return {static_cast<int>(pages), "cyx"};
  }
  const int paged_channels = file.layout().samples > 1 ? 1 : text.channels;
  if (text.frames > 1 || pages % paged_channels != 0 ||
      (text.writer == "OME" && paged_channels > 1)) {
    throw bad_file(path,
                   fmt::format("{} pages described as {} channel(s) and {} time point(s)", pages,
                               paged_channels, text.frames),
                   "one time point, pages of one channel after the other",
                   "save one time point, with one file for each channel");
  }
  if (pages == 1 && text.images > 1) {
    throw bad_file(path, fmt::format("one page that stands for {} images", text.images),
                   "a directory entry for each image",
                   "ImageJ writes such files above 4 GiB: save it as an image sequence or BigTIFF");
  }
  PageOrder order{paged_channels, pages == paged_channels ? "yx" : "zyx"};
  if (paged_channels > 1) {
    order.axes = pages == paged_channels ? "cyx" : "zcyx";
  }
  if (!wanted.empty() && wanted != order.axes && !(wanted == "zyx" && order.axes == "yx")) {
    throw bad_file(path, fmt::format("axes {}", order.axes), fmt::format("axes {}", wanted),
                   "leave the axes out, or say cyx if the pages are channels");
  }
  return order;
}

class TiffVolume final : public core::Volume {
 public:
  TiffVolume(const Location& location, const OpenOptions& options)
      : Volume({}),
        path_(location.file),
        file_(location.file),
        order_(page_order(location.file, file_, options.axes)) {
    const TiffLayout& layout = file_.layout();
    info_.source = location.text;
    info_.format = "tiff";
    info_.axes = order_.axes;
    info_.dtype = layout.dtype;
    info_.channels = order_.channels;
    info_.shape = {file_.pages() / order_.channels, layout.height, layout.width};
    info_.chunk = {1, layout.block_height, layout.block_width};
    info_.notes = layout.notes;
    info_.offset_nm = layout.description.offset_nm.value_or(core::Vec3d{0, 0, 0});
    const TiffVoxel voxel = tiff_voxel(layout.description, layout.resolution, file_.pages());
    info_.voxel_nm = voxel.nm;
    info_.voxel_nm_source = voxel.source;
    info_.notes.insert(info_.notes.end(), voxel.notes.begin(), voxel.notes.end());
    if (layout.samples > 1) {
      decide_colour();
    }
  }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    core::Array values(info_.dtype, info_.channels, box.shape);
    const auto plane_bytes =
        static_cast<std::size_t>(box.shape[1] * box.shape[2]) * core::size_of(info_.dtype);
    for (std::int64_t z = 0; z < box.shape[0]; ++z) {
      for (int c = 0; c < order_.channels; ++c) {
        const core::Array page = read_page((box.start[0] + z) * order_.channels + c, box);
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
  core::Array read_page(std::int64_t page, const core::Box3& box) const {
    core::Array values = file_.read(page, box);
    if (values.channels() == 1 || !is_grey_) {
      return values;
    }
    if (!channels_are_equal(values)) {
      throw bad_file(path_, fmt::format("colour on page {}", page + 1),
                     "grey values, as on the first page", "convert all pages to grey, or none");
    }
    core::Array grey(values.dtype(), 1, values.shape());
    std::copy_n(values.bytes().begin(), grey.bytes().size(), grey.bytes().begin());
    return grey;
  }

  /// Only pixels tell; the first page speaks for all and the others are checked as they are read.
  void decide_colour() {
    const core::Box3 page{{0, 0, 0}, {1, info_.shape[1], info_.shape[2]}};
    is_grey_ = channels_are_equal(file_.read(0, page));
    if (is_grey_) {
      info_.notes.emplace_back("stored as colour with equal channels, read as grey");
    } else {
      info_.axes += "c";
      info_.channels = file_.layout().samples;
    }
  }

  fs::path path_;
  TiffFile file_;
  PageOrder order_;
  bool is_grey_ = false;
};

}  // namespace

bool is_tiff(const Location& location) {
  const ImageCodec* codec = image_codec_of(location.file);
  return codec != nullptr && codec->name == "tiff";
}

std::unique_ptr<core::Volume> open_tiff(const Location& location, const OpenOptions& options) {
  return std::make_unique<TiffVolume>(location, options);
}

namespace {

void require_one_page(const fs::path& path, const TiffFile& file) {
  if (file.pages() != 1) {
    throw bad_file(path, fmt::format("{} pages", file.pages()), "one page in each file of a folder",
                   "name the stack itself instead of its folder");
  }
}

}  // namespace

ImageHeader read_tiff_header(const fs::path& path) {
  const TiffFile file(path);
  require_one_page(path, file);
  const TiffLayout& layout = file.layout();
  return {.dtype = layout.dtype,
          .channels = layout.samples,
          .height = layout.height,
          .width = layout.width};
}

core::Array read_tiff_page(const fs::path& path) {
  const TiffFile file(path);
  require_one_page(path, file);
  return file.read(0, {{0, 0, 0}, {1, file.layout().height, file.layout().width}});
}

}  // namespace retina::store
