#include "retina/store/zarr/ome_zarr_writer.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "retina/core/file.h"
#include "retina/store/downsample.h"
#include "retina/store/problem.h"
#include "retina/store/zarr/array.h"
#include "retina/store/zarr/multiscale.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr const char* kMetadata = "zarr.json";
constexpr const char* kVersion = "0.5";

/// Where an image goes.
struct Target {
  fs::path final;    ///< the image's group
  fs::path root;     ///< the outermost .zarr; equal to final for an image of its own
  fs::path partial;  ///< beside the root, so that the root is not touched before finish()
};

fs::path full_path(const Location& location) {
  return location.inner.empty() ? location.file : location.file / location.inner;
}

Target target_of(const Location& location) {
  Target target{.final = full_path(location), .root = {}, .partial = {}};
  std::string name;
  for (const fs::path& part : target.final) {
    if (extension_of(target.root) != ".zarr") {
      target.root /= part;
      name = part.string();
    } else {
      name += "." + part.string();
    }
  }
  target.partial = core::partial_path(target.root.parent_path() / name);
  return target;
}

std::int64_t round_up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

/// Chunks of 64 cubed (256 squared for one slice), shards of 64 x 512 x 512 (2048 squared): 16 MiB
/// or less of uint8.
struct Grid {
  core::Vec3 chunk;
  core::Vec3 shard;
};

Grid choose_grid(const core::Vec3& shape, const core::Vec3& chunk, const core::Vec3& shard) {
  const bool is_plane = shape[0] == 1;
  Grid grid{.chunk = is_plane ? core::Vec3{1, 256, 256} : core::Vec3{64, 64, 64},
            .shard = is_plane ? core::Vec3{1, 2048, 2048} : core::Vec3{64, 512, 512}};
  for (std::size_t i = 0; i < 3; ++i) {
    grid.shard[i] = shard[i] > 0 ? shard[i] : std::max(grid.shard[i], chunk[i]);
    grid.chunk[i] = chunk[i] > 0 ? chunk[i] : std::min(grid.chunk[i], grid.shard[i]);
    grid.chunk[i] = std::min(grid.chunk[i], shape[i]);
    grid.shard[i] = round_up(std::min(grid.shard[i], shape[i]), grid.chunk[i]);
  }
  return grid;
}

std::vector<std::int64_t> sides(const core::Vec3& zyx, int channels, std::int64_t channel_side) {
  std::vector<std::int64_t> out(zyx.begin(), zyx.end());
  if (channels > 1) {
    out.insert(out.begin(), channel_side);
  }
  return out;
}

ZarrMetadata array_metadata(const CreateOptions& options, const core::Vec3& shape) {
  const Grid grid = choose_grid(shape, options.chunk, options.shard);
  ZarrMetadata metadata;
  metadata.dtype = options.dtype;
  metadata.shape = sides(shape, options.channels, options.channels);
  metadata.chunk = sides(grid.chunk, options.channels, 1);
  metadata.shard = sides(grid.shard, options.channels, 1);
  metadata.is_sharded = true;
  metadata.codecs = CodecChain::standard(options.dtype);
  metadata.index_codecs = CodecChain::index();
  metadata.fill.assign(core::size_of(options.dtype), std::byte{0});
  for (const char* axis : {"c", "z", "y", "x"}) {
    if (axis[0] != 'c' || options.channels > 1) {
      metadata.dimension_names.emplace_back(axis);
    }
  }
  return metadata;
}

void write_json(const fs::path& path, const Json& json) {
  core::write_atomically(path, std::string_view(json.dump(2)));
}

Json group_json(const Json& ome) {
  return {{"zarr_format", 3}, {"node_type", "group"}, {"attributes", {{"ome", ome}}}};
}

/// Groups between the root and a label image, and the list of labels in x.zarr/labels.
void register_label(const Target& target) {
  static std::mutex mutex;  // several label images may be finished at once
  const std::lock_guard lock(mutex);
  const fs::path folder = target.final.parent_path();
  Json group = fs::exists(folder / kMetadata) ? core::read_json(folder / kMetadata)
                                              : group_json({{"version", kVersion}});
  if (folder.filename() == "labels") {
    Json& ome = group["attributes"]["ome"];
    const std::string name = target.final.filename().string();
    Json labels = ome.value("labels", Json::array());
    if (std::find(labels.begin(), labels.end(), name) == labels.end()) {
      labels.push_back(name);
    }
    ome["version"] = kVersion;
    ome["labels"] = labels;
  }
  write_json(folder / kMetadata, group);
}

class OmeZarrOutput final : public OutputVolume {
 public:
  OmeZarrOutput(const Location& location, const CreateOptions& options)
      : OutputVolume(output_info(location.text, "ome-zarr 0.5", options),
                     choose_grid(options.shape, options.chunk, options.shard).shard),
        target_(target_of(location)),
        options_(options),
        steps_(pyramid_steps(options.shape, options.voxel_nm, options.pyramid_levels)),
        array_(target_.partial / "0", array_metadata(options, options.shape), info_.axes) {
    const Index4& chunk = array_.chunk();
    info_.chunk = {chunk[1], chunk[2], chunk[3]};
    prepare_partial_folder(target_.partial, options);
  }

  bool is_written(const core::Box3& box) const override {
    bool is_complete = true;
    for_each_cell(with_channels(box, info_.channels), array_.shard(), [&](const Index4& shard) {
      is_complete = is_complete && array_.has_shard(shard);
    });
    return is_complete;
  }

  void finish() override {
    const std::lock_guard lock(finish_mutex_);
    if (is_finished_) {
      return;
    }
    if (target_.root != target_.final && !fs::exists(target_.root / kMetadata)) {
      throw Error(ErrorKind::usage,
                  Problem{.subject = fmt::format("output '{}'", target_.final.string()),
                          .found = fmt::format("no OME-Zarr image '{}'", target_.root.string()),
                          .expected = "the image that the labels belong to",
                          .remedy = "finish the image before its labels"});
    }
    write_levels();
    write_json(target_.partial / kMetadata, group_json(ome_json()));
    forget_resume_key(target_.partial);
    if (target_.root != target_.final) {
      fs::create_directories(target_.final.parent_path());
    }
    core::rename_into_place(target_.partial, target_.final);
    if (target_.root != target_.final) {
      register_label(target_);
    }
    array_.set_root(target_.final / "0");
    is_finished_ = true;
  }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    return array_.read(with_channels(box, info_.channels));
  }

  void write_box(const core::Box3& box, const core::Array& values) override {
    array_.write(with_channels(box, info_.channels), values);
  }

 private:
  /// Metadata of all levels; the values of all but the first, each computed from the one before.
  void write_levels() {
    fs::create_directories(target_.partial / "0");
    write_json(target_.partial / "0" / kMetadata, to_json(array_.metadata()));
    const ZarrArray* finer = &array_;
    std::optional<ZarrArray> previous;
    core::Vec3 shape = info_.shape;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      for (std::size_t axis = 0; axis < 3; ++axis) {
        shape[axis] = (shape[axis] + steps_[i][axis] - 1) / steps_[i][axis];
      }
      const fs::path folder = target_.partial / std::to_string(i + 1);
      fs::remove_all(folder);  // of an interrupted finish()
      fs::create_directories(folder);
      ZarrArray coarser(folder, array_metadata(options_, shape), info_.axes);
      write_level(*finer, steps_[i], coarser);
      write_json(folder / kMetadata, to_json(coarser.metadata()));
      previous.emplace(folder, coarser.metadata(), info_.axes);
      finer = &*previous;
    }
  }

  void write_level(const ZarrArray& finer, const core::Vec3& step, ZarrArray& coarser) const {
    const Reduction reduction = options_.is_labels ? Reduction::mode : Reduction::mean;
    const auto make = [&](const Block4& block) {
      Block4 source = block;
      for (std::size_t i = 1; i < 4; ++i) {
        source.start[i] *= step[i - 1];
        source.shape[i] *= step[i - 1];
      }
      source = intersect(source, {{0, 0, 0, 0}, finer.shape()});
      return downsample(finer.read(source), step, reduction);
    };
    for_each_cell({{0, 0, 0, 0}, coarser.shape()}, coarser.shard(),
                  [&](const Index4& shard) { coarser.write_shard(shard, make); });
  }

  Json ome_json() const {
    Multiscale image;
    image.axes = info_.axes;
    for (const char axis : info_.axes) {
      image.units.emplace_back(axis != 'c' && info_.voxel_nm ? "nanometer" : "");
    }
    core::Vec3d scale = info_.voxel_nm.value_or(core::Vec3d{1, 1, 1});
    core::Vec3d start = info_.offset_nm;
    image.levels.push_back(level("0", scale, start));
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      for (std::size_t axis = 0; axis < 3; ++axis) {
        // a coordinate is a voxel's centre, which moves by half a fine voxel when two become one
        start[axis] += scale[axis] * static_cast<double>(steps_[i][axis] - 1) / 2;
        scale[axis] *= static_cast<double>(steps_[i][axis]);
      }
      image.levels.push_back(level(std::to_string(i + 1), scale, start));
    }
    Json ome = {{"version", kVersion},
                {"multiscales", to_json(image, target_.final.stem().string())}};
    if (options_.is_labels) {
      ome["image-label"] = Json::object();
      if (target_.root != target_.final) {
        ome["image-label"]["source"] = {{"image", "../../"}};
      }
    }
    return ome;
  }

  MultiscaleLevel level(const std::string& path, const core::Vec3d& scale,
                        const core::Vec3d& start) const {
    MultiscaleLevel out{.path = path,
                        .scale = {scale.begin(), scale.end()},
                        .translation = {start.begin(), start.end()}};
    if (info_.channels > 1) {
      out.scale.insert(out.scale.begin(), 1.0);
      out.translation.insert(out.translation.begin(), 0.0);
    }
    return out;
  }

  Target target_;
  CreateOptions options_;
  std::vector<core::Vec3> steps_;
  ZarrArray array_;
  std::mutex finish_mutex_;
  bool is_finished_ = false;
};

}  // namespace

bool fits_zarr(const Location& location) {
  const fs::path path = full_path(location);
  return std::any_of(path.begin(), path.end(),
                     [](const fs::path& part) { return extension_of(part) == ".zarr"; });
}

std::unique_ptr<OutputVolume> create_ome_zarr(const Location& location,
                                              const CreateOptions& options) {
  return std::make_unique<OmeZarrOutput>(location, options);
}

}  // namespace retina::store
