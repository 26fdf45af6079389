#include "retina/engine/volume_predictor.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "retina/engine/sum_store.h"
#include "retina/tensor/convert.h"

namespace retina::engine {

namespace {

/// Results of one block; arrays that nobody wants stay empty.
struct BlockResult {
  core::Array labels;
  core::Array probabilities;
};

class VolumeRun {
 public:
  VolumeRun(const core::Volume& input, PlanePredictor& predictor, const VolumePlan& plan,
            AxesMode mode, const VolumeTargets& targets, const VolumeOptions& options,
            const core::Context& ctx)
      : input_(input),
        predictor_(predictor),
        plan_(plan),
        mode_(mode),
        targets_(targets),
        options_(options),
        ctx_(ctx),
        windows_before_(predictor.windows_computed()) {}

  ConveyorTime run() {
    ConveyorTime time;
    const std::vector<const VolumeBlock*> unwritten = unwritten_blocks();
    // of a job that was killed while it was finished nothing is left to predict
    if (mode_ == AxesMode::orthoplane && !unwritten.empty()) {
      SumStore sums({.channels = predictor_.channels(),
                     .shape = input_.shape(),
                     .folder = plan_.sums_on_disk ? options_.scratch : std::filesystem::path{},
                     .key = scratch_key()});
      begin_progress(unwritten, &sums);
      for (std::size_t pass = 0; pass + 1 < plan_.passes.size(); ++pass) {
        time += run_summing_pass(static_cast<int>(pass), sums);
      }
      time += run_final_pass(unwritten, &sums);
      sums.remove();
    } else {
      begin_progress(unwritten, nullptr);
      time += run_final_pass(unwritten, nullptr);
    }
    if (!options_.scratch.empty()) {
      std::filesystem::remove_all(options_.scratch);
    }
    ctx_.progress->end();
    return time;
  }

 private:
  /// Scratch can be continued only with the same blocks.
  std::string scratch_key() const {
    std::string key = options_.resume_key;
    for (const VolumePass& pass : plan_.passes) {
      if (!key.empty()) {
        key += " " + core::to_string(pass.blocks.front().write.shape);
      }
    }
    return key;
  }

  /// Of the last pass, whose blocks are what the targets hold.
  std::vector<const VolumeBlock*> unwritten_blocks() const {
    std::vector<const VolumeBlock*> blocks;
    for (const VolumeBlock& block : plan_.passes.back().blocks) {
      if (!is_done(block)) {
        blocks.push_back(&block);
      }
    }
    return blocks;
  }

  /// Without sums the passes before the last one are over.
  void begin_progress(const std::vector<const VolumeBlock*>& unwritten, const SumStore* sums) {
    windows_done_ = plan_.windows;
    for (const VolumeBlock* block : unwritten) {
      windows_done_ -= windows_of(plan_.passes.back(), *block);
    }
    for (std::size_t number = 0; sums != nullptr && number + 1 < plan_.passes.size(); ++number) {
      const VolumePass& pass = plan_.passes[number];
      for (std::int64_t i = 0; i < std::ssize(pass.blocks); ++i) {
        if (!sums->is_added(static_cast<int>(number), i)) {
          windows_done_ -= windows_of(pass, pass.blocks[static_cast<std::size_t>(i)]);
        }
      }
    }
    ctx_.progress->begin("predict", plan_.windows, "windows", windows_done_);
  }

  core::Array read(const VolumeBlock& block) const {
    return core::to_uint8(input_.read(block.read), options_.range);
  }

  /// Runs one block and hands each plane's probabilities [K,y,x] to `take(plane in the block, p)`.
  template <class Take>
  void predict(const VolumePass& pass, const VolumeBlock& block, core::Array pixels, Take take) {
    const at::Tensor pixels_PYX = tensor::view_CZYX(pixels)[0].movedim(pass.axis, 0);
    predictor_.predict_block(pass.series, block.part, pixels_PYX,
                             [&](std::int64_t plane, const at::Tensor& logits_KYX) {
                               take(plane - block.part.planes.begin, activate(logits_KYX));
                             });
    ctx_.progress->update(windows_done_ + predictor_.windows_computed() - windows_before_);
  }

  ConveyorTime run_summing_pass(int number, SumStore& sums) {
    const VolumePass& pass = plan_.passes[static_cast<std::size_t>(number)];
    std::vector<std::int64_t> remaining;
    for (std::int64_t i = 0; i < std::ssize(pass.blocks); ++i) {
      if (!sums.is_added(number, i)) {
        remaining.push_back(i);
      }
    }
    const auto block_of = [&](std::int64_t item) -> const VolumeBlock& {
      return pass.blocks[static_cast<std::size_t>(remaining[static_cast<std::size_t>(item)])];
    };
    const ConveyorTime time = run_conveyor(
        std::ssize(remaining), [&](std::int64_t item) { return read(block_of(item)); },
        [&](std::int64_t item, core::Array pixels) {
          return shares(pass, block_of(item), std::move(pixels));
        },
        [&](std::int64_t item, const core::Array& shares_of_block) {
          sums.add(number, remaining[static_cast<std::size_t>(item)], block_of(item).write,
                   shares_of_block);
        },
        ctx_, options_.resume_hint);
    sums.finish_pass(number);
    return time;
  }

  core::Array shares(const VolumePass& pass, const VolumeBlock& block, core::Array pixels) {
    core::Array result(core::DType::u8, predictor_.channels(), block.write.shape);
    at::Tensor result_KZYX = tensor::view_CZYX(result);
    const double scale = 255.0 / static_cast<double>(plan_.passes.size());
    predict(pass, block, std::move(pixels), [&](std::int64_t plane, const at::Tensor& p_KYX) {
      result_KZYX.select(1 + pass.axis, plane).copy_(quantise(p_KYX, scale, options_.rounding));
    });
    return result;
  }

  bool is_done(const VolumeBlock& block) const {
    const auto has = [&](const VolumeTarget& target) {
      return target.volume == nullptr || (target.is_written && target.is_written(block.write));
    };
    return has(targets_.labels) && has(targets_.probabilities);
  }

  ConveyorTime run_final_pass(const std::vector<const VolumeBlock*>& remaining, SumStore* sums) {
    const VolumePass& pass = plan_.passes.back();
    const auto block_of = [&](std::int64_t item) -> const VolumeBlock& {
      return *remaining[static_cast<std::size_t>(item)];
    };
    return run_conveyor(
        std::ssize(remaining), [&](std::int64_t item) { return read(block_of(item)); },
        [&](std::int64_t item, core::Array pixels) {
          if (mode_ == AxesMode::plane) {
            return images(pass, block_of(item), std::move(pixels));
          }
          return BlockResult{{}, shares(pass, block_of(item), std::move(pixels))};
        },
        [&](std::int64_t item, BlockResult result) {
          if (sums != nullptr) {
            sums->add_to(result.probabilities, block_of(item).write);
          }
          if (mode_ != AxesMode::plane) {
            result.labels = decide_quantised(result.probabilities, options_.threshold);
          }
          write(block_of(item), result);
        },
        ctx_, options_.resume_hint);
  }

  BlockResult images(const VolumePass& pass, const VolumeBlock& block, core::Array pixels) {
    BlockResult result;
    result.labels = core::Array(core::DType::u8, 1, block.write.shape);
    at::Tensor labels_ZYX = tensor::view_CZYX(result.labels)[0];
    at::Tensor quantised_KZYX;
    if (targets_.probabilities.volume != nullptr) {
      result.probabilities = core::Array(core::DType::u8, predictor_.channels(), block.write.shape);
      quantised_KZYX = tensor::view_CZYX(result.probabilities);
    }
    predict(pass, block, std::move(pixels), [&](std::int64_t plane, const at::Tensor& p_KYX) {
      labels_ZYX[plane].copy_(decide(p_KYX, options_.threshold));
      if (quantised_KZYX.defined()) {
        quantised_KZYX.select(1, plane).copy_(quantise(p_KYX, 255, options_.rounding));
      }
    });
    return result;
  }

  void write(const VolumeBlock& block, const BlockResult& result) {
    if (targets_.labels.volume != nullptr) {
      targets_.labels.volume->write(block.write, result.labels);
    }
    if (targets_.probabilities.volume != nullptr) {
      targets_.probabilities.volume->write(block.write, result.probabilities);
    }
  }

  const core::Volume& input_;
  PlanePredictor& predictor_;
  const VolumePlan& plan_;
  AxesMode mode_;
  const VolumeTargets& targets_;
  const VolumeOptions& options_;
  const core::Context& ctx_;
  std::int64_t windows_before_;    ///< that the predictor had computed
  std::int64_t windows_done_ = 0;  ///< of a run that was interrupted
};

}  // namespace

ConveyorTime predict_volume(const core::Volume& input, PlanePredictor& predictor,
                            const VolumePlan& plan, AxesMode mode, const VolumeTargets& targets,
                            const VolumeOptions& options, const core::Context& ctx) {
  return VolumeRun(input, predictor, plan, mode, targets, options, ctx).run();
}

at::Tensor quantise(const at::Tensor& probabilities_KYX, double scale, Rounding rounding) {
  at::Tensor scaled_KYX = probabilities_KYX * scale;
  if (rounding == Rounding::nearest) {
    scaled_KYX.round_();
  }
  return scaled_KYX.to(at::kByte).to(at::kCPU);
}

core::Array decide_quantised(const core::Array& probabilities, double threshold) {
  core::Array labels(core::DType::u8, 1, probabilities.shape());
  const auto values = probabilities.values<std::uint8_t>();
  const auto out = labels.values<std::uint8_t>();
  const std::size_t voxels = out.size();
  if (probabilities.channels() == 1) {
    const int limit = static_cast<int>(255 * threshold);
    std::transform(values.begin(), values.end(), out.begin(),
                   [&](std::uint8_t v) { return static_cast<std::uint8_t>(v > limit ? 1 : 0); });
    return labels;
  }
  std::vector<std::uint8_t> best(values.begin(),
                                 values.begin() + static_cast<std::ptrdiff_t>(voxels));
  for (int channel = 1; channel < probabilities.channels(); ++channel) {
    const auto of_channel = values.subspan(static_cast<std::size_t>(channel) * voxels, voxels);
    for (std::size_t i = 0; i < voxels; ++i) {
      if (of_channel[i] > best[i]) {
        best[i] = of_channel[i];
        out[i] = static_cast<std::uint8_t>(channel);
      }
    }
  }
  return labels;
}

}  // namespace retina::engine
