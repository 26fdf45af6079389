#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "retina/core/file.h"
#include "retina/core/intensity.h"
#include "retina/core/json.h"
#include "retina/core/progress.h"
#include "retina/core/volume.h"
#include "retina/store/location.h"
#include "retina/store/open.h"

namespace retina::store {

/// A pack: images, and labels where there are any, as plain uint8 bytes that are mapped into
/// memory. It needs no image library, so it is what bare machines train and predict on. A folder of
///
///     pack.json     {"format": "retina-pack", "version": 1, "items": N, "attributes": {...}}
///     index.jsonl   one line for each item: {"name", "shape": [z,y,x], "channels", "axes",
///     "voxel_nm": [z,y,x] or null,
///                   "offset_nm": [z,y,x], "image_offset", "labels_offset": bytes or null, "range":
///                   [low, high], "source", "provenance": {...}}
///     images.bin    the images one after the other, C order c,z,y,x, each at a multiple of 64
///     bytes labels.bin    the labels (one channel) in the same manner; absent if no item has
///     labels
///
/// Bytes of images are (stored value - low) / (high - low) * 255, rounded and clamped; labels are
/// class ids.
struct PackItem {
  std::string name;  ///< unique in the pack, not empty
  std::shared_ptr<const core::Volume> image;
  std::shared_ptr<const core::Volume> labels;  ///< of equal shape; null = none; values 0 to 255
  core::IntensityRange range;                  ///< of the image; must be 0..255 for uint8
  Json provenance = Json::object();  ///< anything worth keeping: source, split, group, ...
};

/// Writes a pack aside and puts it in place; leaves nothing behind if that fails. Reads slab by
/// slab, so that memory stays bounded. `attributes` is kept as it is (class names, label map, ...).
/// bad_data for a label value beyond 255 or unequal shapes, usage if `path` exists and not
/// overwrite.
struct PackOptions {
  bool overwrite = false;
  Json attributes = Json::object();
};
void write_pack(const std::string& path, std::span<const PackItem> items,
                const PackOptions& options, const core::Context& context);

/// usage error if no pack can be put at `path`: it exists and not overwrite, it is a file, or a
/// folder that holds anything else. write_pack() asks too; who works long before it asks first.
void refuse_pack_place(const std::string& path, bool overwrite);

/// Writes the files of a pack into `folder`, pack.json last; the caller puts it in place. bad_data
/// as above, resource error where the disk has no room.
void write_pack_files(const std::filesystem::path& folder, std::span<const PackItem> items,
                      const Json& attributes, const core::Context& context);

/// A pack opened for reading. Volumes taken from it keep the mapped files alive.
class Pack {
 public:
  explicit Pack(const std::string& path);

  std::size_t size() const { return entries_.size(); }
  const std::string& name(std::size_t item) const;
  /// Index of the item called `name`; bad_data listing the names if there is none.
  std::size_t find(const std::string& name) const;
  /// uint8, format "pack", with the voxel size of `options` if it has one; bad_data for axes that
  /// contradict the pack's.
  std::unique_ptr<core::Volume> image(std::size_t item, const OpenOptions& options = {}) const;
  /// uint8 class ids, in the same manner; null if the item has no labels.
  std::unique_ptr<core::Volume> labels(std::size_t item, const OpenOptions& options = {}) const;
  core::IntensityRange range(std::size_t item) const;
  const Json& provenance(std::size_t item) const;
  const Json& attributes() const { return attributes_; }

 private:
  struct Entry {
    std::string name;
    core::VolumeInfo info;  ///< of the image
    std::int64_t image_offset = 0;
    std::optional<std::int64_t> labels_offset;
    core::IntensityRange range;
    Json provenance;
  };
  static Entry parse_entry(const Json& line);
  core::VolumeInfo info_of(const Entry& entry, std::string axes, const OpenOptions& options) const;
  void require_inside(const Entry& entry) const;

  std::string path_;
  Json attributes_;
  std::vector<Entry> entries_;
  std::shared_ptr<const core::MappedFile> images_;
  std::shared_ptr<const core::MappedFile> labels_;
};

bool is_pack(const Location& location);

/// `PACK` if it has one item, else `PACK:NAME`; the labels of an item are `PACK:NAME/labels`.
std::unique_ptr<core::Volume> open_pack(const Location& location, const OpenOptions& options);

/// Every `NAME` and `NAME/labels` in the order of the pack; "" in place of the name of a single
/// item, and for what is inside a pack.
std::vector<std::string> pack_datasets(const Location& location);

}  // namespace retina::store
