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
#include "retina/core/lock.h"
#include "retina/core/progress.h"
#include "retina/store/downsample.h"
#include "retina/store/output_place.h"
#include "retina/store/problem.h"
#include "retina/store/zarr/array.h"
#include "retina/store/zarr/multiscale.h"
#include "retina/store/zarr/node.h"
#include "retina/store/zarr/output_array.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

/// Labels inside an image are of its version, whatever was asked for.
ZarrFormat format_of(const OutputPlace& place, const CreateOptions& options) {
  if (!place.inner.empty() && is_zarr_node(place.root)) {
    return read_zarr_node(place.root).format;
  }
  return options.zarr_version == ZarrVersion::v0_5 ? ZarrFormat::v3 : ZarrFormat::v2;
}

std::string version_of(ZarrFormat format) {
  return format == ZarrFormat::v3 ? "0.5" : "0.4";
}

/// Adds a name to the list of labels in the metadata of `folder`.
void list_label(Json& ome, const std::string& name, const fs::path& folder) {
  const bool is_list = ome.is_object() && (!ome.contains("labels") || ome["labels"].is_array());
  if (!is_list) {
    throw bad_file(folder, "attributes of a group that are not those of OME-Zarr",
                   R"("ome": a table, and "labels": a list of names)",
                   "mend the group's attributes and run it again: nothing is lost");
  }
  Json& labels = ome["labels"];
  if (std::find(labels.begin(), labels.end(), name) == labels.end()) {
    labels.push_back(name);
  }
}

/// Makes the folder of an image inside another one a group, and lists labels in x.zarr/labels.
void register_inside(const OutputPlace& place, ZarrFormat format, bool is_labels) {
  const fs::path folder = place.final_path.parent_path();
  // several label images may be finished at once, by several processes; the mutex is for file
  // systems without locks
  static std::mutex mutex;
  const std::lock_guard alone_here(mutex);
  const auto alone = core::OutputLock::wait(folder / "zarr.json");
  Json attributes = is_zarr_node(folder) ? read_zarr_node(folder).attributes : Json::object();
  if (format == ZarrFormat::v3 && !attributes.contains("ome")) {
    attributes["ome"] = {{"version", version_of(format)}};
  }
  if (is_labels && folder.filename() == "labels") {
    list_label(format == ZarrFormat::v3 ? attributes["ome"] : attributes,
               place.final_path.filename().string(), folder);
  }
  write_zarr_group(folder, format, attributes);
}

/// Names of the entries of an image's folder that are its description and its levels.
std::vector<std::string> own_entries(const ZarrNode& node) {
  std::vector<std::string> own{"zarr.json"};
  try {
    const std::optional<Multiscale> image = parse_multiscale(node.attributes);
    for (const MultiscaleLevel& level : image ? image->levels : std::vector<MultiscaleLevel>{}) {
      own.push_back(level.path.substr(0, level.path.find('/')));
    }
  } catch (const Error&) {
    // of a damaged description nothing is known to be replaceable
  }
  return own;
}

class OmeZarrOutput final : public OutputVolume {
 public:
  OmeZarrOutput(const Location& location, const CreateOptions& options)
      : OmeZarrOutput(location, options, output_place(location)) {}

  OmeZarrOutput(const Location& location, const CreateOptions& options, const OutputPlace& place)
      : OmeZarrOutput(location, options, place, format_of(place, options)) {}

  OmeZarrOutput(const Location& location, const CreateOptions& options, const OutputPlace& place,
                ZarrFormat format)
      : OutputVolume(output_info(location.text, "ome-zarr " + version_of(format), options),
                     output_grid(format, options.shape, options).shard),
        place_(place),
        format_(format),
        options_(options),
        steps_(pyramid_steps(options.shape, options.voxel_nm, options.pyramid_levels)),
        array_(place_.partial / "0", output_array(format, options.shape, options), info_.axes) {
    const Index4& chunk = array_.chunk();
    info_.chunk = {chunk[1], chunk[2], chunk[3]};
    require_image();
    prepare_partial_folder(place_.partial, options);
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
    require_finished_image();
    write_levels();
    write_zarr_group(place_.partial, format_, attributes());
    if (!place_.inner.empty()) {
      fs::create_directories(place_.final_path.parent_path());
      // first: what has its final name counts as finished
      register_inside(place_, format_, options_.is_labels);
    }
    if (fs::is_directory(place_.final_path)) {  // labels may have come in the meantime
      refuse_foreign(place_.final_path, foreign_in_ome_zarr(place_.final_path, options_));
    }
    core::rename_into_place(place_.partial, place_.final_path);
    forget_resume_key(place_.final_path);
    array_.set_root(place_.final_path / "0");
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
  /// Labels need their image, which may be in the making.
  void require_image() const {
    if (!place_.inner.empty() && options_.needs_image && !is_zarr_node(place_.root) &&
        !fs::exists(core::partial_path(place_.root))) {
      throw no_image("write the image first");
    }
  }

  /// And of the same version.
  void require_finished_image() const {
    if (place_.inner.empty()) {
      return;
    }
    const bool is_there = is_zarr_node(place_.root);
    if (!is_there || read_zarr_node(place_.root).format != format_) {
      throw no_image(is_there ? "write both with the same version of OME-Zarr"
                              : "finish the image before its labels");
    }
  }

  Error no_image(const char* remedy) const {
    return Error(ErrorKind::usage,
                 Problem{.subject = fmt::format("output '{}'", place_.final_path.string()),
                         .found = fmt::format("no OME-Zarr {} image '{}'", version_of(format_),
                                              place_.root.string()),
                         .expected = "the image that the labels belong to",
                         .remedy = remedy});
  }

  /// Metadata of all levels; the values of all but the first, each computed from the one before.
  void write_levels() {
    fs::create_directories(place_.partial / "0");
    write_zarr_array(place_.partial / "0", array_.metadata());
    const ZarrArray* finer = &array_;
    std::optional<ZarrArray> previous;
    core::Vec3 shape = info_.shape;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      for (std::size_t axis = 0; axis < 3; ++axis) {
        shape[axis] = (shape[axis] + steps_[i][axis] - 1) / steps_[i][axis];
      }
      const fs::path folder = place_.partial / std::to_string(i + 1);
      fs::remove_all(folder);  // of an interrupted finish()
      fs::create_directories(folder);
      ZarrArray coarser(folder, output_array(format_, shape, options_), info_.axes);
      write_level(*finer, steps_[i], coarser);
      write_zarr_array(folder, coarser.metadata());
      previous.emplace(folder, coarser.metadata(), info_.axes);
      finer = &*previous;
    }
  }

  void write_level(const ZarrArray& finer, const core::Vec3& step, ZarrArray& coarser) const {
    const Reduction reduction = options_.is_labels ? Reduction::mode : Reduction::mean;
    const auto make = [&](const Block4& block) {
      core::check_stop(options_.stop);
      Block4 source = block;
      for (std::size_t i = 1; i < 4; ++i) {
        source.start[i] *= step[i - 1];
        source.shape[i] *= step[i - 1];
      }
      source = intersect(source, {{0, 0, 0, 0}, finer.shape()});
      return downsample(finer.read(source), step, reduction);
    };
    const auto zyx = [](const Index4& czyx) { return core::Vec3{czyx[1], czyx[2], czyx[3]}; };
    const auto voxel_bytes = static_cast<std::int64_t>(core::size_of(info_.dtype));  // of a channel
    const core::Vec3 piece =
        reduced_at_once(zyx(coarser.chunk()), step, zyx(finer.chunk()), voxel_bytes);
    for_each_cell({{0, 0, 0, 0}, coarser.shape()}, coarser.shard(), [&](const Index4& shard) {
      coarser.write_shard(shard, {1, piece[0], piece[1], piece[2]}, make);
    });
  }

  Json attributes() const {
    Multiscale image;
    image.version = version_of(format_);
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
    std::optional<std::string> label_source;
    if (options_.is_labels) {
      label_source = place_.inner.empty() ? "" : "../../";
    }
    return to_attributes(image, place_.final_path.stem().string(), label_source);
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

  OutputPlace place_;
  ZarrFormat format_;
  CreateOptions options_;
  std::vector<core::Vec3> steps_;
  ZarrArray array_;
  std::mutex finish_mutex_;
  bool is_finished_ = false;
};

}  // namespace

bool fits_zarr(const Location& location) {
  return output_place(location).is_zarr;
}

std::vector<std::string> foreign_in_ome_zarr(const fs::path& folder, const CreateOptions& options) {
  const ZarrNode node = is_zarr_node(folder) ? read_zarr_node(folder) : ZarrNode{};
  const std::vector<std::string> own = own_entries(node);
  const auto is_replaced_label = [&](const fs::directory_entry& label) {
    const auto& replaced = options.replaced_labels;
    const std::string name = label.path().filename().string();
    return name == "zarr.json" ||
           std::find(replaced.begin(), replaced.end(), name) != replaced.end();
  };
  return foreign_entries(folder, [&](const fs::directory_entry& entry) {
    const std::string name = entry.path().filename().string();
    return node.is_array || std::find(own.begin(), own.end(), name) != own.end() ||
           (name == "labels" && !options.replaced_labels.empty() && entry.is_directory() &&
            foreign_entries(entry.path(), is_replaced_label).empty());
  });
}

std::unique_ptr<OutputVolume> create_ome_zarr(const Location& location,
                                              const CreateOptions& options) {
  return std::make_unique<OmeZarrOutput>(location, options);
}

}  // namespace retina::store
