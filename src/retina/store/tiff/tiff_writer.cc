#include "retina/store/tiff/tiff_writer.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <span>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <tiffio.h>

#include "retina/core/durable.h"
#include "retina/core/file.h"
#include "retina/store/tiff/ome_xml.h"
#include "retina/store/tiff/tiff.h"
#include "retina/store/tiff/tiff_handle.h"
#include "retina/store/tiff/tiff_metadata.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kClassicLimit = std::int64_t{2} << 30;
constexpr std::int64_t kStripBytes = std::int64_t{256} << 10;

std::int64_t pixel_bytes(const CreateOptions& options) {
  return core::whole(options.shape).voxels() * options.channels *
         static_cast<std::int64_t>(core::size_of(options.dtype));
}

std::uint16_t sample_format(core::DType dtype) {
  if (!core::is_integer(dtype)) {
    return SAMPLEFORMAT_IEEEFP;
  }
  return core::name_of(dtype).starts_with('u') ? SAMPLEFORMAT_UINT : SAMPLEFORMAT_INT;
}

std::uint16_t compression_tag(Compression compression) {
  switch (compression) {
    case Compression::none:
      return COMPRESSION_NONE;
    case Compression::zstd:
      return COMPRESSION_ZSTD;
    case Compression::automatic:
    case Compression::deflate:
      break;
  }
  return COMPRESSION_ADOBE_DEFLATE;
}

/// Differences of neighbours pack better, but only integers of up to 32 bits are safe everywhere.
bool has_predictor(core::DType dtype, std::uint16_t compression) {
  return compression != COMPRESSION_NONE && core::is_integer(dtype) && core::size_of(dtype) <= 4;
}

/// Names that end in .ome.tif and .ome.tiff promise a description in OME-XML.
bool is_ome_name(const fs::path& path) {
  return extension_of(path.stem()) == ".ome";
}

class TiffOutput final : public OutputVolume {
 public:
  TiffOutput(const Location& location, const CreateOptions& options)
      : OutputVolume(output_info(location.text, "tiff", options),
                     {1, options.shape[1], options.shape[2]}),
        path_(location.file),
        partial_(core::partial_path(location.file)),
        compression_(compression_tag(options.compression)) {
    require_codec();
    require_ome_type();
    info_.axes = options.channels > 1 ? "zcyx" : "zyx";
    fs::remove_all(partial_);
    file_ =
        std::make_unique<TiffHandle>(partial_, pixel_bytes(options) > kClassicLimit ? "w8" : "w");
  }

  ~TiffOutput() override {
    if (file_ != nullptr) {
      file_.reset();
      std::error_code ignored;  // the next writer of this output removes it
      fs::remove(partial_, ignored);
    }
  }

  WriteOrder write_order() const override { return WriteOrder::planes; }

  bool is_written(const core::Box3& box) const override {
    const std::lock_guard lock(mutex_);
    return box.stop()[0] <= next_z_;
  }

  void finish() override {
    const std::lock_guard lock(mutex_);
    if (file_ == nullptr) {
      return;
    }
    if (next_z_ != info_.shape[0]) {
      throw usage(fmt::format("{} of {} pages written", next_z_, info_.shape[0]), "all pages");
    }
    file_.reset();
    core::rename_into_place(partial_, path_);
    reader_ = open_tiff({.text = info_.source, .file = path_, .inner = {}}, {});
  }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    if (reader_ == nullptr) {
      throw usage("read before finish()", "a finished TIFF file");
    }
    return reader_->read(box);
  }

  void write_box(const core::Box3& box, const core::Array& values) override {
    const std::lock_guard lock(mutex_);
    if (box.start[1] != 0 || box.start[2] != 0 || box.shape[1] != info_.shape[1] ||
        box.shape[2] != info_.shape[2] || box.start[0] != next_z_ || file_ == nullptr) {
      throw usage("block " + core::to_string(box),
                  fmt::format("whole pages from z = {} on (TIFF is written in order)", next_z_));
    }
    for (std::int64_t z = 0; z < box.shape[0]; ++z) {
      for (int c = 0; c < info_.channels; ++c) {
        write_page(values, c * box.shape[0] + z,
                   next_z_ == 0 && c == 0 ? PageTags::first : PageTags::later);
      }
      ++next_z_;
    }
  }

 private:
  enum class PageTags { first, later };

  void require_codec() const {
    if (TIFFIsCODECConfigured(compression_) == 0) {
      throw Error(ErrorKind::usage,
                  Problem{.subject = fmt::format("output '{}'", path_.string()),
                          .found = "a compression that this machine's libtiff has not",
                          .expected = "one that it has",
                          .remedy = "choose none or deflate"});
    }
  }

  void require_ome_type() const {
    if (is_ome_name(path_) && core::is_integer(info_.dtype) && core::size_of(info_.dtype) > 4) {
      throw Error(ErrorKind::usage,
                  Problem{.subject = fmt::format("output '{}'", path_.string()),
                          .found = std::string(core::name_of(info_.dtype)),
                          .expected = "a type that OME knows: integers of up to 32 bits, or floats",
                          .remedy = "write .tif or .zarr, or choose another --dtype"});
    }
  }

  std::string description() const {
    if (!is_ome_name(path_)) {
      return tiff_description(info_.shape, info_.channels, info_.voxel_nm, info_.offset_nm);
    }
    OmeImage image;
    image.order = "XYCZT";
    image.type = info_.dtype == core::DType::f32   ? "float"
                 : info_.dtype == core::DType::f64 ? "double"
                                                   : core::name_of(info_.dtype);
    image.width = info_.shape[2];
    image.height = info_.shape[1];
    image.slices = info_.shape[0];
    image.channels = info_.channels;
    if (info_.voxel_nm) {
      std::copy(info_.voxel_nm->begin(), info_.voxel_nm->end(), image.voxel_nm.begin());
    }
    if (info_.offset_nm != core::Vec3d{0, 0, 0}) {
      image.description = fmt::format("offset_nm={}", fmt::join(info_.offset_nm, ","));
    }
    return to_ome_xml(image);
  }

  Error usage(const std::string& found, const std::string& expected) const {
    return Error(ErrorKind::usage, Problem{.subject = fmt::format("output '{}'", path_.string()),
                                           .found = found,
                                           .expected = expected,
                                           .remedy = "write .zarr where blocks come in any order"});
  }

  void set_tags(std::int64_t rows_per_strip) {
    TIFF* tiff = file_->get();
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, static_cast<std::uint32_t>(info_.shape[2]));
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, static_cast<std::uint32_t>(info_.shape[1]));
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, static_cast<int>(core::size_of(info_.dtype) * 8));
    TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT, sample_format(info_.dtype));
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
    TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    TIFFSetField(tiff, TIFFTAG_COMPRESSION, compression_);
    if (compression_ == COMPRESSION_ADOBE_DEFLATE) {
      TIFFSetField(tiff, TIFFTAG_ZIPQUALITY, 4);
    } else if (compression_ == COMPRESSION_ZSTD) {
      TIFFSetField(tiff, TIFFTAG_ZSTD_LEVEL, 3);
    }
    if (has_predictor(info_.dtype, compression_)) {
      TIFFSetField(tiff, TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL);
    }
    TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, static_cast<std::uint32_t>(rows_per_strip));
    if (info_.voxel_nm) {
      TIFFSetField(tiff, TIFFTAG_RESOLUTIONUNIT, RESUNIT_NONE);
      TIFFSetField(tiff, TIFFTAG_XRESOLUTION, 1 / (*info_.voxel_nm)[2]);
      TIFFSetField(tiff, TIFFTAG_YRESOLUTION, 1 / (*info_.voxel_nm)[1]);
    }
  }

  void write_page(const core::Array& values, std::int64_t plane, PageTags tags) {
    const auto row = static_cast<std::size_t>(info_.shape[2]) * core::size_of(info_.dtype);
    const auto height = static_cast<std::size_t>(info_.shape[1]);
    const std::size_t rows = compression_ == COMPRESSION_NONE
                                 ? height
                                 : std::clamp<std::size_t>(kStripBytes / row, 1, height);
    set_tags(static_cast<std::int64_t>(rows));
    if (tags == PageTags::first) {
      TIFFSetField(file_->get(), TIFFTAG_IMAGEDESCRIPTION, description().c_str());
    }
    const auto page =
        values.bytes().subspan(static_cast<std::size_t>(plane) * height * row, height * row);
    for (std::size_t y = 0, i = 0; y < height; y += rows, ++i) {
      write_strip(static_cast<std::uint32_t>(i),
                  page.subspan(y * row, (std::min(y + rows, height) - y) * row));
    }
    errno = 0;
    if (TIFFWriteDirectory(file_->get()) != 1) {
      fail_to_write();
    }
  }

  void write_strip(std::uint32_t index, std::span<const std::byte> bytes) {
    std::vector<std::byte> strip(bytes.begin(), bytes.end());  // libtiff changes what it is given
    errno = 0;
    if (TIFFWriteEncodedStrip(file_->get(), index, strip.data(),
                              static_cast<tmsize_t>(strip.size())) < 0) {
      fail_to_write();
    }
  }

  /// libtiff does not say why; a file that takes less than it is given sets no errno.
  [[noreturn]] void fail_to_write() const {
    throw core::system_failure(partial_, "cannot be written", errno != 0 ? errno : ENOSPC);
  }

  fs::path path_;
  fs::path partial_;
  std::uint16_t compression_;
  mutable std::mutex mutex_;
  std::unique_ptr<TiffHandle> file_;
  std::int64_t next_z_ = 0;
  std::unique_ptr<core::Volume> reader_;
};

}  // namespace

std::unique_ptr<OutputVolume> create_tiff(const Location& location, const CreateOptions& options) {
  return std::make_unique<TiffOutput>(location, options);
}

}  // namespace retina::store
