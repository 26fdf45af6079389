#include "retina/pipeline/evaluate/scoring_of_set.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/core/error.h"
#include "retina/core/resource_limits.h"
#include "retina/pipeline/evaluate/class_selection.h"

namespace retina::pipeline {
namespace {

constexpr std::size_t kMostClasses = 256;

/// The labels of prediction or truth, image by image, and how each image's are read.
struct SideLabels {
  std::vector<std::set<std::int64_t>> of_images{};
  std::vector<MaskReading> readings{};

  /// Calls use(label, class id) for every label of every image.
  template <class Use>
  void for_each(const Use& use) const {
    for (std::size_t i = 0; i < of_images.size(); ++i) {
      for (const std::int64_t label : of_images[i]) {
        use(label, class_of(label, readings[i]));
      }
    }
  }
};

SideLabels predicted_labels(const std::vector<metric::Confusion>& counts) {
  SideLabels labels;
  for (const metric::Confusion& confusion : counts) {
    labels.of_images.push_back(confusion.predicted_labels());
  }
  return labels;
}

SideLabels true_labels(const std::vector<metric::Confusion>& counts,
                       std::optional<std::int64_t> ignore_value) {
  SideLabels labels;
  for (const metric::Confusion& confusion : counts) {
    labels.of_images.push_back(confusion.truth_labels());
    if (ignore_value) {
      labels.of_images.back().erase(*ignore_value);
    }
  }
  return labels;
}

/// Where every image holds nothing but 0 and 1, or nothing but 0 and 255, 255 means 1, as in
/// training; not where it is the class that is asked for.
void choose_readings(SideLabels& side, const std::vector<NamedClass>& wanted) {
  const bool wants_255 = std::any_of(wanted.begin(), wanted.end(),
                                     [](const NamedClass& named) { return named.id == 255; });
  const auto is_of = [](const std::set<std::int64_t>& labels, std::int64_t foreground) {
    return std::all_of(labels.begin(), labels.end(),
                       [&](std::int64_t label) { return label == 0 || label == foreground; });
  };
  const bool are_masks =
      std::all_of(side.of_images.begin(), side.of_images.end(),
                  [&](const auto& labels) { return is_of(labels, 1) || is_of(labels, 255); });
  for (const std::set<std::int64_t>& labels : side.of_images) {
    side.readings.push_back(are_masks && labels.contains(255) && !wants_255
                                ? MaskReading::zero_or_255
                                : MaskReading::class_ids);
  }
}

std::vector<NamedClass> classes_found(const SideLabels& predicted, const SideLabels& actual) {
  std::set<std::int64_t> ids;
  for (const SideLabels* side : {&actual, &predicted}) {
    side->for_each([&](std::int64_t /*label*/, std::int64_t id) { ids.insert(id); });
  }
  ids.erase(0);
  if (ids.size() > kMostClasses || ids.empty()) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = "classes",
                        .found = ids.empty() ? "nothing but background in prediction and truth"
                                             : fmt::format("{} different labels", ids.size()),
                        .expected = fmt::format("1 to {} classes", kMostClasses),
                        .remedy = "name the classes to score with --classes"});
  }
  std::vector<NamedClass> classes;
  for (const std::int64_t id : ids) {
    classes.push_back({id, fmt::format("class {}", id)});
  }
  return classes;
}

/// A label outside the classes is background of every class, which is seldom meant.
void note_unlisted_labels(const char* side, const SideLabels& labels,
                          const std::vector<NamedClass>& classes, std::vector<std::string>& notes) {
  std::set<std::int64_t> unlisted;
  labels.for_each([&](std::int64_t label, std::int64_t id) {
    if (id != 0 && std::none_of(classes.begin(), classes.end(),
                                [&](const NamedClass& named) { return named.id == id; })) {
      unlisted.insert(label);
    }
  });
  if (!unlisted.empty()) {
    const std::size_t shown = std::min<std::size_t>(unlisted.size(), 10);
    notes.push_back(fmt::format(
        "the {} has {} labels outside the classes, such as {}: they count as not being any class",
        side, unlisted.size(),
        fmt::join(unlisted.begin(), std::next(unlisted.begin(), static_cast<std::ptrdiff_t>(shown)),
                  ", ")));
  }
}

void note_readings(const char* side, const SideLabels& labels, std::vector<std::string>& notes) {
  const auto read =
      std::count(labels.readings.begin(), labels.readings.end(), MaskReading::zero_or_255);
  if (read > 0) {
    const auto images = static_cast<std::ptrdiff_t>(labels.readings.size());
    notes.push_back(
        fmt::format("the {}{} is a 0/255 mask: 255 is read as class 1", side,
                    read == images ? "" : fmt::format(" of {} of {} images", read, images)));
  }
}

/// But for the readings, and for the classes where none are named.
ScoringRules common_rules(const EvaluateOptions& options) {
  ScoringRules rules{.classes = parse_classes(options.classes),
                     .ignore_value = options.ignore_value,
                     .mask_prediction = options.mask_prediction,
                     .instance_match = options.instance_match,
                     .distances = options.distances,
                     .distance_statistic = options.distance_statistic,
                     .max_ram = core::memory_limit(options.max_ram),
                     .distance_halo = options.distance_halo,
                     .scratch = options.scratch};
  if (options.cremi) {
    rules.cremi_threshold_nm = options.cremi_threshold_nm;
  }
  return rules;
}

}  // namespace

ScoringRules Scoring::of_image(std::size_t i) const {
  ScoringRules of_image = rules;
  of_image.prediction = predicted[i];
  of_image.truth = actual[i];
  return of_image;
}

Scoring scoring_of_set(const std::vector<metric::Confusion>& counts, const EvaluateOptions& options,
                       std::vector<std::string>& notes) {
  Scoring scoring{.rules = common_rules(options)};
  ScoringRules& rules = scoring.rules;
  SideLabels predicted = predicted_labels(counts);
  SideLabels actual = true_labels(counts, options.ignore_value);
  const std::pair<const char*, SideLabels*> sides[] = {{"prediction", &predicted},
                                                       {"truth", &actual}};
  for (const auto& [name, side] : sides) {
    choose_readings(*side, rules.classes);
    note_readings(name, *side, notes);
    if (!rules.classes.empty()) {
      note_unlisted_labels(name, *side, rules.classes, notes);
    }
  }
  if (rules.classes.empty()) {
    rules.classes = classes_found(predicted, actual);
  }
  scoring.predicted = std::move(predicted.readings);
  scoring.actual = std::move(actual.readings);
  return scoring;
}

}  // namespace retina::pipeline
