#include "retina/pipeline/predict/image_set_prediction.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/file.h"
#include "retina/core/lock.h"
#include "retina/core/replace_folder.h"
#include "retina/engine/conveyor.h"
#include "retina/pipeline/predict/image_prediction.h"
#include "retina/pipeline/predict/object_cleaning.h"
#include "retina/pipeline/predict/physical_scale.h"
#include "retina/report/picture.h"
#include "retina/report/png.h"
#include "retina/store/finish_record.h"
#include "retina/store/image_files.h"
#include "retina/store/location.h"
#include "retina/store/open.h"
#include "retina/store/output_place.h"
#include "retina/store/pack/pack.h"
#include "retina/store/pack/pack_output.h"
#include "retina/store/source_identity.h"

namespace retina::pipeline {

namespace fs = std::filesystem;

namespace {

struct ImageItem {
  SetImage image;
  core::VolumeInfo info;

  std::unique_ptr<core::Volume> open(const PredictionSetup& setup) const {
    return require_grey(image.open(setup.options.reading.open_options()), image.path);
  }
};

/// Where the results of a set go, under their unfinished names.
struct SetFolders {
  std::string output;
  bool is_pack = false;  ///< labels and probabilities become packs, not folders of files
  fs::path labels;
  fs::path probabilities;  ///< empty = not wanted
  fs::path overlay;        ///< empty = not wanted
  fs::path instances;      ///< empty = not wanted
};

struct ImageResult {
  ImagePrediction prediction;
  core::Array image;
};

/// In the folder of a set that becomes a pack: the results of single images, each a pack.
constexpr const char* kParts = "parts";
constexpr const char* kPackHeader = "pack.json";  ///< written last

/// A result in a pack of its own, which is mapped while it is read only: there may be more of them
/// than a process may map at once.
class PartOfPack final : public core::Volume {
 public:
  PartOfPack(const fs::path& part, const std::string& source)
      : Volume(store::open(part.string())->info()), part_(part.string()) {
    info_.source = source;
  }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    return store::open(part_)->read(box);
  }

 private:
  std::string part_;
};

std::vector<ImageItem> list_items(const PredictionSetup& setup,
                                  const std::vector<SetImage>& images) {
  std::vector<ImageItem> items;
  std::vector<Problem> problems;
  std::map<std::string, std::string> stems;
  for (const SetImage& image : images) {
    ImageItem item{.image = image, .info = {}};
    try {
      item.info = item.open(setup)->info();
    } catch (const Error& error) {
      problems.push_back({.subject = error.what()});
      continue;
    }
    if (item.info.shape[0] != 1) {
      problems.push_back({.subject = fmt::format("'{}'", image.path),
                          .found = fmt::format("a volume of {} slices", item.info.shape[0]),
                          .expected = "2D images only",
                          .remedy = "predict it by itself"});
    }
    const auto [place, is_new] = stems.emplace(image.stem, image.path);
    if (!is_new) {
      problems.push_back({.subject = fmt::format("'{}'", image.path),
                          .found = fmt::format("the same stem as '{}'", place->second),
                          .expected = "stems that differ: results are named after them"});
    }
    items.push_back(std::move(item));
  }
  throw_if_any(ErrorKind::bad_data, "the images cannot be predicted", problems);
  return items;
}

/// Bytes in flight for each pixel of an image: raw and mapped inputs, results.
std::int64_t bytes_per_pixel(const core::VolumeInfo& info, int channels) {
  return engine::kItemsInFlight * (std::int64_t{3} + channels) +
         static_cast<std::int64_t>(core::size_of(info.dtype));
}

/// For each pixel that the network sees: one plane of logits.
std::int64_t bytes_per_network_pixel(int channels) {
  return std::int64_t{20} * channels;
}

class ImageSet {
 public:
  ImageSet(PredictionSetup& setup, const std::vector<SetImage>& images, std::string output,
           const core::Context& context)
      : setup_(setup), context_(context), items_(list_items(setup, images)) {
    folders_.output = std::move(output);
    folders_.is_pack = !store::output_place(folders_.output).extension.empty();
    log_scale(setup_, items_.front().info, engine::AxesMode::plane, context_);
  }

  PredictReport plan() const {
    PredictReport report;
    report.mode = "2d";
    report.output = folders_.output;
    report.images = std::ssize(items_);
    for (const ImageItem& item : items_) {
      const auto series = series_of(item);
      const std::int64_t pixels = core::whole(item.info.shape).voxels();
      const std::int64_t peak = peak_bytes(item);
      report.voxels += pixels;
      report.windows_needed += series.windows_needed();
      report.windows += (series.windows_needed() + series.batch - 1) / series.batch * series.batch;
      report.bytes_read += pixels * static_cast<std::int64_t>(core::size_of(item.info.dtype));
      report.planned_peak_bytes = std::max(report.planned_peak_bytes, peak);
      check_memory(item, peak, buffer_bytes(setup_, series.batch));
    }
    report.bytes_written =
        report.voxels * (setup_.options.probabilities ? 1 + setup_.predictor->channels() : 1);
    return report;
  }

  PredictReport run() {
    PredictReport report = plan();
    const core::OutputLock lock(folders_.output);
    store::InputFiles files;
    for (const ImageItem& item : items_) {
      files.add(item.info.source);
    }
    range_ = common_range();
    store::FinishRecord record(output_folders(), key());
    prepare_folders(record);
    std::vector<const ImageItem*> remaining;
    for (const ImageItem& item : items_) {
      if (!record.resumes() && !is_done(item)) {
        remaining.push_back(&item);
      }
    }
    if (remaining.size() < items_.size()) {
      context_.log->info("{} of {} images are there from an earlier run",
                         items_.size() - remaining.size(), items_.size());
    }
    const auto item_of = [&](std::int64_t i) -> const ImageItem& {
      return *remaining[static_cast<std::size_t>(i)];
    };
    context_.progress->begin("predict", std::ssize(remaining), "images");
    const engine::ConveyorTime time = engine::run_conveyor(
        std::ssize(remaining), [&](std::int64_t i) { return read(item_of(i)); },
        [&](std::int64_t i, core::Array pixels) {
          ImageResult result = compute(item_of(i), std::move(pixels), report);
          context_.progress->update(i + 1);
          return result;
        },
        [&](std::int64_t i, const ImageResult& result) { write(item_of(i), result); }, context_,
        core::kContinueHint);
    context_.progress->end();
    files.require_unchanged(store::InputFiles::Rerun::continued);
    join_parts();
    record.begin();
    finish_folders(report, record);
    record.remove();
    report.windows = setup_.predictor->windows_computed();
    report.seconds = time.seconds;
    report.device_busy = time.device_busy();
    return report;
  }

 private:
  core::Vec3 shape_for_network(const core::VolumeInfo& info) const {
    return network_shape(setup_, info, engine::AxesMode::plane);
  }

  engine::PlaneSeries series_of(const ImageItem& item) const {
    const core::Vec3 shape = shape_for_network(item.info);
    return setup_.predictor->series(1, shape[1], shape[2]);
  }

  std::int64_t peak_bytes(const ImageItem& item) const {
    const int channels = setup_.predictor->channels();
    const std::int64_t per_pixel =
        bytes_per_pixel(item.info, channels) +
        (cleans(clean_rules(setup_.postprocess, item.info, engine::AxesMode::plane))
             ? kCleaningBytesPerVoxel
             : 0);
    return core::whole(item.info.shape).voxels() * per_pixel +
           core::whole(shape_for_network(item.info)).voxels() * bytes_per_network_pixel(channels);
  }

  static void check_memory(const ImageItem& item, std::int64_t needed, std::int64_t available) {
    if (needed > available) {
      throw Error(ErrorKind::resource,
                  Problem{.subject = fmt::format("image '{}'", item.image.path),
                          .found = fmt::format("it needs {}", core::format_size(needed)),
                          .expected = fmt::format("at most {} are left of --max-ram",
                                                  core::format_size(available)),
                          .remedy = "raise --max-ram, or predict it by itself to a .zarr, which is "
                                    "done in parts"});
    }
  }

  bool is_mapped(const ImageItem& item) const {
    return item.info.dtype != core::DType::u8 || !setup_.options.input_range.empty();
  }

  /// One range for all images that are not uint8: an image of its own must not be brighter than its
  /// neighbours.
  core::IntensityRange common_range() const {
    constexpr std::size_t kSampled = 16;
    std::vector<const ImageItem*> mapped;
    for (const ImageItem& item : items_) {
      if (is_mapped(item)) {
        mapped.push_back(&item);
      }
    }
    std::optional<InputRange> common;
    std::string note;
    const std::size_t step = std::max<std::size_t>(1, mapped.size() / kSampled);
    for (std::size_t i = 0; i < mapped.size(); i += step) {
      const auto volume = mapped[i]->open(setup_);
      const InputRange of_image = input_range(setup_, *volume);
      if (!common) {
        common = of_image;
      }
      note = note.empty() ? of_image.note : note;
      common->range = {std::min(common->range.low, of_image.range.low),
                       std::max(common->range.high, of_image.range.high)};
    }
    if (!common) {
      return {};
    }
    if (!note.empty()) {
      context_.log->warn(note);
    }
    context_.log->info("{} images: values {} to {} become 0 to 255 in all of them ({})",
                       mapped.size(), common->range.low, common->range.high, common->source);
    return common->range;
  }

  std::string key() const {
    Json names = Json::array();
    for (const ImageItem& item : items_) {
      const core::Vec3 seen = shape_for_network(item.info);
      names.push_back({store::source_identity(item.info), seen[1], seen[2]});
    }
    return resume_key(setup_, {{"images", names}, {"range", core::options_to_json(range_)}});
  }

  std::string probabilities_folder() const {
    return sibling_path(folders_.output, "probabilities");
  }
  /// Ids and pictures are files in a folder, beside a pack too.
  std::string instances_folder() const {
    return outside_path(folders_.output, "instances").string();
  }
  std::string overlay_folder() const { return outside_path(folders_.output, "overlay").string(); }

  std::vector<std::string> output_folders() const {
    std::vector<std::string> folders{folders_.output};
    if (setup_.options.probabilities) {
      folders.push_back(probabilities_folder());
    }
    if (setup_.postprocess.instances != 0) {
      folders.push_back(instances_folder());
    }
    if (setup_.options.overlay) {
      folders.push_back(overlay_folder());
    }
    return folders;
  }

  fs::path prepare(const std::string& final_path, const store::FinishRecord& record) const {
    const fs::path partial = core::partial_path(final_path);
    if (!record.is_finished(final_path)) {
      store::CreateOptions how;
      how.overwrite = setup_.options.overwrite || record.is_ours();
      how.resume_key = key();
      core::recover_replaced(final_path);
      store::refuse_existing(final_path, how);
      refuse_foreign_files(final_path);
      store::prepare_partial_folder(partial, how);
    }
    return partial;
  }

  /// A folder that is replaced must hold results alone.
  static void refuse_foreign_files(const fs::path& folder) {
    if (store::extension_of(folder) == ".pack" && fs::is_directory(folder)) {
      store::refuse_foreign(folder, store::foreign_in_pack(folder, {}));
    } else if (fs::is_directory(folder)) {
      store::refuse_foreign(
          folder, store::foreign_entries(folder, [](const fs::directory_entry& entry) {
            const std::string extension = store::extension_of(entry.path());
            return entry.is_regular_file() && (extension == ".png" || extension == ".tif");
          }));
    }
  }

  void prepare_folders(const store::FinishRecord& record) {
    folders_.labels = prepare(folders_.output, record);
    if (setup_.options.probabilities) {
      folders_.probabilities = prepare(probabilities_folder(), record);
    }
    if (setup_.postprocess.instances != 0) {
      folders_.instances = prepare(instances_folder(), record);
    }
    if (setup_.options.overlay) {
      folders_.overlay = prepare(overlay_folder(), record);
    }
  }

  /// Of the results of single images one pack, in its unfinished folder.
  void join_parts() const {
    if (!folders_.is_pack) {
      return;
    }
    join(folders_.labels, [&](const ImageItem& item) { return label_file(item); });
    if (!folders_.probabilities.empty()) {
      join(folders_.probabilities, [&](const ImageItem& item) { return probability_file(item); });
    }
  }

  template <class PartOf>
  void join(const fs::path& folder, PartOf part_of) const {
    if (!fs::is_directory(folder / kParts)) {
      return;  // an earlier run did it
    }
    if (!fs::exists(folder / kPackHeader)) {
      std::vector<store::PackItem> parts;
      for (const ImageItem& item : items_) {
        store::PackItem part;
        part.name = item.image.name;
        part.image = std::make_shared<const PartOfPack>(part_of(item), item.image.path);
        part.provenance["source"] = item.image.path;
        parts.push_back(std::move(part));
      }
      store::write_pack_files(folder, parts, Json::object(), context_);
    }
    fs::remove_all(folder / kParts);
  }

  void finish_folders(PredictReport& report, const store::FinishRecord& record) const {
    const auto finish = [&](const fs::path& partial, const std::string& final_path) {
      if (!record.is_finished(final_path)) {
        core::rename_into_place(partial, final_path);
        store::forget_resume_key(final_path);
      }
      return final_path;
    };
    if (!folders_.overlay.empty()) {
      report.overlay = finish(folders_.overlay, overlay_folder());
    }
    if (!folders_.instances.empty()) {
      report.instances = finish(folders_.instances, instances_folder());
    }
    if (!folders_.probabilities.empty()) {
      report.probabilities = finish(folders_.probabilities, probabilities_folder());
    }
    finish(folders_.labels, folders_.output);
  }

  /// The file of `item` in one of the folders, or its part of a pack.
  fs::path file_in(const fs::path& folder, const ImageItem& item, const char* extension) const {
    return folders_.is_pack ? folder / kParts / (item.image.stem + ".pack")
                            : folder / (item.image.stem + extension);
  }

  fs::path label_file(const ImageItem& item) const {
    return file_in(folders_.labels, item, ".png");
  }

  /// PNG holds one class; the maps of several become the pages of a TIFF file.
  fs::path probability_file(const ImageItem& item) const {
    return file_in(folders_.probabilities, item,
                   setup_.predictor->channels() == 1 ? ".png" : ".tif");
  }

  fs::path instance_file(const ImageItem& item) const {
    return folders_.instances / (item.image.stem + ".tif");  // PNG holds 65,535 ids at most
  }

  /// True if `file` is there, or has become part of the pack in `folder`.
  bool holds(const fs::path& folder, const fs::path& file) const {
    return fs::exists(file) || (folders_.is_pack && fs::exists(folder / kPackHeader));
  }

  bool is_done(const ImageItem& item) const {
    return holds(folders_.labels, label_file(item)) &&
           (folders_.probabilities.empty() ||
            holds(folders_.probabilities, probability_file(item))) &&
           (folders_.instances.empty() || fs::exists(instance_file(item))) &&
           (folders_.overlay.empty() || fs::exists(folders_.overlay / (item.image.stem + ".png")));
  }

  core::Array read(const ImageItem& item) const {
    const auto volume = item.open(setup_);
    return core::to_uint8(volume->read(core::whole(volume->shape())),
                          is_mapped(item) ? range_ : core::IntensityRange{});
  }

  ImageResult compute(const ImageItem& item, core::Array pixels, PredictReport& report) const {
    ImageResult result{.prediction = predict_image(setup_, pixels, item.info),
                       .image = std::move(pixels)};
    report.objects += result.prediction.counts.objects;
    report.objects_removed += result.prediction.counts.removed;
    report.holes_filled += result.prediction.counts.holes;
    return result;
  }

  static void write_image(const fs::path& file, const core::Array& values,
                          const core::VolumeInfo& info) {
    store::CreateOptions how;
    how.dtype = values.dtype();
    how.channels = values.channels();
    how.shape = values.shape();
    how.voxel_nm = info.voxel_nm;
    how.is_labels = true;
    how.overwrite = true;  // of a file that an interrupted run left in the unfinished folder
    const auto target = store::create(file.string(), how);
    target->write(core::whole(values.shape()), values);
    target->finish();
  }

  void write(const ImageItem& item, const ImageResult& result) const {
    const ImagePrediction& prediction = result.prediction;
    if (!folders_.overlay.empty()) {
      const auto picture = report::overlay("", result.image, prediction.labels);
      core::write_atomically(folders_.overlay / (item.image.stem + ".png"),
                             report::encode_png(picture.pixels));
    }
    if (!folders_.probabilities.empty()) {
      write_image(probability_file(item), prediction.probabilities, item.info);
    }
    if (!folders_.instances.empty()) {
      write_image(instance_file(item), prediction.ids, item.info);
    }
    write_image(label_file(item), prediction.labels, item.info);
  }

  PredictionSetup& setup_;
  const core::Context& context_;
  std::vector<ImageItem> items_;
  SetFolders folders_;
  core::IntensityRange range_;
};

}  // namespace

std::vector<SetImage> images_of_set(const std::string& path) {
  std::vector<SetImage> images;
  const store::Location location = store::parse_location(path);
  if (!store::is_pack(location)) {
    for (const fs::path& file : store::image_files(path)) {
      images.push_back(image_of_file(file.string()));
    }
    return images;
  }
  const auto pack = std::make_shared<const store::Pack>(location.file.string());
  if (!location.inner.empty() || pack->size() < 2) {
    return images;
  }
  for (std::size_t i = 0; i < pack->size(); ++i) {
    images.push_back(
        {.path = fmt::format("{}:{}", location.file.string(), pack->name(i)),
         .name = pack->name(i),
         .stem = store::item_stem(pack->name(i)),
         .open = [pack, i](const store::OpenOptions& how) { return pack->image(i, how); }});
  }
  return images;
}

SetImage image_of_file(const std::string& path) {
  const std::string stem = store::image_stem(path);
  return {.path = path, .name = stem, .stem = stem, .open = [path](const store::OpenOptions& how) {
            return store::open(path, how);
          }};
}

PredictReport predict_image_set(PredictionSetup& setup, const std::vector<SetImage>& images,
                                const std::string& output, const core::Context& context) {
  ImageSet set(setup, images, output, context);
  return setup.options.dry_run ? set.plan() : set.run();
}

}  // namespace retina::pipeline
