#include <optional>
#include <string>
#include <vector>

#include "retina/cli/commands.h"
#include "retina/core/error.h"
#include "retina/core/options.h"
#include "retina/pipeline/check/check.h"
#include "retina/pipeline/check/training_config.h"
#include "retina/pipeline/reading_options.h"

namespace retina::cli {
namespace {

/// Short flags: `retina check DATASET` is --set data.path=DATASET, and so on.
struct CheckFlags : pipeline::CheckOptions {
  std::string dataset;
  pipeline::ReadingOptions reading;
  std::string images, masks, validation_images, validation_masks;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("dataset", self.dataset, "dataset folder or pack (short for data.path)");
    visit("images", self.images, "images, where there is no dataset folder (data.images)");
    visit("masks", self.masks, "their labels (data.masks)");
    visit("validation_images", self.validation_images, "held-out images (validation.images)");
    visit("validation_masks", self.validation_masks, "their labels (validation.masks)");
    pipeline::ReadingOptions::fields(self.reading, visit);
    pipeline::CheckOptions::fields(self, visit);
  }
  std::vector<Problem> validate() const;
};

pipeline::CheckOptions options_of(const CheckFlags& flags) {
  pipeline::CheckOptions options = flags;
  const auto lay = [](const std::string& text, std::string& field) {
    if (!text.empty()) {
      field = text;
    }
  };
  lay(flags.dataset, options.data.path);
  lay(flags.images, options.data.images);
  lay(flags.masks, options.data.masks);
  lay(flags.validation_images, options.validation.images);
  lay(flags.validation_masks, options.validation.masks);
  if (!flags.validation_images.empty() && !data::names_images(options.validation)) {
    options.validation.path = ".";  // called as by default, so that a path must tell them from none
  }
  for (data::DataOptions* data : {&options.data, &options.validation}) {
    lay(flags.reading.axes, data->stored_axes);
    if (!flags.reading.voxel_size_nm.empty()) {
      data->voxel_size_nm = flags.reading.voxel_size_nm;
    }
  }
  // held-out labels are read as those of the dataset, where not said otherwise
  if (options.validation.labels.empty()) {
    options.validation.labels = options.data.labels;
  }
  if (!options.validation.ignore_value) {
    options.validation.ignore_value = options.data.ignore_value;
  }
  return options;
}

/// Without the other, one of the held-out flags would be paired with the default of the dataset.
std::optional<Problem> lone_validation_flag(const CheckFlags& flags) {
  const data::DataOptions& data = flags.validation;
  if (!flags.validation_images.empty() && flags.validation_masks.empty() && data.path.empty() &&
      data.masks == data::DataOptions{}.masks) {
    return Problem{.subject = "validation",
                   .found = "validation_images without validation_masks",
                   .expected = "both or none",
                   .remedy = "give --validation-masks DIR"};
  }
  if (flags.validation_images.empty() && !flags.validation_masks.empty() &&
      !data::names_images(data)) {
    return Problem{.subject = "validation",
                   .found = "validation_masks without validation_images",
                   .expected = "both or none",
                   .remedy = "give --validation-images DIR"};
  }
  return std::nullopt;
}

std::vector<Problem> CheckFlags::validate() const {
  std::vector<Problem> problems = options_of(*this).validate();
  if (const std::optional<Problem> lone = lone_validation_flag(*this)) {
    problems.push_back(*lone);
  }
  return problems;
}

}  // namespace

Command check_command() {
  return make_command<CheckFlags>(
      "check", "Verify a dataset before training: pairs, shapes, types, labels.", {"dataset"},
      [](const CheckFlags& flags, const core::Context& context) {
        const pipeline::CheckReport report = pipeline::check(options_of(flags), context);
        return Rendered{.json = to_json(report),
                        .text = to_table(report),
                        .exit_code = report.ok() ? 0 : exit_code(ErrorKind::bad_data)};
      },
      [](const Json& given, const core::Context& context) {
        return pipeline::data_of_training(given, core::options_to_json(CheckFlags{}), context);
      });
}

}  // namespace retina::cli
