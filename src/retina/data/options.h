#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/error.h"
#include "retina/core/intensity.h"
#include "retina/core/options.h"

namespace retina::data {

enum class FolderMeaning { automatic, images, stack };
constexpr core::EnumTable<FolderMeaning, 3> enum_table(FolderMeaning) {
  return {{{FolderMeaning::automatic, "automatic"},
           {FolderMeaning::images, "images"},
           {FolderMeaning::stack, "stack"}}};
}

/// Where labelled images lie and how their labels are read. One layout of:
///   path/images + path/masks (equal stems), path/VOLUME/images + path/VOLUME/masks, a pack, or
///   `images` and `masks` alone: two folders, two stacks, two Zarr arrays.
struct DataOptions {
  std::string path;  ///< dataset folder or pack; empty: images and masks are whole paths
  std::string images = "images";  ///< folder or volume of images, relative to path
  std::string masks = "masks";    ///< the same of the labels
  FolderMeaning folder = FolderMeaning::automatic;  ///< automatic: stack if axes has more than xy
  std::vector<std::string> axes = {"xy"};           ///< planes to cut from volumes: xy, xz, yz
  std::string
      slices;  ///< range "first:stop" of the planes of one axis in natural order; empty = all
  std::int64_t every =
      1;  ///< sparse labelling: only planes (or 2D images of a folder) 0, n, 2n, ... are labelled
  std::map<std::string, int> labels;         ///< stored label value -> class id; empty = identity
  std::optional<std::int64_t> ignore_value;  ///< stored label value that means "not known"
  std::string stored_axes{};            ///< of files that do not state their axes, such as "czyx"
  std::vector<double> voxel_size_nm{};  ///< z, y, x of images and masks; empty = the files say
  std::vector<double> input_range;  ///< stored values that become 0 and 255; empty = from the data
  std::vector<double> target_voxel_nm;  ///< images and labels are resampled to it; empty = not

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("path", self.path, "dataset folder or pack; empty: images and masks are whole paths");
    visit("images", self.images, "folder or volume of images, relative to path");
    visit("masks", self.masks, "folder or volume of labels, relative to path");
    visit("folder", self.folder,
          "a folder holds single images or the slices of one stack; automatic: stack if axes has "
          "more than xy");
    visit("axes", self.axes, "planes to cut from volumes: xy, xz, yz");
    visit("slices", self.slices,
          "range first:stop of the planes in natural order, of one axis; empty = all");
    visit("every", self.every,
          "sparse labelling: only every n-th plane of a volume, or 2D image of a folder, is "
          "labelled");
    visit("labels", self.labels, "stored label value: class id; empty = identity");
    visit("ignore_value", self.ignore_value, "stored label value that means not known");
    visit("stored_axes", self.stored_axes,
          "axes as stored, slowest first, such as czyx: for files that do not state them");
    visit("voxel_size_nm", self.voxel_size_nm,
          "voxel size z,y,x in nm of images and masks; overrides what the files say");
    visit("input_range", self.input_range,
          "stored values that become 0 and 255, for images that are not uint8; empty = from the "
          "data");
    visit("target_voxel_nm", self.target_voxel_nm,
          "voxel size z,y,x in nm that images and labels are resampled to; empty = as they are");
  }
  std::vector<Problem> validate() const;
};

/// True where `options` names images: a path, or images elsewhere than the default.
inline bool names_images(const DataOptions& options) {
  return !options.path.empty() || options.images != DataOptions{}.images;
}

/// What is wrong with names of classes of which one occurs twice: its scores would be lost.
std::optional<Problem> repeated_class(const std::vector<std::string>& classes);

/// `options` with images that are not uint8 read as `range` says, unless they state a range
/// themselves: a network knows one.
DataOptions in_range(DataOptions options, const core::IntensityRange& range);

/// A half-open range of plane numbers.
struct PlaneRange {
  std::int64_t first = 0;
  std::int64_t stop = 0;
};

/// "2:5" -> {2,5}, "12:" -> {12,count}, ":12", "" -> all; stop is limited to `count`. usage error
/// for other text.
PlaneRange parse_range(const std::string& text, std::int64_t count);

/// 0 for "xy", 1 for "xz", 2 for "yz": the axis that planes are cut across. usage error otherwise.
int axis_of_plane(const std::string& name);

}  // namespace retina::data
