#include "retina/store/mrc/mrc.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "retina/store/flat_file.h"
#include "retina/store/mrc/mrc_metadata.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

class MrcVolume final : public core::Volume {
 public:
  MrcVolume(core::VolumeInfo info, const fs::path& path, const FlatLayout& layout)
      : Volume(std::move(info)), file_(path, layout) {
    info_.chunk = file_.unit();
    const std::int64_t extra = file_.file_bytes() - layout.offset - bytes_of(layout);
    if (extra > 0) {
      info_.notes.push_back(
          fmt::format("{} bytes behind the values that the header does not mention", extra));
    }
  }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    return file_.read(with_channels(box, 1));
  }

 private:
  FlatFile file_;
};

/// The first bytes of a file, fewer if it is shorter.
std::vector<std::byte> read_mrc_header(const fs::path& path) {
  const PositionedFile file(path);
  std::vector<std::byte> header(std::min(kMrcHeaderBytes, static_cast<std::size_t>(file.size())));
  file.read(0, header);
  return header;
}

}  // namespace

bool is_mrc(const Location& location) {
  if (!fs::is_regular_file(location.file)) {
    return false;
  }
  constexpr std::array<std::string_view, 2> kCertain{".mrc", ".mrcs"};
  constexpr std::array<std::string_view, 5> kPossible{".rec", ".map", ".st", ".ali", ".preali"};
  const std::string extension = extension_of(location.file);
  if (std::find(kCertain.begin(), kCertain.end(), extension) != kCertain.end()) {
    return true;
  }
  const std::vector<std::byte> header = read_mrc_header(location.file);
  return is_plausible_mrc(header) &&
         (has_map_word(header) ||
          std::find(kPossible.begin(), kPossible.end(), extension) != kPossible.end());
}

std::unique_ptr<core::Volume> open_mrc(const Location& location, const OpenOptions& options) {
  refuse_inner_path(location);
  MrcMetadata metadata = parse_mrc_header(location.file, read_mrc_header(location.file));
  const Index4& shape = metadata.layout.shape;
  core::VolumeInfo info;
  info.source = location.text;
  info.format = "mrc";
  info.axes = shape[1] == 1 ? "yx" : "zyx";
  info.dtype = metadata.layout.dtype;
  info.shape = {shape[1], shape[2], shape[3]};
  info.voxel_nm = metadata.voxel_nm;
  info.voxel_nm_source = metadata.voxel_nm ? "MRC cell" : "";
  info.offset_nm = metadata.offset_nm;
  info.notes = std::move(metadata.notes);
  if (!options.axes.empty() && options.axes != info.axes) {
    throw bad_file(location.file, "axes " + info.axes, "axes " + options.axes,
                   "leave the axes out: the MRC header states them");
  }
  return std::make_unique<MrcVolume>(std::move(info), location.file, metadata.layout);
}

}  // namespace retina::store
