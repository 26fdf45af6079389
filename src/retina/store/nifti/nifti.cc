#include "retina/store/nifti/nifti.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nifti2_io.h>

#include "retina/store/chunk_cache.h"
#include "retina/store/flat_file.h"
#include "retina/store/gzip_file.h"
#include "retina/store/nifti/nifti_metadata.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

core::Array apply_scaling(const core::Array& stored, const NiftiScaling& scaling) {
  core::Array out(core::DType::f32, stored.channels(), stored.shape());
  const std::span<float> target = out.values<float>();
  core::dispatch(stored.dtype(), [&](auto zero) {
    const auto source = stored.values<decltype(zero)>();
    std::transform(source.begin(), source.end(), target.begin(), [&](auto value) {
      return static_cast<float>(static_cast<double>(value) * scaling.slope + scaling.intercept);
    });
  });
  return out;
}

core::VolumeInfo describe_nifti(const Location& location, const NiftiMetadata& metadata) {
  const Index4& shape = metadata.layout.shape;
  core::VolumeInfo info;
  info.source = location.text;
  info.format = metadata.format;
  info.axes = shape[0] > 1 ? "czyx" : shape[1] > 1 ? "zyx" : "yx";
  info.dtype = metadata.scaling ? core::DType::f32 : metadata.layout.dtype;
  info.channels = static_cast<int>(shape[0]);
  info.shape = {shape[1], shape[2], shape[3]};
  info.voxel_nm = metadata.voxel_nm;
  info.voxel_nm_source = metadata.voxel_nm ? "NIfTI pixdim and xyzt_units" : "";
  info.offset_nm = metadata.offset_nm;
  info.notes = metadata.notes;
  return info;
}

class PlainNifti final : public core::Volume {
 public:
  PlainNifti(core::VolumeInfo info, NiftiMetadata metadata)
      : Volume(std::move(info)),
        file_(std::move(metadata.data), metadata.layout),
        scaling_(metadata.scaling) {}

 protected:
  core::Array read_box(const core::Box3& box) const override {
    core::Array values = file_.read(with_channels(box, info_.channels));
    return scaling_ ? apply_scaling(values, *scaling_) : values;
  }

 private:
  FlatFile file_;
  std::optional<NiftiScaling> scaling_;
};

class CompressedNifti final : public core::Volume {
 public:
  CompressedNifti(core::VolumeInfo info, NiftiMetadata metadata)
      : Volume(std::move(info)), file_(metadata.data), metadata_(std::move(metadata)) {
    const std::int64_t needed = bytes_of(metadata_.layout);
    if (needed < 0 || metadata_.layout.offset < 0 ||
        needed > file_.most_content() - metadata_.layout.offset) {
      throw bad_file(metadata_.data,
                     fmt::format("a header that claims {} channel(s) of {} voxels", info_.channels,
                                 core::to_string(info_.shape)),
                     "values that can fit into the compressed file",
                     "the file is damaged or cut short: get a fresh copy");
    }
    info_.notes.emplace_back(
        "compressed as a whole: reading in the order of z is fast, going back starts anew");
  }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    const FlatLayout& layout = metadata_.layout;
    core::Array values = make_array(layout.dtype, with_channels(box, info_.channels).shape);
    for (std::int64_t c = 0; c < info_.channels; ++c) {
      for (std::int64_t z = box.start[0]; z < box.stop()[0]; ++z) {
        const std::int64_t index = c * info_.shape[0] + z;
        const auto plane = cache_.get(index, [&] { return decode_plane(index); });
        copy_block(*plane, {c, z, 0, 0}, values, {0, box.start[0], box.start[1], box.start[2]});
      }
    }
    return metadata_.scaling ? apply_scaling(values, *metadata_.scaling) : values;
  }

 private:
  /// Plane number `index` of all channels.
  core::Array decode_plane(std::int64_t index) const {
    const FlatLayout& layout = metadata_.layout;
    core::Array plane(layout.dtype, 1, {1, info_.shape[1], info_.shape[2]});
    const auto bytes = static_cast<std::int64_t>(plane.bytes().size());
    file_.read(layout.offset + index * bytes, plane.bytes());
    to_native_order(plane, layout.byte_order);
    return plane;
  }

  mutable GzipFile file_;
  NiftiMetadata metadata_;
  CacheOwner cache_;
};

/// The header of an image named by its header or its values.
fs::path header_file_of(const fs::path& file) {
  nifti_set_debug_level(0);  // it would print to the terminal
  const std::unique_ptr<char, decltype(&std::free)> found(nifti_findhdrname(file.c_str()),
                                                          &std::free);
  return found ? fs::path(found.get()) : file;
}

bool is_gzip(const fs::path& file) {
  return begins_with(file, "\x1f\x8b");
}

std::vector<std::byte> read_nifti_header(const fs::path& file) {
  std::vector<std::byte> start(4);
  if (is_gzip(file)) {
    GzipFile gzip(file);
    gzip.read(0, start);
    start.resize(std::max(start.size(), nifti_header_bytes(start)));
    gzip.read(0, start);
    return start;
  }
  const PositionedFile plain(file);
  start.resize(std::min<std::size_t>(kNifti2HeaderBytes, static_cast<std::size_t>(plain.size())));
  plain.read(0, start);
  return start;
}

std::string lower_case_name(const fs::path& file) {
  std::string name = file.filename().string();
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return name;
}

}  // namespace

bool is_nifti(const Location& location) {
  if (!fs::is_regular_file(location.file)) {
    return false;
  }
  const std::string name = lower_case_name(location.file);
  if (name.ends_with(".nii") || name.ends_with(".nii.gz")) {
    return true;
  }
  for (const char* ending : {".hdr", ".img", ".hdr.gz", ".img.gz"}) {
    if (name.ends_with(ending)) {
      const fs::path header = header_file_of(location.file);
      return fs::is_regular_file(header) && is_plausible_nifti(read_nifti_header(header));
    }
  }
  return false;
}

std::unique_ptr<core::Volume> open_nifti(const Location& location, const OpenOptions& options) {
  refuse_inner_path(location);
  const fs::path header = header_file_of(location.file);
  NiftiMetadata metadata = parse_nifti_header(header, read_nifti_header(header), options.axes);
  core::VolumeInfo info = describe_nifti(location, metadata);
  if (!options.axes.empty() && options.axes != info.axes) {
    throw bad_file(location.file, "axes " + info.axes, "axes " + options.axes,
                   "leave the axes out: NIfTI defines them");
  }
  if (is_gzip(metadata.data)) {
    return std::make_unique<CompressedNifti>(std::move(info), std::move(metadata));
  }
  return std::make_unique<PlainNifti>(std::move(info), std::move(metadata));
}

}  // namespace retina::store
