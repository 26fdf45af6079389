#include "retina/pipeline/predict/image_set_prediction.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/file.h"
#include "retina/core/lock.h"
#include "retina/engine/conveyor.h"
#include "retina/pipeline/predict/image_prediction.h"
#include "retina/pipeline/predict/image_set_folders.h"
#include "retina/pipeline/predict/object_cleaning.h"
#include "retina/pipeline/predict/physical_scale.h"
#include "retina/store/finish_record.h"
#include "retina/store/source_identity.h"

namespace retina::pipeline {

namespace {

struct ImageResult {
  ImagePrediction prediction;
  core::Array image;
};

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
  ImageSet(const PredictionSetup& setup, const std::vector<SetImage>& images,
           const std::string& output, const core::Context& context)
      : setup_(setup),
        context_(context),
        items_(list_items(setup, images)),
        folders_(setup, output) {
    log_scale(setup_, items_.front().info, engine::AxesMode::plane, context_);
  }

  PredictReport plan() const {
    PredictReport report;
    report.mode = "2d";
    report.output = folders_.output();
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
    const core::OutputLock lock(folders_.output());
    store::InputFiles files;
    for (const ImageItem& item : items_) {
      files.add(item.info.source);
    }
    range_ = common_range();
    const std::string plan_key = key();
    store::FinishRecord record(folders_.all(), plan_key);
    folders_.prepare(plan_key, record);
    const engine::ConveyorTime time = predict_all(remaining_items(record), report);
    files.require_unchanged(store::InputFiles::Rerun::continued);
    folders_.join_parts(items_, context_);
    record.begin();
    folders_.finish(report, record);
    record.remove();
    report.windows = setup_.predictor->windows_computed();
    report.seconds = time.seconds;
    report.device_busy = time.device_busy();
    return report;
  }

 private:
  std::vector<const ImageItem*> remaining_items(const store::FinishRecord& record) const {
    std::vector<const ImageItem*> remaining;
    for (const ImageItem& item : items_) {
      if (!record.resumes() && !folders_.is_done(item)) {
        remaining.push_back(&item);
      }
    }
    if (remaining.size() < items_.size()) {
      context_.log->info("{} of {} images are there from an earlier run",
                         items_.size() - remaining.size(), items_.size());
    }
    return remaining;
  }

  engine::ConveyorTime predict_all(const std::vector<const ImageItem*>& items,
                                   PredictReport& report) const {
    const auto item_of = [&](std::int64_t i) -> const ImageItem& {
      return *items[static_cast<std::size_t>(i)];
    };
    context_.progress->begin("predict", std::ssize(items), "images");
    const engine::ConveyorTime time = engine::run_conveyor(
        std::ssize(items), [&](std::int64_t i) { return read(item_of(i)); },
        [&](std::int64_t i, core::Array pixels) {
          ImageResult result = compute(item_of(i), std::move(pixels), report);
          context_.progress->update(i + 1);
          return result;
        },
        [&](std::int64_t i, const ImageResult& result) {
          folders_.write(item_of(i), result.image, result.prediction);
        },
        context_, core::kContinueHint);
    context_.progress->end();
    return time;
  }

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

  const PredictionSetup& setup_;
  const core::Context& context_;
  std::vector<ImageItem> items_;
  ImageSetFolders folders_;
  core::IntensityRange range_;
};

}  // namespace

PredictReport predict_image_set(const PredictionSetup& setup, const std::vector<SetImage>& images,
                                const std::string& output, const core::Context& context) {
  ImageSet set(setup, images, output, context);
  return setup.options.dry_run ? set.plan() : set.run();
}

}  // namespace retina::pipeline
