#include "retina/store/mha/mha.h"

#include <algorithm>
#include <bit>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "retina/store/axis_order.h"
#include "retina/store/flat_volume.h"
#include "retina/store/inflated_bytes.h"
#include "retina/store/mha/mha_metadata.h"
#include "retina/store/positioned_file.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kLongestMhaHeader = 65536;
constexpr std::string_view kLastField = "ElementDataFile";

/// The lines up to and with ElementDataFile.
std::string mha_header_text(const PositionedFile& file) {
  std::string text(static_cast<std::size_t>(std::min(file.size(), kLongestMhaHeader)), '\0');
  file.read(0, std::as_writable_bytes(std::span(text)));
  std::size_t at = text.find(kLastField);
  while (at != std::string::npos && at > 0 && text[at - 1] != '\n') {
    at = text.find(kLastField, at + 1);
  }
  if (at == std::string::npos) {
    throw bad_file(file.path(), "no line 'ElementDataFile'", "a MetaImage header",
                   "the file is damaged: get a fresh copy");
  }
  const std::size_t end = text.find('\n', at);
  return end == std::string::npos ? text : text.substr(0, end + 1);
}

/// Where the voxels are; completes the layout.
std::unique_ptr<ByteSource> mha_voxels(const fs::path& path, const MhaHeader& header,
                                       std::int64_t header_bytes, FlatLayout& layout) {
  const bool is_local = header.data_file.empty();
  auto file =
      std::make_unique<PositionedFile>(is_local ? path : path.parent_path() / header.data_file);
  const std::int64_t start =
      is_local ? header_bytes : std::max<std::int64_t>(0, header.header_size);
  if (header.is_compressed) {
    layout.offset = 0;
    return std::make_unique<InflatedBytes>(file->path(), start, bytes_of(layout));
  }
  layout.offset = header.header_size < 0 ? file->size() - bytes_of(layout) : start;
  if (layout.offset < 0 || bytes_of(layout) > file->size() - layout.offset) {
    throw bad_file(file->path(),
                   fmt::format("{} bytes from the first voxel on",
                               std::max<std::int64_t>(0, file->size() - layout.offset)),
                   fmt::format("{} bytes of voxels, as the sizes say", bytes_of(layout)),
                   "the file is truncated: get a fresh copy");
  }
  return file;
}

}  // namespace

bool is_mha(const Location& location) {
  const std::string extension = extension_of(location.file);
  return (extension == ".mha" || extension == ".mhd") && fs::is_regular_file(location.file);
}

std::unique_ptr<core::Volume> open_mha(const Location& location, const OpenOptions& options) {
  refuse_inner_path(location);
  const std::string text = mha_header_text(PositionedFile(location.file));
  MhaHeader header;
  MhaSpace space;
  FlatLayout layout;
  try {
    header = parse_mha_header(text);
    space = understand_mha(header, options.axes);
    const AxisOrder order = order_axes(space.axes, space.sides);
    layout.shape = order.shape;
    layout.order = order.order;
  } catch (const Error& error) {
    throw error.within(fmt::format("'{}'", location.file.string()));
  }
  layout.dtype = header.dtype;
  layout.byte_order = header.is_big_endian ? std::endian::big : std::endian::little;
  core::VolumeInfo info;
  info.source = location.text;
  info.format = header.is_compressed ? "mha (compressed)" : "mha";
  info.axes = space.axes;
  info.voxel_nm = space.voxel_nm;
  info.voxel_nm_source = info.voxel_nm ? "MetaImage header" : "";
  info.offset_nm = space.offset_nm;
  info.notes = space.notes;
  auto source = mha_voxels(location.file, header, static_cast<std::int64_t>(text.size()), layout);
  return make_flat_volume(std::move(info), std::move(source), layout);
}

}  // namespace retina::store
