#include "retina/pipeline/finetune/finetune_data.h"

#include <cstdint>
#include <utility>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/error.h"
#include "retina/data/append.h"
#include "retina/pipeline/open_dataset.h"
#include "retina/pipeline/run/provenance.h"

namespace retina::pipeline {

OpenedSources open_sources(const std::vector<data::DataOptions>& sources,
                           const std::vector<std::string>& classes, const core::Context& context) {
  OpenedSources all;
  auto dataset = std::make_shared<data::Dataset>();
  for (const data::DataOptions& source : sources) {
    data::Dataset opened = open_dataset(data::in_range(source, dataset->range),
                                        static_cast<int>(classes.size()) + 1, context);
    if (sources.size() > 1) {
      name_after_source(opened, source);
    }
    all.records.push_back(source_record(source, opened.slices.size()));
    data::append(*dataset, std::move(opened));
  }
  all.dataset = std::move(dataset);
  return all;
}

FinetuneData open_checked(const FinetuneOptions& options, const core::Context& context) {
  FinetuneData found;
  OpenedSources training = open_sources(options.training_sources(), options.classes, context);
  found.training = std::move(training.dataset);
  found.records = std::move(training.records);
  if (options.validates()) {
    found.held_out =
        open_sources({options.held_out_data(found.training->range)}, options.classes, context)
            .dataset;
  }
  const CheckOptions how{.data = options.training_data(), .classes = options.classes};
  found.checked = check_data({.training = found.training.get(), .held_out = found.held_out.get()},
                             how, context);
  throw_if_bad(found.checked, how);
  return found;
}

void warn_of_leaks(const CheckReport& checked, spdlog::logger& log) {
  constexpr std::int64_t kListed = 5;
  std::string list;
  std::int64_t leaks = 0;
  for (const RepeatedPlane& repeated : checked.repeated) {
    if (repeated.is_leak && ++leaks <= kListed) {
      list += "\n  " + to_string(leak_problem(repeated));
    }
  }
  if (leaks > kListed) {
    list += fmt::format("\n  ... and {} more", leaks - kListed);
  }
  if (leaks > 0) {
    log.warn(
        "LEAK: {} held-out images are trained on too. The validation scores will be too high and "
        "say nothing about new images{}",
        leaks, list);
  }
}

}  // namespace retina::pipeline
