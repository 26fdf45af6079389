#include "retina/pipeline/finetune_options.h"

#include <algorithm>

#include <fmt/format.h>

namespace retina::pipeline {
namespace {

class ProblemList {
 public:
  void require(bool holds, std::string subject, std::string found, std::string expected,
               std::string remedy = {}) {
    if (!holds) {
      list_.push_back(
          {std::move(subject), std::move(found), std::move(expected), std::move(remedy)});
    }
  }
  void at_least(const char* key, double value, double low) {
    require(value >= low, key, fmt::format("{}", value), fmt::format("{} or more", low));
  }
  void add(const std::vector<Problem>& problems) {
    list_.insert(list_.end(), problems.begin(), problems.end());
  }
  std::vector<Problem> take() { return std::move(list_); }

 private:
  std::vector<Problem> list_;
};

}  // namespace

std::vector<Problem> FinetuneOptions::validate() const {
  ProblemList problems;
  problems.require(!output.empty(), "output", "nothing", "a folder for the run", "give -o RUN");
  problems.require(names_images(data) || (!images.empty() && !masks.empty()), "data",
                   "no training images and masks", "data.path, or images and masks",
                   "give --images DIR --masks DIR");
  problems.require(validation_images.empty() == validation_masks.empty(), "validation",
                   "only one of validation_images and validation_masks", "both or none");
  problems.require(!classes.empty(), "classes", "none", "at least one name");
  problems.require(network.classes == channels(), "network.classes",
                   std::to_string(network.classes),
                   fmt::format("{} for {} classes", channels(), classes.size()));
  problems.require(augment.size == network.window, "augment.size", std::to_string(augment.size),
                   fmt::format("the network's window, {}", network.window));
  const std::size_t weights = loss.class_weights.size();
  problems.require(
      weights == 0 || (channels() > 1 && weights == static_cast<std::size_t>(channels())),
      "loss.class_weights", fmt::format("{} weights", weights),
      channels() == 1 ? "none for a single class"
                      : fmt::format("{}, background first", channels()));
  problems.require(steps > 0 || max_seconds > 0, "steps", "0 without max_seconds", "1 or more");
  problems.require(!(resume && overwrite), "resume", "together with overwrite", "one of them");
  problems.require(extend_to == 0 || resume, "extend_to", "without resume",
                   "--resume --extend-to N");
  problems.require(average_decay >= 0 && average_decay < 1, "average_decay",
                   fmt::format("{}", average_decay), "at least 0 and under 1");
  problems.at_least("batch", static_cast<double>(batch), 1);
  problems.at_least("steps", static_cast<double>(steps), 0);
  problems.at_least("max_seconds", max_seconds, 0);
  problems.at_least("patience", patience, 0);
  problems.at_least("log_every", static_cast<double>(log_every), 1);
  problems.at_least("checkpoint_every", static_cast<double>(checkpoint_every), 0);
  problems.at_least("validation.every", static_cast<double>(validation.every), 0);
  problems.at_least("validation.max_slices", static_cast<double>(validation.max_slices), 0);
  problems.at_least("threads", threads, 0);
  problems.add(data.validate());
  problems.add(network.validate());
  problems.add(augment.validate());
  problems.add(optimizer.validate());
  problems.add(schedule.validate());
  problems.add(validation.windows.validate());
  return problems.take();
}

}  // namespace retina::pipeline
