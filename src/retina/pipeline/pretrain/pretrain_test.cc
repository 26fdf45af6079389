#include "retina/pipeline/pretrain/pretrain.h"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/model/model.h"
#include "retina/pipeline/convert/pack.h"
#include "retina/pipeline/finetune/finetune.h"
#include "retina/pipeline/models/models.h"
#include "retina/pipeline/pretrain/pretrain_test_data.h"
#include "retina/report/metrics_log.h"
#include "retina/testing/stopping_context.h"
#include "retina/testing/temp_folder.h"
#include "retina/trainer/checkpoint.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

TEST(Pretrain, DefaultsAreThePublishedProcedure) {  // retina.md 2
  PretrainOptions options = core::options_from_json<PretrainOptions>(
      resolve_pretrain({{"images", {"patches"}}, {"output", "run"}}, core::silent_context()));
  EXPECT_EQ(options.batch, 256);
  EXPECT_EQ(options.ghost_batch, 16);
  EXPECT_EQ(options.optimizer.kind, trainer::OptimizerKind::sgd);
  EXPECT_EQ(options.optimizer.learning_rate, 0.003);
  EXPECT_EQ(options.optimizer.momentum, 0.9);
  EXPECT_EQ(options.optimizer.weight_decay, 1e-4);
  EXPECT_EQ(options.schedule.kind, trainer::ScheduleKind::poly);
  EXPECT_EQ(options.schedule.power, 0.9);
  EXPECT_EQ(options.epochs, 200);
  EXPECT_EQ(options.max_epochs, 5000);
  EXPECT_EQ(options.checkpoint_epochs, 20);
  EXPECT_EQ(options.seed, 1234U);
  EXPECT_EQ(options.shuffle, data::Shuffle::same_each_epoch);
  EXPECT_EQ(options.precision, tensor::Precision::fp32);
  EXPECT_EQ(options.augment.application, augment::Application::published);
  EXPECT_EQ(options.augment.rotate_limit, 90);
  EXPECT_EQ(options.augment.order, augment::Order::rotate_first);
  EXPECT_EQ(options.network.hidden, 192);
  EXPECT_EQ(options.network.window, 224);
  // the rate after 200 of 5000 epochs
  EXPECT_NEAR(
      0.003 * trainer::rate_factor(options.schedule, {.step = 200 * 1940, .steps = 5000 * 1940}),
      0.00289, 5e-6);
}

TEST(Pretrain, WhatIsNoTableWhereOneBelongsIsAMistakeOfTheUser) {
  for (const char* key : {"augment", "network"}) {
    try {
      resolve_pretrain({{"images", {"patches"}}, {"output", "run"}, {key, "published"}},
                       core::silent_context());
      FAIL() << key;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      EXPECT_THAT(error.what(), ::testing::HasSubstr(key));
    }
  }
}

TEST(Pretrain, PresetsOfOurOwnTakeWhatIsFaster) {
  const auto options = core::options_from_json<PretrainOptions>(
      resolve_pretrain({{"preset", "retina-tiny"},
                        {"images", {"patches"}},
                        {"output", "run"},
                        {"augment", {{"rotate_limit", 45}}}},
                       core::silent_context()));
  EXPECT_EQ(options.shuffle, data::Shuffle::each_epoch);
  EXPECT_EQ(options.precision, tensor::Precision::automatic);
  EXPECT_EQ(options.augment.application, augment::Application::composed);
  EXPECT_EQ(options.augment.rotate_limit, 45);
  EXPECT_EQ(options.optimizer.kind, trainer::OptimizerKind::adamw);
  EXPECT_EQ(options.batch, 32);
  EXPECT_EQ(options.network.window, 224);
  EXPECT_EQ(options.augment.size, 224);
}

/// Step and rate of every line of the log.
std::vector<std::pair<std::int64_t, double>> rates_of(const fs::path& run) {
  std::vector<std::pair<std::int64_t, double>> rates;
  for (const Json& line : report::read_metrics(run / "metrics.jsonl")) {
    rates.emplace_back(line.at("step").get<std::int64_t>(), line.at("learning_rate").get<double>());
  }
  return rates;
}

TEST(Pretrain, RateAndCheckpointsCountEpochs) {  // of one whole batch each here
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["output"] = (folder / "run").string();
  given["steps"] = 0;
  given["epochs"] = 5;
  given["max_epochs"] = 10;
  given["checkpoint_epochs"] = 2;
  given["keep"] = "all";
  given["pictures_every"] = 0;
  given["optimizer"] = {{"kind", "sgd"}, {"learning_rate", 0.003}, {"weight_decay", 1e-4}};
  given["schedule"] = {{"kind", "poly"}, {"power", 0.9}, {"warmup_steps", 0}};
  EXPECT_EQ(run_pretraining(given).steps, 5);
  EXPECT_EQ(trainer::checkpoint_steps(folder / "run/checkpoints"),
            (std::vector<std::int64_t>{2, 4, 5}));
  const auto rates = rates_of(folder / "run");
  ASSERT_EQ(rates.size(), 5U);
  for (const auto& [step, rate] : rates) {
    const std::int64_t done =
        std::max<std::int64_t>(0, step - 2);  // as the published scheduler counts
    EXPECT_NEAR(rate, 0.003 * std::pow(1 - static_cast<double>(done) / 10, 0.9), 1e-9) << step;
  }
}

TEST(Pretrain, ARunBeyondItsHorizonIsToldThatNothingMoreIsLearnt) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["output"] = (folder / "run").string();
  given["steps"] = 5;
  given["max_epochs"] = 2;
  given["pictures_every"] = 0;
  given["schedule"] = {{"kind", "poly"}, {"warmup_steps", 0}};
  run_pretraining(given);
  EXPECT_THAT(core::read_text(folder / "run/log.txt"),
              ::testing::HasSubstr("from step 4 of 5 on the learning rate is 0 and nothing is "
                                   "learnt"));
  const auto rates = rates_of(folder / "run");
  ASSERT_EQ(rates.size(), 5U);
  EXPECT_GT(rates[2].second, 0);
  EXPECT_EQ(rates[3].second, 0);
}

TEST(Pretrain, RunFolderHoldsEverything) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  const fs::path run = folder / "run";
  given["output"] = run.string();

  const PretrainReport report = run_pretraining(given);

  EXPECT_EQ(report.steps, 6);
  EXPECT_EQ(report.epochs, 6);  // six images, one batch of four an epoch
  EXPECT_GT(report.loss.value(), 0);
  EXPECT_GT(report.input_error.value(), 0);
  for (const char* name :
       {"config.yaml", "metrics.jsonl", "log.txt", "checkpoints", "model/model.json", "report.html",
        "pictures/step_00000003.png", "pictures/step_00000006.png"}) {
    EXPECT_TRUE(fs::exists(run / name)) << name;
  }
  EXPECT_THAT(core::read_text(run / "report.html"), ::testing::HasSubstr("data:image/png"));
  const Json line = report::read_metrics(run / "metrics.jsonl").back();
  for (const char* key : {"loss", "input_error", "output_std", "images_per_second", "device_busy",
                          "seconds_left", "epoch"}) {
    EXPECT_TRUE(line.contains(key)) << key;
  }
}

TEST(Pretrain, ResumedRunEqualsUninterruptedOne) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["output"] = (folder / "whole").string();
  run_pretraining(given);
  given["output"] = (folder / "broken").string();
  const core::Context context = testing::stopping_context(
      [](const testing::Reported& reported) { return reported.is_update() && reported.done >= 3; });
  EXPECT_THROW(run_pretraining(given, context), Error);

  run_pretraining({{"output", (folder / "broken").string()}, {"resume", true}});

  EXPECT_EQ(core::read_bytes(folder / "whole/model/weights.safetensors"),
            core::read_bytes(folder / "broken/model/weights.safetensors"));
  EXPECT_EQ(core::read_text(folder / "whole/model/model.json"),
            core::read_text(folder / "broken/model/model.json"));
  EXPECT_EQ(core::read_bytes(folder / "whole/pictures/step_00000006.png"),
            core::read_bytes(folder / "broken/pictures/step_00000006.png"));
}

/// The images of `folder` in 16 bits, each brighter than the one before, in a folder beside it.
fs::path in_16_bits(const fs::path& folder) {
  const fs::path wide = folder.string() + "_16";
  fs::create_directories(wide);
  int factor = 0;
  for (const fs::path& file : core::list_files(folder)) {
    ++factor;
    const auto image = store::open(file.string());
    const core::Array bytes = image->read(core::whole(image->shape()));
    core::Array values(core::DType::u16, 1, bytes.shape());
    const auto from = bytes.values<std::uint8_t>();
    std::transform(from.begin(), from.end(), values.values<std::uint16_t>().begin(),
                   [factor](int value) { return static_cast<std::uint16_t>(factor * value); });
    const auto output = store::create((wide / file.stem()).string() + ".tif",
                                      {.dtype = core::DType::u16, .shape = bytes.shape()});
    output->write(core::whole(bytes.shape()), values);
    output->finish();
  }
  return wide;
}

TEST(Pretrain, AFolderAndItsPackGiveTheSameWeights) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["steps"] = 2;
  for (const fs::path& images : {folder / "raw", in_16_bits(folder / "raw")}) {
    const std::string packed = images.string() + ".pack";
    pack({.images = {images.string()}, .dataset = {}, .output = packed}, core::silent_context());
    for (const std::string& place : {images.string(), packed}) {
      given["images"] = Json::array({place});
      given["output"] = place + "_run";
      run_pretraining(given);
    }
    const fs::path of_folder = images.string() + "_run/model";
    const fs::path of_pack = packed + "_run/model";
    EXPECT_EQ(core::read_bytes(of_folder / "weights.safetensors"),
              core::read_bytes(of_pack / "weights.safetensors"))
        << images;
    EXPECT_EQ(model::load(of_folder).card.preprocess.range,
              model::load(of_pack).card.preprocess.range)
        << images;
  }
}

TEST(Pretrain, VolumesAreCutAlongThreeAxes) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  core::Array pixels(core::DType::u8, 1, {70, 72, 140});
  for (std::size_t i = 0; i < pixels.bytes().size(); ++i) {
    pixels.values<std::uint8_t>()[i] = static_cast<std::uint8_t>(i * 31 % 251);
  }
  const auto volume = store::create((folder / "volume.zarr").string(), {.shape = pixels.shape()});
  volume->write(core::whole(pixels.shape()), pixels);
  volume->finish();
  given["images"] = {(folder / "volume.zarr").string()};
  given["axes"] = {"xy", "xz", "yz"};
  given["output"] = (folder / "run").string();
  given["steps"] = 0;
  given["epochs"] = 1;
  given["batch"] = 200;
  given["ghost_batch"] = 50;
  // 70 planes xy and 72 xz hold two patches of 64, 140 planes yz one: 424 patches, two batches
  EXPECT_EQ(run_pretraining(given).steps, 2);
}

TEST(Pretrain, FinetuningStartsFromIt) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["output"] = (folder / "pretrained").string();
  given["steps"] = 2;
  run_pretraining(given);
  Json tuning = toy_run(folder.path());
  tuning["network"] = {{"window", 96}};  // all else is the pre-trained network's
  tuning.erase("preset");
  tuning["init"] = (folder / "pretrained").string();
  tuning["output"] = (folder / "tuned").string();
  tuning["steps"] = 2;
  const core::Context context = core::silent_context();
  finetune(core::options_from_json<FinetuneOptions>(resolve_finetune(tuning, context)), context);
  const model::Model tuned = model::load(folder / "tuned");
  EXPECT_EQ(tuned.card.name, "retina-tiny");
  EXPECT_EQ(tuned.card.network_options.at("hidden"), 16);
  EXPECT_EQ(tuned.card.provenance.at("frozen").at(0), "transformer.encoder");
  const Json counts = core::read_json(folder / "tuned/transfer.json").at("counts");
  EXPECT_EQ(counts.at("re-initialised").at("tensors"), 29);
}

/// Of a file with no more than a transformer, as ImageNet gives it.
TEST(Pretrain, StartsFromATransformerAlone) {
  const testing::TempFolder folder;
  tensor::NamedTensors state = tensor::read_safetensors(write_pretrained(folder.path()));
  std::erase_if(state.tensors,
                [](const auto& entry) { return !entry.first.starts_with("transformer."); });
  tensor::write_safetensors(folder / "transformer.safetensors", state);
  Json given = toy_pretraining(folder.path());
  given["init"] = (folder / "transformer.safetensors").string();
  given["network"].erase("hidden");  // the weights tell it
  given["output"] = (folder / "run").string();
  given["optimizer"] = {{"learning_rate", 1e-30}};  // moves nothing
  given["steps"] = 1;
  run_pretraining(given);
  const Json transfer = core::read_json(folder / "run/transfer.json");
  EXPECT_EQ(transfer.at("scope"), "transformer");
  EXPECT_GT(transfer.at("counts").at("re-initialised").at("tensors"), 0);
  const auto found = tensor::read_safetensors(folder / "run/model/weights.safetensors");
  const char* name = "transformer.encoder.layer.0.ffn.fc1.weight";
  EXPECT_TRUE(found.at(name).equal(state.at(name)));
  EXPECT_NE(found.find("FinalDecoder.conv1.weight"), nullptr);
  EXPECT_THAT(core::read_text(folder / "run/report.html"), ::testing::HasSubstr("re-initialised"));
}

TEST(Pretrain, StartsFromAFinetunedNetworkWithANewLastConvolution) {
  const testing::TempFolder folder;
  Json tuning = toy_run(folder.path());
  tuning["output"] = (folder / "tuned").string();
  tuning["steps"] = 1;
  const core::Context context = core::silent_context();
  finetune(core::options_from_json<FinetuneOptions>(resolve_finetune(tuning, context)), context);
  Json given = toy_pretraining(folder.path());
  given.erase("network");
  given["network"] = {{"window", 64}};
  given["init"] = (folder / "tuned").string();
  given["output"] = (folder / "run").string();
  given["steps"] = 1;
  run_pretraining(given);
  const Json transfer = core::read_json(folder / "run/transfer.json");
  EXPECT_EQ(transfer.at("scope"), "all");
  for (const Json& entry : transfer.at("tensors")) {
    const bool is_new = entry.at("name").get<std::string>().starts_with("FinalDecoder.");
    EXPECT_EQ(entry.at("fate"), is_new ? "re-initialised" : "moved") << entry.at("name");
  }
}

/// Whether they come from an imported model, from its exported file, or from a model made of that.
TEST(Pretrain, MovesTheDecoderOfExportedAndImportedWeightsToo) {
  const testing::TempFolder folder;
  const core::Context context = core::silent_context();
  const auto run_verb = [&](const char* action, const char* path, const char* out) {
    Json options{{"action", action},
                 {"path", (folder / path).string()},
                 {"output", (folder / out).string()}};
    if (path == std::string("pretrained.safetensors")) {
      options["network"] = {{"heads", 2}};  // which it does not tell
    }
    models(core::options_from_json<ModelsOptions>(resolve_models(options, context)), context);
  };
  write_pretrained(folder.path());
  run_verb("import", "pretrained.safetensors", "first");
  run_verb("export", "first", "out.safetensors");
  run_verb("export", "first", "out.pth");
  run_verb("import", "out.safetensors", "second");
  Json given = toy_pretraining(folder.path());
  given["network"] = {{"window", 64}};
  given["steps"] = 1;
  given["overwrite"] = true;
  given["output"] = (folder / "run").string();
  for (const char* init : {"first", "out.safetensors", "out.pth", "second"}) {
    given["init"] = (folder / init).string();
    run_pretraining(given);
    const Json transfer = core::read_json(folder / "run/transfer.json");
    EXPECT_EQ(transfer.at("scope"), "all") << init;
    // the segmentation head, which that training does not use
    EXPECT_EQ(transfer.at("counts").at("re-initialised").at("tensors"), 2) << init;
  }
}

TEST(Pretrain, TheCardCountsTheImagesThatWereTrainedOn) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given.erase("images");
  given["data"] = {{{"images", (folder / "raw").string()}, {"slices", "0:5"}}};
  given["steps"] = 1;
  given["output"] = (folder / "run").string();
  const PretrainReport planned = run_pretraining(core::merge(given, Json{{"dry_run", true}}));
  EXPECT_EQ(planned.plan->images, 5);
  run_pretraining(given);
  EXPECT_EQ(model::load(folder / "run").card.provenance.at("images"), 5);
  EXPECT_THAT(core::read_text(folder / "run/report.html"),
              ::testing::HasSubstr("<td>images</td><td>5</td>"));
}

TEST(Pretrain, ImagesTakeThePlaceOfTheDataOfAConfiguration) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["data"] = {{{"images", "a folder that is not here"}}};
  given["dry_run"] = true;
  given["output"] = (folder / "run").string();
  const PretrainReport planned = run_pretraining(given);
  given.erase("data");
  EXPECT_EQ(planned.plan->images, run_pretraining(given).plan->images);
}

TEST(Pretrain, TheCardHasARangeWhereAllImagesShareIt) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  const std::string wide = in_16_bits(folder / "raw").string();
  given["steps"] = 1;
  given["output"] = (folder / "one").string();
  given["images"] = {wide};
  run_pretraining(given);
  EXPECT_GT(model::load(folder / "one").card.preprocess.range.high, 255);
  given["output"] = (folder / "two").string();
  given["images"] = {(folder / "raw").string(), wide};
  run_pretraining(given);
  EXPECT_EQ(model::load(folder / "two").card.preprocess.range, core::IntensityRange{});
}

TEST(Pretrain, TheCardOfAResumedRunHasItsFiguresAtOnce) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["output"] = (folder / "run").string();
  given["log_every"] = 3;
  const auto stop_at = [](std::int64_t step) {
    return testing::stopping_context([step](const testing::Reported& reported) {
      return reported.is_update() && reported.done >= step;
    });
  };
  EXPECT_THROW(run_pretraining(given, stop_at(3)), Error);
  const Json before = model::load(folder / "run").card.metrics;
  EXPECT_GT(before.at("loss"), 0.0);
  EXPECT_THROW(run_pretraining({{"output", given["output"]}, {"resume", true}}, stop_at(4)), Error);
  EXPECT_EQ(model::load(folder / "run").card.provenance.at("steps"), 4);
  EXPECT_EQ(model::load(folder / "run").card.metrics, before);
}

TEST(Pretrain, TheCardTellsWhatTheModelWasMadeOf) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["steps"] = 1;
  const auto data_of = [&](const char* run) {
    given["output"] = (folder / run).string();
    run_pretraining(given);
    return model::load(folder / run).card.provenance.at("data");
  };
  const Json data = data_of("first");
  ASSERT_EQ(data.at("sources").size(), 1U);
  EXPECT_EQ(data.at("sources")[0], (Json{{"images", (folder / "raw").string()}, {"slices", 6}}));
  EXPECT_EQ(data.at("digest_of"), "6 of 6 planes");
  EXPECT_EQ(data_of("second"), data);
  fs::remove(folder / "raw/image2.png");
  write_toy_png(folder / "raw/image2.png", 64, 11, false);
  EXPECT_NE(data_of("third").at("digest"), data.at("digest"));
}

TEST(Pretrain, AFinishedRunThatIsResumedKeepsItsFigures) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["output"] = (folder / "run").string();
  given["steps"] = 2;
  const PretrainReport first = run_pretraining(given);
  const PretrainReport again =
      run_pretraining({{"output", (folder / "run").string()}, {"resume", true}});
  EXPECT_EQ(again.steps, 2);
  EXPECT_DOUBLE_EQ(again.loss.value(), first.loss.value());
  EXPECT_DOUBLE_EQ(again.input_error.value(), first.input_error.value());
}

TEST(Pretrain, ImagesOfOneGreyValueAreRefusedAtTheStart) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  core::Array grey(core::DType::u8, 1, {4, 64, 64});
  std::fill(grey.values<std::uint8_t>().begin(), grey.values<std::uint8_t>().end(), 90);
  const auto volume = store::create((folder / "grey.zarr").string(), {.shape = grey.shape()});
  volume->write(core::whole(grey.shape()), grey);
  volume->finish();
  given["images"] = {(folder / "grey.zarr").string()};
  given["output"] = (folder / "run").string();
  try {
    run_pretraining(given);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("one grey value everywhere"));
  }
  EXPECT_FALSE(fs::exists(folder / "run"));
}

TEST(Pretrain, ATimeLimitTooShortForOneStepKeepsNothing) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["output"] = (folder / "run").string();
  given["max_seconds"] = 1e-6;
  try {
    run_pretraining(given);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("max_seconds"));
  }
  EXPECT_FALSE(fs::exists(folder / "run"));
}

TEST(Pretrain, AnAlmostConstantOutputIsACollapse) {
  EXPECT_FALSE(collapse_of({{"output_std", 0.5}, {"target_std", 1.0}}, 10));
  const auto problem = collapse_of({{"output_std", 0.001}, {"target_std", 1.0}}, 10);
  ASSERT_TRUE(problem);
  EXPECT_THAT(to_string(*problem),
              ::testing::AllOf(::testing::HasSubstr("step 10"), ::testing::HasSubstr("constant")));
}

TEST(Pretrain, ADivergedRunStopsAndKeepsItsLastGoodCheckpoint) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["checkpoint_every"] = 1;
  given["steps"] = 50;
  given["output"] = (folder / "diverged").string();
  given["optimizer"] = {{"learning_rate", 1e12}};
  try {
    run_pretraining(given);
    FAIL() << "not noticed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("not a number"));
  }
  const auto kept = trainer::checkpoint_steps(folder / "diverged/checkpoints");
  ASSERT_THAT(kept, ::testing::Not(::testing::IsEmpty()));
  for (const std::int64_t step : kept) {
    const trainer::Checkpoint checkpoint =
        trainer::load_checkpoint(trainer::checkpoint_folder(folder / "diverged/checkpoints", step));
    for (const auto& [name, tensor] : checkpoint.weights.tensors) {
      EXPECT_TRUE(tensor.isfinite().all().item<bool>()) << name;
    }
  }
}

}  // namespace
}  // namespace retina::pipeline
