#include "retina/pipeline/prepare/prepare_plan.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/core/error.h"
#include "retina/data/dataset.h"
#include "retina/data/options.h"
#include "retina/pipeline/prepare/prepare_downloads.h"
#include "retina/store/open.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr double kSizeTolerance = 0.01;    ///< of voxel sizes, relative
constexpr double kOffsetTolerance = 0.01;  ///< of offsets, in voxels

std::string comma_list(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

class Planner {
 public:
  Planner(const DatasetRecipe& recipe, const std::vector<std::string>& places,
          const fs::path& output)
      : downloads_(places, output) {
    plan_.recipe = &recipe;
  }

  PreparePlan plan() {
    for (const VolumeRecipe& volume : plan_.recipe->volumes) {
      plan_volume(volume);
    }
    for (const ImageSetRecipe& set : plan_.recipe->image_sets) {
      plan_image_set(set);
    }
    if (plan_.recipe->is_unlabelled) {
      plan_patches();
    }
    throw_if_any(ErrorKind::bad_data,
                 fmt::format("the download of {} is not what it should be", plan_.recipe->name),
                 problems_);
    return std::move(plan_);
  }

 private:
  /// Image and labels may lie in one file, whose absence is one problem.
  void report(Problem problem) {
    const std::string text = to_string(problem);
    const bool is_told = std::any_of(problems_.begin(), problems_.end(),
                                     [&](const Problem& told) { return to_string(told) == text; });
    if (!is_told) {
      problems_.push_back(std::move(problem));
    }
  }

  std::string where_to_get() const {
    const std::vector<std::string> archives = downloads_.archives();
    const std::string source = fmt::format("get it from {}", plan_.recipe->source);
    return archives.empty() ? source
                            : fmt::format("unpack {} first; else {}", comma_list(archives), source);
  }

  std::optional<fs::path> find(const DownloadPart& part) {
    const std::vector<fs::path> found = downloads_.find(part);
    if (found.size() == 1) {
      return found.front();
    }
    std::vector<std::string> names;
    for (const fs::path& path : found) {
      names.push_back(path.string());
    }
    report(found.empty()
               ? Problem{.subject = part.places.front(),
                         .found = "not among the downloads: " + downloads_.summary(),
                         .expected = plan_.recipe->expects,
                         .remedy = where_to_get()}
               : Problem{.subject = part.places.front(),
                         .found = fmt::format("{} of them: {}", names.size(), comma_list(names)),
                         .expected = "one",
                         .remedy = "name the files or folders to use one by one"});
    return std::nullopt;
  }

  /// The volume of a part; nothing after a problem.
  std::shared_ptr<const core::Volume> open_part(const DownloadPart& part) {
    const std::optional<fs::path> file = find(part);
    if (!file) {
      return nullptr;
    }
    try {
      if (part.dataset.empty()) {
        return store::open(file->string());
      }
      const std::vector<std::string> datasets = store::list_datasets(file->string());
      if (std::find(datasets.begin(), datasets.end(), part.dataset) != datasets.end()) {
        return store::open(file->string() + ":/" + part.dataset);
      }
      report({.subject = file->string(),
              .found = datasets.empty() ? "no dataset that can be opened"
                                        : "the datasets " + comma_list(datasets),
              .expected = part.dataset,
              .remedy = fmt::format("this recipe needs {}: get them from {}", plan_.recipe->expects,
                                    plan_.recipe->source)});
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::bad_data) {
        throw;
      }
      report({.subject = error.what()});
    }
    return nullptr;
  }

  /// The same, of grey values.
  std::shared_ptr<const core::Volume> open_image(const DownloadPart& part) {
    std::shared_ptr<const core::Volume> image = open_part(part);
    try {
      if (image != nullptr) {
        data::require_one_channel(*image);
      }
      return image;
    } catch (const Error& error) {
      report({.subject = error.what()});
      return nullptr;
    }
  }

  void plan_volume(const VolumeRecipe& recipe) {
    PlannedVolume volume{.recipe = &recipe,
                         .image = open_image(recipe.image),
                         .labels = {},
                         .image_box = {},
                         .label_box = {}};
    bool is_complete = volume.image != nullptr;
    for (const LabelPart& part : recipe.labels) {
      volume.labels.push_back(open_part(part.where));
      is_complete = is_complete && volume.labels.back() != nullptr;
    }
    if (is_complete && align(volume) && skip_rows(volume) && has_planes(volume)) {
      note_geometry(volume.image->info());
      plan_.volumes.push_back(std::move(volume));
    }
  }

  /// Sets the boxes to what image and labels have in common.
  bool align(PlannedVolume& volume) {
    const core::VolumeInfo& image = volume.image->info();
    const core::VolumeInfo& labels = volume.labels.front()->info();
    for (const auto& other : volume.labels) {
      if (other->shape() != labels.shape) {
        return fail_shapes(other->info(), labels, {});
      }
    }
    volume.image_box = core::whole(image.shape);
    volume.label_box = core::whole(labels.shape);
    if (image.shape == labels.shape) {
      return true;
    }
    const std::optional<core::Vec3> start = place_in_image(image, labels);
    if (!start) {
      return fail_shapes(labels, image, "resolution and offset say where they lie in the image");
    }
    volume.image_box = {*start, labels.shape};
    if (!core::whole(image.shape).contains(volume.image_box)) {
      return fail_shapes(
          labels, image,
          fmt::format("their place in the image is {} (z,y,x)", core::to_string(*start)));
    }
    plan_.notes.push_back(
        fmt::format("{}: the labels cover {} of {} voxels from {} (z,y,x) on; the "
                    "image is cut to them",
                    image.source, core::to_string(labels.shape), core::to_string(image.shape),
                    core::to_string(*start)));
    return true;
  }

  bool fail_shapes(const core::VolumeInfo& labels, const core::VolumeInfo& image,
                   const std::string& how) {
    report({.subject = labels.source,
            .found = fmt::format("shape {} (z,y,x)", core::to_string(labels.shape)),
            .expected = fmt::format("{}, the shape of {}{}{}", core::to_string(image.shape),
                                    image.source, how.empty() ? "" : "; ", how),
            .remedy = fmt::format("get them from {}", plan_.recipe->source)});
    return false;
  }

  /// First voxel of the image under the labels; nothing if files do not say, or not in whole
  /// voxels.
  static std::optional<core::Vec3> place_in_image(const core::VolumeInfo& image,
                                                  const core::VolumeInfo& labels) {
    if (!image.voxel_nm) {
      return std::nullopt;
    }
    core::Vec3 start{0, 0, 0};
    for (std::size_t a = 0; a < 3; ++a) {
      const double voxels = (labels.offset_nm[a] - image.offset_nm[a]) / (*image.voxel_nm)[a];
      constexpr double kFar = 1e9;
      if (!(std::abs(voxels) < kFar) || std::abs(voxels - std::round(voxels)) > kOffsetTolerance) {
        return std::nullopt;
      }
      start[a] = std::llround(voxels);
    }
    return start;
  }

  bool skip_rows(PlannedVolume& volume) {
    const std::int64_t rows = volume.recipe->skip_rows;
    for (core::Box3* box : {&volume.image_box, &volume.label_box}) {
      box->start[1] += rows;
      box->shape[1] -= rows;
    }
    return volume.image_box.shape[1] > 0 ||
           fail_small(volume, fmt::format("more than {} rows", rows));
  }

  bool has_planes(const PlannedVolume& volume) {
    for (const std::string& plane : volume.recipe->planes) {
      if (volume.planes(data::axis_of_plane(plane)) < 1) {
        return fail_small(volume, "at least two planes: the last one is left out");
      }
    }
    return true;
  }

  bool fail_small(const PlannedVolume& volume, const std::string& expected) {
    report({.subject = volume.image->info().source,
            .found = fmt::format("{} voxels (z,y,x)", core::to_string(volume.image->shape())),
            .expected = expected,
            .remedy = fmt::format("get it from {}", plan_.recipe->source)});
    return false;
  }

  void note_geometry(const core::VolumeInfo& image) {
    const std::optional<core::Vec3d>& published = plan_.recipe->voxel_nm;
    if (!image.voxel_nm || !published) {
      return;
    }
    for (std::size_t a = 0; a < 3; ++a) {
      if (std::abs((*image.voxel_nm)[a] / (*published)[a] - 1) > kSizeTolerance) {
        plan_.notes.push_back(fmt::format(
            "{}: the file states voxels of {} nm (z,y,x); {}, as published, is written",
            image.source, core::to_string(*image.voxel_nm), core::to_string(*published)));
        return;
      }
    }
  }

  void plan_image_set(const ImageSetRecipe& recipe) {
    const std::optional<fs::path> images = find(recipe.images);
    const std::optional<fs::path> masks = find(recipe.masks);
    if (!images || !masks || !require_folder(*images) || !require_folder(*masks)) {
      return;
    }
    PairedFiles paired = pair_by_number(*images, *masks);
    for (Problem& problem : paired.problems) {
      problem.remedy = problem.remedy.empty() ? where_to_get() : problem.remedy;
      report(std::move(problem));
    }
    plan_.image_sets.push_back(
        {.recipe = &recipe, .images = *images, .masks = *masks, .pairs = std::move(paired.pairs)});
  }

  bool require_folder(const fs::path& path) {
    if (!fs::is_directory(path)) {
      report({.subject = path.string(),
              .found = "a file",
              .expected = "a folder of images",
              .remedy = where_to_get()});
    }
    return fs::is_directory(path);
  }

  void plan_patches() {
    plan_.patches = downloads_.files_with({".tif", ".tiff", ".png"});
    if (plan_.patches.empty()) {
      report({.subject = plan_.recipe->name,
              .found = downloads_.summary(),
              .expected = plan_.recipe->expects,
              .remedy = where_to_get()});
    }
  }

  Downloads downloads_;
  PreparePlan plan_;
  std::vector<Problem> problems_;
};

}  // namespace

std::int64_t PlannedVolume::planes(int axis) const {
  return image_box.shape[static_cast<std::size_t>(axis)] - (recipe->drops_last ? 1 : 0);
}

std::string PlannedVolume::folder(const std::string& plane) const {
  return recipe->planes.size() == 1 ? recipe->folder : recipe->folder + "_" + plane;
}

std::int64_t PreparePlan::images() const {
  auto count = static_cast<std::int64_t>(patches.size());
  for (const PlannedVolume& volume : volumes) {
    for (const std::string& plane : volume.recipe->planes) {
      count += volume.planes(data::axis_of_plane(plane));
    }
  }
  for (const PlannedImageSet& set : image_sets) {
    count += static_cast<std::int64_t>(set.pairs.size());
  }
  return count;
}

PreparePlan plan_preparation(const DatasetRecipe& recipe, const std::vector<std::string>& downloads,
                             const fs::path& output) {
  return Planner(recipe, downloads, output).plan();
}

}  // namespace retina::pipeline
