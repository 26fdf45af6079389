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

#include "retina/store/flat_file.h"
#include "retina/store/inflated_bytes.h"
#include "retina/store/nifti/nifti_metadata.h"
#include "retina/store/positioned_file.h"
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

class NiftiVolume final : public core::Volume {
 public:
  NiftiVolume(core::VolumeInfo info, std::unique_ptr<ByteSource> source, NiftiMetadata metadata)
      : Volume(std::move(info)), source_(std::move(source)), metadata_(std::move(metadata)) {
    info_.chunk = unit_of_reading(*source_, metadata_.layout);
  }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    core::Array values = read_flat(*source_, metadata_.layout, with_channels(box, info_.channels));
    return metadata_.scaling ? apply_scaling(values, *metadata_.scaling) : std::move(values);
  }

 private:
  std::unique_ptr<ByteSource> source_;
  NiftiMetadata metadata_;
};

bool is_gzip(const fs::path& file) {
  return begins_with(file, "\x1f\x8b");
}

std::unique_ptr<ByteSource> open_values(const NiftiMetadata& metadata) {
  const FlatLayout& layout = metadata.layout;
  const std::int64_t bytes = bytes_of(layout);
  constexpr std::int64_t kMostOffset = std::int64_t{1} << 60;
  const bool can_be = bytes >= 0 && layout.offset >= 0 && layout.offset <= kMostOffset;
  if (!can_be || !is_gzip(metadata.data)) {
    const FlatFile has_sizes_that_fit(metadata.data, layout);
    return std::make_unique<PositionedFile>(metadata.data);
  }
  return std::make_unique<InflatedBytes>(metadata.data, 0, layout.offset + bytes);
}

/// The header of an image named by its header or its values.
fs::path header_file_of(const fs::path& file) {
  nifti_set_debug_level(0);  // it would print to the terminal
  const std::unique_ptr<char, decltype(&std::free)> found(nifti_findhdrname(file.c_str()),
                                                          &std::free);
  return found ? fs::path(found.get()) : file;
}

std::vector<std::byte> read_nifti_header(const fs::path& file) {
  std::vector<std::byte> header(kNifti1HeaderBytes);
  if (is_gzip(file)) {
    InflatedBytes(file, 0, kNifti1HeaderBytes).read(0, header);
    if (nifti_header_bytes(header) == kNifti2HeaderBytes) {
      header.resize(kNifti2HeaderBytes);
      InflatedBytes(file, 0, kNifti2HeaderBytes).read(0, header);
    }
    return header;
  }
  const PositionedFile plain(file);
  header.resize(std::min(kNifti2HeaderBytes, static_cast<std::size_t>(plain.size())));
  plain.read(0, header);
  return header;
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
  std::unique_ptr<ByteSource> values = open_values(metadata);
  return std::make_unique<NiftiVolume>(std::move(info), std::move(values), std::move(metadata));
}

}  // namespace retina::store
