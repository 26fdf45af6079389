#include "retina/store/image/image_volume.h"

#include <string>
#include <utility>

#include "retina/store/chunk_cache.h"
#include "retina/store/image/image_codec.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace {

class ImageVolume final : public core::Volume {
 public:
  ImageVolume(const Location& location, const ImageCodec& codec)
      : Volume({}), file_(location.file), codec_(codec), header_(codec.read_header(file_)) {
    info_.source = location.text;
    info_.format = codec.name;
    info_.axes = "yx";
    info_.dtype = header_.dtype;
    info_.shape = {1, header_.height, header_.width};
    if (header_.has_alpha) {
      info_.notes.emplace_back("the alpha channel is not read");
    }
    if (std::string note = orientation_note(header_.orientation); !note.empty()) {
      info_.notes.push_back(std::move(note));
    }
    if (header_.channels > 1) {
      decide_colour();
    }
  }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    const ChunkCache::Item image =
        cache_.get(0, [&] { return decode_image(codec_, file_, header_, reading_); });
    core::Array values(info_.dtype, info_.channels, box.shape);
    core::copy_overlap(*image, {0, 0, 0}, values, box.start);
    return values;
  }

 private:
  void decide_colour() {
    const core::Array image = decode_image(codec_, file_, header_, ColourReading::as_is);
    if (channels_are_equal(image)) {
      reading_ = ColourReading::grey;
      info_.notes.emplace_back("stored as colour with equal channels, read as grey");
    } else {
      info_.axes = "yxc";
      info_.channels = header_.channels;
    }
  }

  std::filesystem::path file_;
  const ImageCodec& codec_;
  ImageHeader header_;
  ColourReading reading_ = ColourReading::as_is;
  CacheOwner cache_;
};

}  // namespace

bool is_still_image(const Location& location) {
  const ImageCodec* codec = image_codec_of(location.file);
  return codec != nullptr && codec->name != "tiff";
}

std::unique_ptr<core::Volume> open_still_image(const Location& location,
                                               const OpenOptions& options) {
  auto volume = std::make_unique<ImageVolume>(location, *image_codec_of(location.file));
  if (!options.axes.empty() && options.axes != volume->info().axes) {
    throw bad_file(location.file, "axes " + volume->info().axes, "axes " + options.axes,
                   "leave the axes out: this format states them");
  }
  return volume;
}

}  // namespace retina::store
