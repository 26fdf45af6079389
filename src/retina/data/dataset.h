#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "retina/core/intensity.h"
#include "retina/core/volume.h"

namespace retina::data {

/// One image (2D or volume) and its labels, opened lazily. Shapes are equal.
struct LabelledVolume {
  std::string name;
  std::shared_ptr<core::Volume> image;
  std::shared_ptr<core::Volume> labels;  ///< null for unlabelled data
  core::IntensityRange range;            ///< stored image values that become 0 and 255 here
};

/// One plane of a labelled volume: the unit that training samples and validation predicts.
struct Slice {
  int volume = 0;  ///< index into Dataset::volumes
  int axis = 0;    ///< 0 = z (plane yx), 1 = y (plane zx), 2 = x (plane zy)
  std::int64_t index = 0;

  bool operator==(const Slice&) const = default;
};

/// From label values in the files to class ids of the network.
struct LabelMap {
  std::vector<std::pair<std::int64_t, int>> values;  ///< stored value -> class id; empty = identity
  std::optional<std::int64_t> ignore_value;          ///< stored value that means "not known"
  int class_count = 255;  ///< class ids are 0 .. class_count-1 (background included); at most 255

  bool operator==(const LabelMap&) const = default;
};

struct Dataset {
  std::vector<LabelledVolume> volumes;
  std::vector<Slice> slices;
  LabelMap label_map;
  /// Stored values that became 0 and 255 in all images that are not uint8; what a model trained on
  /// the dataset expects. 0..255 where all are uint8.
  core::IntensityRange range;
};

/// One plane as uint8 pixels with class ids (kIgnore where not known), axes y,x.
struct LabelledPlane {
  core::Array image;            ///< u8, shape {1,y,x}
  core::Array labels;           ///< u8 class ids, shape {1,y,x}; no elements for unlabelled data
  std::int64_t non_finite = 0;  ///< stored pixels of the image that are NaN or infinite

  std::int64_t bytes() const {
    return static_cast<std::int64_t>(image.bytes().size() + labels.bytes().size());
  }
};

/// bad_data naming the file of an image or of labels that have several channels. Colour whose
/// channels are equal has one: it is read as grey.
void require_one_channel(const core::Volume& volume);

/// Class id in planes and batches for "not known".
inline constexpr std::uint8_t kIgnore = 255;

/// Every `every`-th plane across `axis` of volume number `volume`.
std::vector<Slice> slices_across(const core::Vec3& shape, int volume, int axis, std::int64_t every);

/// Each once, of a list that may hold a slice several times in a row: pre-training lists it as
/// often as patches fit in it.
std::vector<Slice> distinct(std::vector<Slice> slices);

/// Indices of the volumes that have planes among the slices, ascending.
std::vector<int> volumes_used(const Dataset& dataset);

/// The voxel sizes of those volumes, in nm along z, y, x, each once.
std::vector<core::Vec3d> voxel_sizes_used(const Dataset& dataset);

/// Pixels of a plane that are looked at together where it need not be whole in memory.
inline constexpr std::int64_t kBandPixels = std::int64_t{16} << 20;

/// Shape {1,y,x} of a plane cut from a volume of `shape` across `axis`.
core::Vec3 plane_shape(const core::Vec3& shape, int axis);

/// Where the part {0,y,x} + {1,h,w} of a plane lies in its volume, which has `shape`.
core::Box3 part_in_volume(const core::Vec3& shape, const Slice& slice, const core::Box3& part);

/// Parts that cover a plane of `volume` once, from the top: the whole where it has no more than
/// `pixels` or its rows are not stored apart (VolumeInfo::chunk), else bands of no more, or of one
/// chunk of rows where that is more.
std::vector<core::Box3> bands_of(const core::Volume& volume, const Slice& slice,
                                 std::int64_t pixels = kBandPixels);

/// "NAME" for a 2D image, "NAME z=12" for a plane of a volume: how messages name a slice.
std::string describe(const Dataset& dataset, const Slice& slice);

/// The labels in a box as class ids (u8, kIgnore where not known). Where there are two classes and
/// no map, 255 in a box of nothing but 0 and 255 is class 1. bad_data for a label value that the
/// map does not know (names file, value, position), for more than one channel, and for labels that
/// are not whole numbers.
core::Array class_ids(const LabelMap& map, const core::Volume& labels, const core::Box3& box);

/// Reads one plane: image mapped to uint8 by the volume's range, labels to class_ids().
LabelledPlane read_plane(const Dataset& dataset, const Slice& slice);

/// The image of a plane alone (u8, {1,y,x}).
core::Array read_image(const Dataset& dataset, const Slice& slice);

/// A part {0,y,x} + {1,h,w} of it, pixel for pixel the same; nothing else of the volume is read.
core::Array read_image(const Dataset& dataset, const Slice& slice, const core::Box3& part);

/// The same, with the number of stored values that are NaN or infinite and no labels.
LabelledPlane read_image_part(const Dataset& dataset, const Slice& slice, const core::Box3& part);

/// The class_ids() of such a part of a plane of `labels` (u8, {1,h,w}).
core::Array read_label_part(const LabelMap& map, const core::Volume& labels, const Slice& slice,
                            const core::Box3& part);

/// How often each stored value occurs, ascending by value.
struct LabelCensus {
  std::vector<std::pair<std::int64_t, std::int64_t>> counts;  ///< value, pixels

  bool only_0_and_255() const;
};

/// Whether what 255 means follows from the other values of its plane: see class_ids().
bool is_decided_by_plane(const LabelMap& map);

/// The map that gives every part of a plane the class ids that class_ids() gives the whole, whose
/// stored values are `census`.
LabelMap map_of_plane(const LabelMap& map, const LabelCensus& census);

/// True if the labels in `slices` hold nothing but 0 and 255, 255 among them, and no map says what
/// 255 means: a mask of one class. Planes that cannot be read do not count; who reads them is told.
bool is_two_valued(const Dataset& dataset, const std::vector<Slice>& slices);

/// Stored label values of one plane, before any map; read by bands.
LabelCensus count_labels(const LabelledVolume& volume, const Slice& slice);

}  // namespace retina::data
