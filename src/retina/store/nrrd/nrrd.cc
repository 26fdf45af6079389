#include "retina/store/nrrd/nrrd.h"

#include <algorithm>
#include <array>
#include <bit>
#include <filesystem>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "retina/store/axis_order.h"
#include "retina/store/flat_volume.h"
#include "retina/store/inflated_bytes.h"
#include "retina/store/nrrd/nrrd_metadata.h"
#include "retina/store/positioned_file.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kLongestHeader = std::int64_t{1} << 20;

/// The header with its empty line, or the whole file without one.
std::string header_text(const PositionedFile& file) {
  std::string text;
  while (std::cmp_less(text.size(), std::min(file.size(), kLongestHeader))) {
    const std::size_t begin = text.size();
    const auto part = std::min<std::int64_t>(4096, file.size() - static_cast<std::int64_t>(begin));
    text.resize(begin + static_cast<std::size_t>(part));
    file.read(static_cast<std::int64_t>(begin),
              std::as_writable_bytes(std::span(text)).subspan(begin));
    const std::size_t from = begin < 4 ? 0 : begin - 4;
    const std::size_t unix_end = text.find("\n\n", from);
    const std::size_t dos_end = text.find("\r\n\r\n", from);
    if (unix_end < dos_end) {
      return text.substr(0, unix_end + 2);
    }
    if (dos_end != std::string::npos) {
      return text.substr(0, dos_end + 4);
    }
  }
  return text;
}

/// The position after `lines` more lines.
std::int64_t skip_lines(const PositionedFile& file, std::int64_t at, std::int64_t lines) {
  std::array<std::byte, 4096> part;
  while (lines > 0) {
    const auto count = std::min<std::int64_t>(part.size(), file.size() - at);
    if (count <= 0) {
      throw bad_file(file.path(), "fewer lines than 'line skip' says", "a whole file",
                     "get a fresh copy");
    }
    file.read(at, std::span(part).first(static_cast<std::size_t>(count)));
    for (std::int64_t i = 0; i < count && lines > 0; ++i, ++at) {
      lines -= part[static_cast<std::size_t>(i)] == std::byte{'\n'} ? 1 : 0;
    }
  }
  return at;
}

fs::path data_path(const fs::path& header_path, const NrrdHeader& header) {
  return header.data_file.empty() ? header_path : header_path.parent_path() / header.data_file;
}

/// Where the voxels are; completes the layout.
std::unique_ptr<ByteSource> voxels_of(const fs::path& path, const NrrdHeader& header,
                                      std::int64_t header_bytes, FlatLayout& layout) {
  auto file = std::make_unique<PositionedFile>(data_path(path, header));
  const std::int64_t start =
      skip_lines(*file, header.data_file.empty() ? header_bytes : 0, header.line_skip);
  if (header.encoding == NrrdEncoding::gzip) {
    layout.offset = header.byte_skip;
    return std::make_unique<InflatedBytes>(file->path(), start, layout.offset + bytes_of(layout));
  }
  layout.offset = header.byte_skip < 0 ? file->size() - bytes_of(layout) : start + header.byte_skip;
  if (layout.offset < start || bytes_of(layout) > file->size() - layout.offset) {
    throw bad_file(file->path(),
                   fmt::format("{} bytes from the first voxel on",
                               std::max<std::int64_t>(0, file->size() - layout.offset)),
                   fmt::format("{} bytes of voxels, as the sizes say", bytes_of(layout)),
                   "the file is truncated: get a fresh copy");
  }
  return file;
}

struct UnderstoodNrrd {
  NrrdHeader header;
  NrrdSpace space;
  FlatLayout layout;
};

UnderstoodNrrd understand(const std::string& text, const std::string& axes) {
  UnderstoodNrrd out;
  out.header = parse_nrrd_header(text);
  out.space = understand_nrrd(out.header, axes);
  out.layout.dtype = out.header.dtype;
  const AxisOrder order =
      order_axes(out.space.axes, {out.header.sizes.rbegin(), out.header.sizes.rend()});
  out.layout.shape = order.shape;
  out.layout.order = order.order;
  out.layout.byte_order = out.header.is_big_endian ? std::endian::big : std::endian::little;
  if (out.header.byte_skip > std::int64_t{1} << 60) {
    throw Error(ErrorKind::bad_data, Problem{.subject = "NRRD header",
                                             .found = "a byte skip beyond any file",
                                             .remedy = "get a fresh copy"});
  }
  return out;
}

}  // namespace

bool is_nrrd(const Location& location) {
  return begins_with(location.file, "NRRD000");
}

std::unique_ptr<core::Volume> open_nrrd(const Location& location, const OpenOptions& options) {
  refuse_inner_path(location);
  std::string text;
  UnderstoodNrrd nrrd;
  try {
    text = header_text(PositionedFile(location.file));
    nrrd = understand(text, options.axes);
  } catch (const Error& error) {
    throw error.within(fmt::format("'{}'", location.file.string()));
  }
  core::VolumeInfo info;
  info.source = location.text;
  info.format = nrrd.header.encoding == NrrdEncoding::gzip ? "nrrd (gzip)" : "nrrd";
  info.axes = nrrd.space.axes;
  info.voxel_nm = nrrd.space.voxel_nm;
  info.voxel_nm_source = info.voxel_nm ? "NRRD header" : "";
  info.offset_nm = nrrd.space.offset_nm;
  info.notes = nrrd.space.notes;
  auto source =
      voxels_of(location.file, nrrd.header, static_cast<std::int64_t>(text.size()), nrrd.layout);
  return make_flat_volume(std::move(info), std::move(source), nrrd.layout);
}

}  // namespace retina::store
