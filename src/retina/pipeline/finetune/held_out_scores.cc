#include "retina/pipeline/finetune/held_out_scores.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/data/dataset.h"

namespace retina::pipeline {
namespace {

/// What is scored as one image.
struct SliceStack {
  std::span<const PredictedSlice> slices;
  std::string axes;
};

bool are_in_one_volume(const PredictedSlice& a, const PredictedSlice& b) {
  return a.slice.volume == b.slice.volume && a.slice.axis == 0 && b.slice.axis == 0;
}

/// Planes are laid one voxel apart: across a gap distances would come out too short.
void require_adjoining(const PredictedSlice& a, const PredictedSlice& b) {
  if (b.slice.index != a.slice.index + 1) {
    throw Error(
        ErrorKind::usage,
        Problem{.subject = "evaluate.volume",
                .found =
                    fmt::format("held-out planes that do not adjoin ({}, then {})", a.name, b.name),
                .expected = "every plane of a volume, or of a part of it",
                .remedy = "set validation.max_slices: 0 and validation.data.every: 1, or leave "
                          "evaluate.volume out: each plane is an image then"});
  }
}

std::vector<SliceStack> stacks_of(std::span<const PredictedSlice> slices,
                                  const EvaluateOptions& options) {
  std::vector<SliceStack> stacks;
  std::size_t begin = 0;
  for (std::size_t end = 1; end <= slices.size(); ++end) {
    const bool goes_on =
        options.volume && end < slices.size() && are_in_one_volume(slices[end - 1], slices[end]);
    if (goes_on) {
      require_adjoining(slices[end - 1], slices[end]);
    } else {
      const bool is_deep = options.volume && slices[begin].slice.axis == 0;
      stacks.push_back(
          {.slices = slices.subspan(begin, end - begin), .axes = is_deep ? "zyx" : "yx"});
      begin = end;
    }
  }
  return stacks;
}

/// Planes of one shape as one volume.
std::shared_ptr<const core::Volume> volume_of(const SliceStack& stack,
                                              core::Array PredictedSlice::*planes) {
  const PredictedSlice& first = stack.slices.front();
  core::Vec3 shape = (first.*planes).shape();
  shape[0] = static_cast<std::int64_t>(stack.slices.size());
  core::Array values(core::DType::u8, 1, shape);
  for (std::size_t z = 0; z < stack.slices.size(); ++z) {
    core::copy_overlap(stack.slices[z].*planes, {static_cast<std::int64_t>(z), 0, 0}, values,
                       {0, 0, 0});
  }
  core::VolumeInfo info;
  info.source = "held-out slices";
  info.format = "memory";
  info.axes = stack.axes;
  info.dtype = values.dtype();
  info.shape = values.shape();
  if (first.slice.axis == 0) {
    info.voxel_nm = first.voxel_nm;
  }
  return std::make_shared<core::ArrayVolume>(std::move(info), std::move(values));
}

LabelPair pair_of_stack(const SliceStack& stack) {
  const auto prediction = volume_of(stack, &PredictedSlice::prediction);
  const auto truth = volume_of(stack, &PredictedSlice::truth);
  return {.name = stack.slices.front().name,
          .prediction = [prediction] { return prediction; },
          .truth = [truth] { return truth; }};
}

/// Means over the classes of what is defined.
std::map<std::string, double> class_means(const EvaluateReport& report) {
  std::map<std::string, double> scores;
  const auto put = [&](const std::string& key, const std::function<Score(const ClassScores&)>& of) {
    std::vector<Score> values;
    for (const ClassScores& one : report.classes) {
      values.push_back(of(one));
    }
    if (const Score mean = mean_score(values); mean.value) {
      scores[key] = *mean.value;
    }
  };
  put("f", [](const ClassScores& one) { return one.f; });
  put("precision", [](const ClassScores& one) { return one.precision; });
  put("recall", [](const ClassScores& one) { return one.recall; });
  put("mfd", [](const ClassScores& one) { return one.mfd; });
  put("mfd_nm", [](const ClassScores& one) { return one.mfd_nm; });
  const auto put_cremi = [&](const std::string& key, Score CremiReport::*member) {
    put(key, [&](const ClassScores& one) { return one.cremi ? (*one.cremi).*member : Score{}; });
  };
  put_cremi("adgt", &CremiReport::adgt);
  put_cremi("adf", &CremiReport::adf);
  put_cremi("cremi", &CremiReport::score);
  put_cremi("false_positives", &CremiReport::false_positives);
  put_cremi("false_negatives", &CremiReport::false_negatives);
  if (report.mean_iou.value) {
    scores["iou"] = *report.mean_iou.value;
  }
  return scores;
}

}  // namespace

SliceScores score_slices(const std::vector<PredictedSlice>& slices, EvaluateOptions options,
                         const core::Context& context) {
  options.ignore_value = data::kIgnore;  // labels are class ids already
  std::vector<LabelPair> pairs;
  for (const SliceStack& stack : stacks_of(slices, options)) {
    pairs.push_back(pair_of_stack(stack));
  }
  EvaluateReport report = evaluate_pairs(pairs, options, context);
  return {.means = class_means(report), .notes = std::move(report.notes)};
}

}  // namespace retina::pipeline
