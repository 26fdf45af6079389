#include <cmath>
#include <cstdint>
#include <set>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/net/fixture_options.h"
#include "retina/net/transunet_for_test.h"
#include "retina/net/weights.h"
#include "retina/testing/fixtures.h"

// Tolerances of the fixture's README, section 3: max abs 1e-3, relative L2 1e-4.
namespace retina::net {
namespace {

std::uint64_t fnv1a(const std::string& name) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : name) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  }
  return hash;
}

struct FillRule {
  double base;
  double amplitude;
};

/// The table of fill.md.
FillRule fill_rule(const std::string& name, at::IntArrayRef shape) {
  if (name.ends_with(".running_mean")) {
    return {0, 0.1};
  }
  if (name.ends_with(".running_var")) {
    return {1, 0.25};
  }
  if (name.ends_with(".position_embeddings")) {
    return {0, 0.5};
  }
  if (shape.size() == 1) {
    return {name.ends_with(".weight") ? 1.0 : 0.0, 0.1};
  }
  const double gain = name.starts_with("decoder.") ? 6 : 3;
  return {0, std::sqrt(gain / static_cast<double>(c10::multiply_integers(shape.slice(1))))};
}

at::Tensor filled(const std::string& name, const at::Tensor& like) {
  at::Tensor result = at::zeros_like(like, at::MemoryFormat::Contiguous);
  if (name.ends_with(".num_batches_tracked")) {
    return result;
  }
  const FillRule rule = fill_rule(name, like.sizes());
  const std::uint64_t seed = fnv1a(name);
  float* values = result.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < result.numel(); ++i) {
    std::uint64_t z = seed + (static_cast<std::uint64_t>(i) + 1) * 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    z = z ^ (z >> 31);
    const double u = static_cast<double>(z >> 11) * 0x1p-53 * 2 - 1;
    values[i] = static_cast<float>(rule.base + rule.amplitude * u);
  }
  return result;
}

tensor::NamedTensors filled_state(const torch::nn::Module& network) {
  tensor::NamedTensors state = state_dict(network);
  for (auto& [name, tensor] : state.tensors) {
    tensor = filled(name, tensor);
  }
  return state;
}

class FullTransUNetParity : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::parity_root() / "retina" / "transunet_full";
    RETINA_SKIP_WITHOUT(folder_);
    config_ = core::read_json(folder_ / "config.json");
    expected_ = tensor::read_safetensors(folder_ / "expected.safetensors");
  }

  /// `run` is a name such as "finetune7" or "pretrain"; classes come from the stored logits.
  std::shared_ptr<TransUNet> network(const std::string& run) const {
    TransUNetOptions options = options_of_fixture(config_);
    if (run.starts_with("pretrain")) {
      options.tail = TransUNetTail::reconstruction;
    } else {
      options.classes = static_cast<int>(expected_.at(run + "_eval").size(1));
    }
    auto result = std::make_shared<TransUNet>(options);
    load_state_dict(*result, filled_state(*result), run);
    return result;
  }

  std::filesystem::path folder_;
  Json config_;
  tensor::NamedTensors expected_;
};

TEST_F(FullTransUNetParity, transunet_full_StateDictKeys) {
  const Json keys = core::read_json(folder_ / "state_dict_keys.json");
  for (const auto& [run, results] : config_.at("results").items()) {
    const Json& listed = keys.at(run.starts_with("pretrain") ? "pretrain" : "finetune");
    const std::shared_ptr<TransUNet> built = network(run);
    const tensor::NamedTensors state = state_dict(*built);
    ASSERT_EQ(state.tensors.size(), listed.size()) << run;
    for (std::size_t i = 0; i < listed.size(); ++i) {
      const auto& [name, tensor] = state.tensors[i];
      EXPECT_EQ(name, listed[i][0].get<std::string>()) << run << " entry " << i;
      std::vector<std::int64_t> shape;
      for (const Json& side : listed[i][1]) {
        shape.push_back(side.is_string() ? built->options().classes : side.get<std::int64_t>());
      }
      EXPECT_EQ(tensor.sizes().vec(), shape) << name;
    }
    EXPECT_EQ(parameter_count(*built), results.at("parameters").get<std::int64_t>()) << run;
    EXPECT_EQ(built->parameters().size(), results.at("parameter_tensors").get<std::size_t>());
    EXPECT_EQ(state.tensors.size(), results.at("state_entries").get<std::size_t>());
    expect_stated_layout(*built, config_);
  }
}

bool has_checksums(const at::Tensor& tensor, const Json& stated) {
  const at::Tensor flat = tensor.flatten().to(at::kDouble);
  const double scale = 1e-12 * flat.abs().sum().item<double>();
  return std::abs(flat.sum().item<double>() - stated[0].get<double>()) <= scale &&
         std::abs(flat.square().sum().item<double>() - stated[1].get<double>()) <= scale &&
         flat[0].item<double>() == stated[2].get<double>() &&
         flat[-1].item<double>() == stated[3].get<double>();
}

TEST_F(FullTransUNetParity, transunet_full_FillChecksums) {
  const Json checksums = core::read_json(folder_ / "fill_checksums.json");
  std::set<std::string> compared;
  for (const auto& [run, results] : config_.at("results").items()) {
    for (const auto& [name, tensor] : state_dict(*network(run)).tensors) {
      const auto stated = checksums.find(name);
      if (stated == checksums.end()) {
        EXPECT_TRUE(name.ends_with(".num_batches_tracked")) << name;
        continue;
      }
      // the head is that of one of the class counts: some run must have it
      const bool equal = has_checksums(tensor, *stated);
      EXPECT_TRUE(equal || name.starts_with("segmentation_head")) << run << ' ' << name;
      if (equal) {
        compared.insert(name);
      }
    }
  }
  for (const auto& [name, stated] : checksums.items()) {
    EXPECT_TRUE(compared.contains(name)) << name;
  }
}

/// Mean, deviation and greatest magnitude of an output, as config.json states them. They follow
/// from the tolerances: mean and deviation move by at most the relative L2 difference times the
/// root mean square, the greatest magnitude by at most the greatest difference.
void expect_moments(const at::Tensor& output, const Json& stated, const std::string& what) {
  const at::Tensor values = output.to(at::kDouble);
  const double slack = 1e-4 * values.square().mean().sqrt().item<double>();
  EXPECT_NEAR(values.mean().item<double>(), stated.at(0).get<double>(), slack) << what;
  EXPECT_NEAR(values.std().item<double>(), stated.at(1).get<double>(), slack) << what;
  EXPECT_NEAR(values.abs().max().item<double>(), stated.at(2).get<double>(), 1e-3) << what;
}

TEST_F(FullTransUNetParity, transunet_full_Activations) {
  const at::Tensor image = tensor::read_safetensors(folder_ / "input.safetensors").at("image");
  const at::NoGradGuard no_grad;
  for (const auto& [run, results] : config_.at("results").items()) {
    for (const std::string mode : {"eval", "train"}) {
      const auto stated = results.find("activation_mean_std_maxabs_" + mode);
      if (stated == results.end()) {
        continue;
      }
      const std::shared_ptr<TransUNet> built = network(run);
      built->train(mode == "train");
      std::size_t compared = 0;
      for (const StageOutput& stage : TransUNetStages(*built).run(image)) {
        if (stated->contains(stage.module)) {
          expect_moments(stage.value, stated->at(stage.module), run + mode + ' ' + stage.name);
          ++compared;
        }
      }
      EXPECT_EQ(compared, stated->size()) << run << ' ' << mode;
    }
  }
}

/// Spread and range of an output (see expect_moments) as config.json states them.
void expect_spread(const at::Tensor& output, const Json& results, const std::string& mode) {
  const at::Tensor values = output.to(at::kDouble);
  EXPECT_NEAR(values.std().item<double>(), results.at("output_std_" + mode).get<double>(),
              1e-4 * values.square().mean().sqrt().item<double>());
  if (const auto range = results.find("output_min_max_" + mode); range != results.end()) {
    EXPECT_NEAR(values.min().item<double>(), range->at(0).get<double>(), 1e-3);
    EXPECT_NEAR(values.max().item<double>(), range->at(1).get<double>(), 1e-3);
  }
}

TEST_F(FullTransUNetParity, transunet_full_Forward) {
  const at::Tensor image = tensor::read_safetensors(folder_ / "input.safetensors").at("image");
  const at::NoGradGuard no_grad;
  for (const auto& [name, truth] : expected_.tensors) {
    SCOPED_TRACE(name);
    const std::size_t cut = name.rfind('_');
    const std::string run = name.substr(0, cut);
    const std::string mode = name.substr(cut + 1);
    const std::shared_ptr<TransUNet> built = network(run);
    built->train(mode == "train");
    const auto expect_equal = [&](const at::Tensor& output, const char* how) {
      ASSERT_EQ(output.sizes(), truth.sizes());
      const at::Tensor difference = (output - truth).to(at::kDouble);
      const auto max_difference = difference.abs().max().item<double>();
      RecordProperty("max_abs_" + name + how, fmt::format("{:.2g}", max_difference));
      EXPECT_LE(max_difference, 1e-3) << how;
      EXPECT_LE((difference.norm() / truth.to(at::kDouble).norm()).item<double>(), 1e-4) << how;
    };
    if (!built->is_training()) {
      expect_equal(built->prepared_for_inference(at::kCPU, at::kFloat)->forward(image),
                   "_prepared");
    }
    const at::Tensor output = built->forward(image);
    expect_equal(output, "");
    expect_spread(output, config_.at("results").at(run), mode);
  }
}

/// The stated differences of the stored float32 outputs to a float64 run, of which ours differs by
/// its rounding alone.
TEST_F(FullTransUNetParity, transunet_full_ForwardInFloat64) {
  const at::Tensor image = tensor::read_safetensors(folder_ / "input.safetensors").at("image");
  const at::NoGradGuard no_grad;
  for (const auto& [name, truth] : expected_.tensors) {
    SCOPED_TRACE(name);
    const std::size_t cut = name.rfind('_');
    const std::string mode = name.substr(cut + 1);
    const Json& stated = config_.at("results")
                             .at(name.substr(0, cut))
                             .at("float32_versus_float64_" + mode + "_maxabs_rell2");
    if (stated.is_null()) {
      continue;  // there was no such run
    }
    const std::shared_ptr<TransUNet> built = network(name.substr(0, cut));
    built->to(at::kDouble);
    built->train(mode == "train");
    const at::Tensor exact = built->forward(image.to(at::kDouble));
    const at::Tensor difference = truth.to(at::kDouble) - exact;
    const auto most = stated.at(0).get<double>();
    const auto relative = stated.at(1).get<double>();
    EXPECT_NEAR(difference.abs().max().item<double>(), most, 1e-3 * most);
    EXPECT_NEAR((difference.norm() / exact.norm()).item<double>(), relative, 1e-3 * relative);
  }
}

TEST_F(FullTransUNetParity, transunet_full_Bf16DecidesTheSame) {
  const at::Tensor image = tensor::read_safetensors(folder_ / "input.safetensors").at("image");
  for (const auto& [name, truth] : expected_.tensors) {
    if (!name.ends_with("_eval") || truth.size(1) < 2) {
      continue;
    }
    const std::shared_ptr<TransUNet> built = network(name.substr(0, name.rfind('_')));
    built->eval();
    const at::Tensor logits =
        built->prepared_for_inference(at::kCPU, at::kBFloat16)->forward(image);
    // random weights decide by small margins: the README states no bound, 0.989 was measured
    EXPECT_GT((logits.argmax(1) == truth.argmax(1)).to(at::kDouble).mean().item<double>(), 0.98)
        << name;
  }
}

}  // namespace
}  // namespace retina::net
