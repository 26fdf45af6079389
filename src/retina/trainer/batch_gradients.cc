#include "retina/trainer/batch_gradients.h"

#include <algorithm>
#include <string>
#include <utility>

#include <spdlog/logger.h>

#include "retina/tensor/out_of_memory.h"
#include "retina/trainer/propagate.h"

namespace retina::trainer {
namespace {

/// After so many steps that fitted into memory, the next ones are expected to.
constexpr std::int64_t kStepsInDoubt = 4;

}  // namespace

BatchGradients::BatchGradients(Task& task, BatchGradientsOptions options,
                               const core::Context& context)
    : task_(task),
      options_(options),
      log_(context.log),
      graphed_(task, [log = context.log](const std::string& text) { log->info("{}", text); }) {}

std::vector<Part> BatchGradients::compute(const data::RawBatch& raw) {
  const std::size_t batch = raw.samples.size();
  // For an attempt that fails after it has changed the running statistics. Once all is well they
  // are not copied any more: where memory runs out later, that one attempt counts in them.
  std::unique_ptr<RunningStatistics> statistics;
  const auto note_statistics = [&] {
    statistics = std::make_unique<RunningStatistics>(task_.network(), options_.statistics);
  };
  if (batch > most_at_once_ || fitted_steps_ < kStepsInDoubt) {
    note_statistics();
  }
  std::vector<Part> parts;
  const auto attempt = [&] {
    parts = batch > most_at_once_ ? compute_in_parts(raw, *statistics) : compute_whole(raw);
  };
  while (!tensor::fits_memory(attempt)) {
    take_less_memory(batch);
    if (statistics) {
      statistics->start_over();
    } else {
      note_statistics();
    }
  }
  ++fitted_steps_;
  return options_.exchange != nullptr ? options_.exchange->finish(parts) : parts;
}

std::vector<Part> BatchGradients::compute_whole(const data::RawBatch& raw) {
  const TaskInputs inputs = task_.prepare(raw);
  if (options_.cuda_graph && options_.exchange == nullptr) {
    return graphed_.run(inputs);
  }
  TaskOutput output = task_.compute(inputs, 1);
  backward(output.loss, /*completes=*/true);
  return std::move(output.parts);
}

/// The first part comes last, as the first group of run_ghost_groups() does: its running statistics
/// stay.
std::vector<Part> BatchGradients::compute_in_parts(const data::RawBatch& raw,
                                                   RunningStatistics& statistics) {
  std::vector<Part> parts;
  for (std::size_t begin = most_at_once_; begin < raw.samples.size(); begin += most_at_once_) {
    compute_part(raw, begin, parts);
    statistics.restore();
  }
  compute_part(raw, 0, parts);
  statistics.finish();
  return parts;
}

/// Weighted by its share of the samples.
void BatchGradients::compute_part(const data::RawBatch& raw, std::size_t begin,
                                  std::vector<Part>& parts) {
  const std::size_t batch = raw.samples.size();
  const std::size_t count = std::min(batch - begin, most_at_once_);
  const auto first = raw.samples.begin() + static_cast<std::ptrdiff_t>(begin);
  const double share = static_cast<double>(count) / static_cast<double>(batch);
  const TaskInputs inputs =
      task_.prepare(data::RawBatch{{first, first + static_cast<std::ptrdiff_t>(count)}});
  const TaskOutput output = task_.compute(inputs, share);
  backward(output.loss * share, /*completes=*/begin == 0);
  add_share(parts, output.parts, share);
}

/// `completes`: the gradients of the step, which other ranks wait for.
void BatchGradients::backward(const at::Tensor& loss, bool completes) {
  if (completes && options_.exchange != nullptr) {
    options_.exchange->begin();
  }
  propagate(loss);
}

/// After an attempt that did not fit: what it left goes, and the next one is to need less.
void BatchGradients::take_less_memory(std::size_t batch) {
  if (options_.exchange != nullptr) {
    options_.exchange->restart();
  }
  graphed_.forget();
  task_.network().zero_grad();
  fitted_steps_ = 0;
  if (const std::string saving = task_.save_memory(); !saving.empty()) {
    log_->warn("training: out of memory with a batch of {}: going on with {}", batch, saving);
    return;
  }
  most_at_once_ = static_cast<std::size_t>(
      tensor::halve_batch(static_cast<int>(std::min(batch, most_at_once_)), "training",
                          [&](const std::string& text) { log_->warn("{}", text); }));
}

}  // namespace retina::trainer
