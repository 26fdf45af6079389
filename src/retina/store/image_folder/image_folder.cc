#include "retina/store/image_folder/image_folder.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "retina/core/file.h"
#include "retina/store/chunk_cache.h"
#include "retina/store/image/image_codec.h"
#include "retina/store/image_files.h"
#include "retina/store/image_folder/numbering.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

struct SliceFile {
  fs::path path;
  const ImageCodec* codec = nullptr;
};

std::vector<SliceFile> find_slices(const fs::path& folder) {
  std::vector<SliceFile> slices;
  for (const fs::path& file : core::list_files(folder)) {
    if (const ImageCodec* codec = image_codec_of(file)) {
      slices.push_back({file, codec});
    } else if (is_image_file(file)) {
      throw bad_file(file, "no PNG, JPEG or TIFF image", "slices of one stack",
                     "write it again if it is damaged, else move it out of the folder");
    }
  }
  return slices;
}

std::string describe(const ImageHeader& header) {
  return fmt::format("{} x {} {}{}", header.height, header.width, core::name_of(header.dtype),
                     header.channels > 1 ? " in colour" : "");
}

class ImageFolderVolume final : public core::Volume {
 public:
  explicit ImageFolderVolume(const Location& location)
      : Volume({}), slices_(find_slices(location.file)) {
    header_ = slices_.front().codec->read_header(slices_.front().path);
    look_at_slices();
    info_.source = location.text;
    info_.format = fmt::format("image folder ({})", slices_.front().codec->name);
    info_.axes = "zyx";
    info_.dtype = header_.dtype;
    info_.shape = {static_cast<std::int64_t>(slices_.size()), header_.height, header_.width};
    if (header_.has_alpha) {
      info_.notes.emplace_back("the alpha channel is not read");
    }
    if (header_.channels > 1) {
      decide_colour();
    }
    add_notes(location.file);
  }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    core::Array values(info_.dtype, info_.channels, box.shape);
    for (std::int64_t z = box.start[0]; z < box.stop()[0]; ++z) {
      const ChunkCache::Item slice = cache_.get(z, [&] { return decode(z, reading_); });
      core::copy_overlap(*slice, {z, 0, 0}, values, box.start);
    }
    return values;
  }

 private:
  core::Array decode(std::int64_t z, ColourReading reading) const {
    const SliceFile& slice = slices_[static_cast<std::size_t>(z)];
    return decode_image(*slice.codec, slice.path, header_, reading);
  }

  /// All are of one size and kind; one that shall be turned when it is shown is told.
  void look_at_slices() {
    std::string turned;
    std::size_t count = 0;
    for (const SliceFile& slice : slices_) {
      const ImageHeader header = slice.codec->read_header(slice.path);
      if (header.dtype != header_.dtype || header.channels != header_.channels ||
          header.height != header_.height || header.width != header_.width) {
        throw bad_file(
            slice.path, describe(header),
            fmt::format("{} as {}", describe(header_), slices_.front().path.filename().string()),
            "a folder is read as one stack: bring all slices to one size and kind, or name the "
            "images one by one");
      }
      if (const std::string note = orientation_note(header.orientation); !note.empty()) {
        if (count++ == 0) {
          turned = fmt::format("{}: {}", slice.path.filename().string(), note);
        }
      }
    }
    if (count > 0) {
      info_.notes.push_back(count == 1 ? turned
                                       : fmt::format("{} ({} such slices)", turned, count));
    }
  }

  /// Only pixels tell; the first slice speaks for all and the others are checked as they are read.
  void decide_colour() {
    if (channels_are_equal(decode(0, ColourReading::as_is))) {
      reading_ = ColourReading::grey;
      info_.notes.emplace_back("stored as colour with equal channels, read as grey");
    } else {
      info_.axes = "zyxc";
      info_.channels = header_.channels;
    }
  }

  void add_notes(const fs::path& folder) {
    const std::size_t others = core::list_files(folder).size() - slices_.size();
    if (others > 0) {
      info_.notes.push_back(fmt::format("{} file(s) that are no images left out", others));
    }
    std::vector<std::string> stems;
    for (const SliceFile& slice : slices_) {
      stems.push_back(image_stem(slice.path));
    }
    constexpr std::size_t kMaxGapLines = 8;
    for (std::string& line : numbering_gaps(stems, kMaxGapLines)) {
      info_.notes.push_back(std::move(line));
    }
  }

  std::vector<SliceFile> slices_;
  ImageHeader header_;
  ColourReading reading_ = ColourReading::as_is;
  CacheOwner cache_;
};

}  // namespace

bool is_image_folder(const Location& location) {
  if (!fs::is_directory(location.file)) {
    return false;
  }
  const std::vector<fs::path> files = core::list_files(location.file);
  return std::any_of(files.begin(), files.end(),
                     [](const fs::path& file) { return image_codec_of(file) != nullptr; });
}

std::unique_ptr<core::Volume> open_image_folder(const Location& location,
                                                const OpenOptions& options) {
  if (!location.inner.empty()) {
    throw bad_file(location.file, fmt::format("a folder of slices, asked for '{}'", location.inner),
                   "a folder alone", "leave out the part after the colon");
  }
  auto volume = std::make_unique<ImageFolderVolume>(location);
  if (!options.axes.empty() && options.axes != volume->info().axes) {
    throw bad_file(location.file, "axes " + volume->info().axes, "axes " + options.axes,
                   "leave the axes out: the files of a folder are slices along z");
  }
  return volume;
}

}  // namespace retina::store
