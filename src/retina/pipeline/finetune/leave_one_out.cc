#include "retina/pipeline/finetune/leave_one_out.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/clock.h"
#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/intensity.h"
#include "retina/core/json_text.h"
#include "retina/core/record.h"
#include "retina/engine/predictor.h"
#include "retina/pipeline/finetune/held_out_validator.h"
#include "retina/tensor/convert.h"

namespace retina::pipeline {
namespace {

/// A training has at least this share of its time, however long the scores take.
constexpr double kLeastTraining = 0.2;

/// Says in front of every job which region it is for.
class RegionProgress final : public core::Progress {
 public:
  RegionProgress(std::shared_ptr<core::Progress> shown, std::string region)
      : shown_(std::move(shown)), region_(std::move(region)) {}
  void begin(std::string_view job, std::int64_t total, std::string_view unit,
             std::int64_t done) override {
    shown_->begin(fmt::format("{}: {}", region_, job), total, unit, done);
  }
  void update(std::int64_t done, std::string_view note) override { shown_->update(done, note); }
  void end() override { shown_->end(); }

 private:
  std::shared_ptr<core::Progress> shown_;
  std::string region_;
};

LeftOutRegion described(const LabelledRegion& region) {
  return {.slice = region.slice_name,
          .y = region.box.start[1],
          .x = region.box.start[2],
          .height = region.box.shape[1],
          .width = region.box.shape[2],
          .pixels = region.pixels,
          .classes = {}};
}

bool is_same_place(const LeftOutRegion& a, const LeftOutRegion& b) {
  return a.slice == b.slice && a.y == b.y && a.x == b.x && a.height == b.height &&
         a.width == b.width && a.pixels == b.pixels;
}

/// What is done of an interrupted call for the same regions and limits.
LeaveOneOut done_before(const LeaveOneOutSetup& setup) {
  LeaveOneOut fresh{.steps = setup.steps, .max_seconds = setup.max_seconds, .regions = {}};
  if (!std::filesystem::exists(setup.file)) {
    return fresh;
  }
  LeaveOneOut done;
  try {
    core::from_record(done, core::read_json(setup.file), setup.file.string());
  } catch (const Error& error) {
    throw error.with_remedy("remove it: its regions are trained again");
  }
  bool is_ours = done.steps == setup.steps && done.max_seconds == setup.max_seconds &&
                 done.regions.size() <= setup.regions.size();
  for (std::size_t i = 0; is_ours && i < done.regions.size(); ++i) {
    is_ours = is_same_place(done.regions[i], described(setup.regions[i]));
  }
  return is_ours ? done : fresh;
}

/// The region with what a window sees around it.
core::Box3 surroundings(const core::Box3& box, std::int64_t margin, const core::Vec3& shape) {
  core::Box3 wide = box;
  for (const std::size_t axis : {1U, 2U}) {
    wide.start[axis] -= margin;
    wide.shape[axis] += 2 * margin;
  }
  return core::intersect(wide, core::whole(shape));
}

std::vector<RegionScore> score_region(const LeaveOneOutSetup& setup, const model::Model& model,
                                      const LabelledRegion& region, const core::Context& context) {
  const at::NoGradGuard no_grad;
  engine::PlanePredictor predictor(model.network->prepared_for_inference(setup.device, setup.dtype),
                                   model.card.preprocess, setup.windows, setup.device, setup.dtype);
  predictor.set_hooks(engine::predictor_hooks(context, 0, "go on with --resume"));
  const data::LabelledVolume& volume =
      setup.dataset->volumes.at(static_cast<std::size_t>(region.slice.volume));
  const core::Box3 box = surroundings(region.box, predictor.window(), volume.image->shape());
  core::IntensityRange range = volume.range;
  if (volume.image->info().dtype != core::DType::u8 &&
      model.card.preprocess.range != core::IntensityRange{}) {
    range = model.card.preprocess.range;  // as predict does
  }
  core::Array image = core::to_uint8(volume.image->read(box), range);
  const core::Array prediction =
      tensor::to_array(predictor.labels(tensor::view_CZYX(image)[0][0], model.card.threshold));
  const auto counts = slice_overlap(prediction, labels_of_region(*setup.dataset, region, box),
                                    setup.classes.size());
  std::vector<RegionScore> scores;
  for (const metric::OverlapCounts& one : counts.value()) {
    scores.push_back({.dice = one.f_score().value_or(1), .iou = one.iou().value_or(1)});
  }
  return scores;
}

LeftOutRegion leave_out(const LeaveOneOutSetup& setup, std::size_t number, const TrainOn& train,
                        const core::Context& context) {
  const LabelledRegion& region = setup.regions[number];
  const core::Stopwatch watch;
  const std::vector<RegionScore> before = score_region(setup, setup.start, region, context);
  const double scoring_s = watch.seconds();  // twice: the result takes as long
  const double limit =
      std::max(setup.max_seconds - 2 * scoring_s, kLeastTraining * setup.max_seconds);
  const model::Model trained = train(
      std::make_shared<const data::Dataset>(without_region(*setup.dataset, setup.regions, number)),
      limit, context);
  const std::vector<RegionScore> after = score_region(setup, trained, region, context);
  LeftOutRegion result = described(region);
  const auto classes = static_cast<double>(setup.classes.size());
  for (std::size_t k = 0; k < setup.classes.size(); ++k) {
    result.classes.push_back({.name = setup.classes[k], .before = before[k], .after = after[k]});
    result.gain_dice += (after[k].dice - before[k].dice) / classes;
    result.gain_iou += (after[k].iou - before[k].iou) / classes;
  }
  return result;
}

void set_means(LeaveOneOut& result) {
  result.mean_gain_dice = 0;
  result.mean_gain_iou = 0;
  const auto count = static_cast<double>(result.regions.size());
  for (const LeftOutRegion& region : result.regions) {
    result.mean_gain_dice += region.gain_dice / count;
    result.mean_gain_iou += region.gain_iou / count;
  }
}

}  // namespace

LeaveOneOut leave_one_out(const LeaveOneOutSetup& setup, const TrainOn& train,
                          const core::Context& context) {
  LeaveOneOut result = done_before(setup);
  while (result.regions.size() < setup.regions.size()) {
    const std::size_t number = result.regions.size();
    const std::string name = fmt::format("region {} of {}", number + 1, setup.regions.size());
    core::Context inner = core::with_warnings_alone(context);
    inner.progress = std::make_shared<RegionProgress>(context.progress, name);
    result.regions.push_back(leave_out(setup, number, train, inner));
    set_means(result);
    core::write_atomically(
        setup.file, std::string_view(core::dump_json(core::options_to_json(result), 1) + "\n"));
    context.log->info("{}, {}: gain in Dice {:+.4f}, in IoU {:+.4f}", name,
                      setup.regions[number].name(), result.regions.back().gain_dice,
                      result.regions.back().gain_iou);
  }
  return result;
}

std::vector<std::vector<std::string>> table_of(const LeaveOneOut& result) {
  std::vector<std::vector<std::string>> rows{
      {"left-out region", "class", "Dice before", "after", "gain", "IoU before", "after", "gain"}};
  for (const LeftOutRegion& region : result.regions) {
    const std::string name =
        fmt::format("{} y={}..{} x={}..{}", region.slice, region.y, region.y + region.height,
                    region.x, region.x + region.width);
    for (const RegionClass& one : region.classes) {
      rows.push_back({name, one.name, fmt::format("{:.4f}", one.before.dice),
                      fmt::format("{:.4f}", one.after.dice),
                      fmt::format("{:+.4f}", one.after.dice - one.before.dice),
                      fmt::format("{:.4f}", one.before.iou), fmt::format("{:.4f}", one.after.iou),
                      fmt::format("{:+.4f}", one.after.iou - one.before.iou)});
    }
  }
  return rows;
}

std::string summary_of(const LeaveOneOut& result) {
  const char* advice =
      "; there the start is better: correct more regions of the same tissue, also where it is "
      "right, or give a smaller optimizer.learning_rate";
  return fmt::format("mean gain over {} left-out regions: Dice {:+.4f}, IoU {:+.4f}{}",
                     result.regions.size(), result.mean_gain_dice, result.mean_gain_iou,
                     result.mean_gain_dice < 0 ? advice : "");
}

}  // namespace retina::pipeline
