#include "retina/pipeline/finetune/finetune.h"

#include <chrono>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/model/model.h"
#include "retina/pipeline/finetune/finetune_test_data.h"
#include "retina/pipeline/own_yaml.h"
#include "retina/pipeline/run/provenance.h"
#include "retina/pipeline/run/run_config.h"
#include "retina/report/metrics_log.h"
#include "retina/tensor/safetensors.h"
#include "retina/testing/heard.h"
#include "retina/testing/stopping_context.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

FinetuneReport run_toy(const Json& given, const core::Context& context) {
  return finetune(core::options_from_json<FinetuneOptions>(resolve_finetune(given, context)),
                  context);
}

FinetuneReport run_toy(const Json& given) {
  return run_toy(given, core::silent_context());
}

TEST(Finetune, RunFolderHoldsEverything) {
  const testing::TempFolder folder;
  Json given = toy_run(folder.path());
  const fs::path run = folder / "run";
  given["output"] = run.string();

  const FinetuneReport report = run_toy(given);

  EXPECT_EQ(report.steps, 6);
  ASSERT_TRUE(report.best_validation_iou);
  EXPECT_GE(*report.best_validation_iou, 0);
  for (const char* name : {"config.yaml", "metrics.jsonl", "events.out.tfevents.retina", "log.txt",
                           "checkpoints", "model/model.json", "report.html"}) {
    EXPECT_TRUE(fs::exists(run / name)) << name;
  }
  EXPECT_EQ(model::load(run).card.classes.back().name, "square");
  EXPECT_THAT(core::read_text(run / "report.html"), ::testing::HasSubstr("data:image/png"));
  EXPECT_EQ(report::read_metrics(run / "metrics.jsonl").back()["step"], 6);
  for (const char* key : {"run", "steps", "seconds", "best_validation_iou"}) {
    EXPECT_TRUE(to_json(report).contains(key)) << key;
  }
}

/// Six steps at once and in two parts end with the same weights and figures.
void expect_resumes_alike(Json given, const testing::TempFolder& folder) {
  given["output"] = (folder / "whole").string();
  run_toy(given);
  given["output"] = (folder / "broken").string();
  const core::Context context = testing::stopping_context([](const testing::Reported& reported) {
    return reported.is_update() && reported.job == "training" && reported.done >= 3;
  });
  EXPECT_THROW(run_toy(given, context), Error);

  const FinetuneReport resumed =
      run_toy({{"output", (folder / "broken").string()}, {"resume", true}});

  EXPECT_EQ(resumed.steps, 6);
  EXPECT_EQ(core::read_bytes(folder / "whole" / "model" / "weights.safetensors"),
            core::read_bytes(folder / "broken" / "model" / "weights.safetensors"));
  EXPECT_EQ(core::read_text(folder / "whole/model/model.json"),
            core::read_text(folder / "broken/model/model.json"));
  const auto whole = report::read_metrics(folder / "whole" / "metrics.jsonl");
  const auto broken = report::read_metrics(folder / "broken" / "metrics.jsonl");
  ASSERT_EQ(whole.size(), broken.size());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    EXPECT_EQ(whole[i]["step"], broken[i]["step"]);
    EXPECT_EQ(whole[i].value("loss", 0.0), broken[i].value("loss", 0.0));
  }
}

TEST(Finetune, ResumedRunEqualsUninterruptedOne) {
  const testing::TempFolder folder;
  expect_resumes_alike(toy_run(folder.path()), folder);
}

TEST(Finetune, TheCardTellsWhatTheModelWasMadeOf) {
  const testing::TempFolder folder;
  Json given = toy_run(folder.path());
  given["steps"] = 1;
  given["init"] = write_pretrained(folder.path());
  const auto card_of = [&](const char* run) {
    given["output"] = (folder / run).string();
    run_toy(given);
    return model::load(folder / run).card.provenance;
  };
  const Json first = card_of("first");
  const Json& data = first.at("data");
  ASSERT_EQ(data.at("sources").size(), 1U);
  EXPECT_EQ(data.at("sources")[0], (Json{{"path", (folder / "train").string()}, {"slices", 3}}));
  EXPECT_EQ(data.at("digest_of"), "3 of 3 planes");
  EXPECT_EQ(first.at("init_digest"), weights_digest((folder / "pretrained.safetensors").string()));
  EXPECT_THAT(first.at("program").get<std::string>(), ::testing::StartsWith("retina 0."));
  EXPECT_EQ(card_of("second"), first) << "its place does not matter";

  fs::remove(folder / "train/masks/slice1.png");
  write_toy_png(folder / "train/masks/slice1.png", 80, 7, true);
  given["seed"] = 5;
  const Json third = card_of("third");
  EXPECT_NE(third.at("data").at("digest"), data.at("digest"));
  EXPECT_NE(third.at("configuration_digest"), first.at("configuration_digest"));
  EXPECT_EQ(third.at("init_digest"), first.at("init_digest"));
}

TEST(Finetune, AResumedRunKnowsFirstWeightsThatAreGone) {
  const testing::TempFolder folder;
  Json given = toy_run(folder.path());
  given["init"] = write_pretrained(folder.path());
  given["output"] = (folder / "run").string();
  const std::string digest = weights_digest(given["init"].get<std::string>());
  const core::Context context = testing::stopping_context([](const testing::Reported& reported) {
    return reported.is_update() && reported.job == "training" && reported.done >= 3;
  });
  EXPECT_THROW(run_toy(given, context), Error);
  fs::remove(given["init"].get<std::string>());
  run_toy({{"output", (folder / "run").string()}, {"resume", true}});
  EXPECT_EQ(model::load(folder / "run").card.provenance.at("init_digest"), digest);
}

TEST(Finetune, ExtendsAFinishedRun) {
  const testing::TempFolder folder;
  Json given = toy_run(folder.path());
  given["output"] = (folder / "run").string();
  given["steps"] = 2;
  run_toy(given);
  const FinetuneReport longer =
      run_toy({{"output", (folder / "run").string()}, {"resume", true}, {"extend_to", 4}});
  EXPECT_EQ(longer.steps, 4);
}

TEST(Finetune, KeepsTheTunedThresholdTheCleaningAndTheScaleInTheModel) {
  const testing::TempFolder folder;
  Json given = toy_run(folder.path());
  given["output"] = (folder / "run").string();
  given["tune_threshold"] = true;
  given["postprocess"] = {{"min_object_size", 12}, {"fill_holes", "2d"}};
  given["data"]["voxel_size_nm"] = {30, 4, 4};
  given["data"]["target_voxel_nm"] = {30, 5, 5};
  run_toy(given);
  const model::Card card = model::load(folder / "run").card;
  EXPECT_EQ(card.postprocess,
            (model::Postprocess{.min_object_size = 12, .fill_holes = model::FillHoles::slices}));
  ASSERT_EQ(card.voxel_nm_seen.size(), 1U);
  EXPECT_DOUBLE_EQ(card.voxel_nm_seen[0][2], 5);
  ASSERT_TRUE(card.metrics.contains("validation_iou_at_threshold"));
  EXPECT_GE(card.metrics["validation_iou_at_threshold"].get<double>(),
            card.metrics["validation_iou"].get<double>() - 1e-6);
}

TEST(Finetune, TrainsOnSeveralDataSetsEachReadInItsOwnWay) {
  const testing::TempFolder folder;
  Json given = toy_run(folder.path());
  given["output"] = (folder / "run").string();
  Json other = {{"path", (folder / "held_out").string()},
                {"labels", {{"0", 0}, {"1", 1}}},
                {"voxel_size_nm", {30, 8, 8}},
                {"target_voxel_nm", {30, 5, 5}}};
  given["data"]["voxel_size_nm"] = {30, 5, 5};
  given["more_data"] = {other};
  run_toy(given);
  const model::Card card = model::load(folder / "run").card;
  EXPECT_EQ(card.provenance.at("training_slices"), 4);
  EXPECT_EQ(card.voxel_nm_seen, (std::vector<core::Vec3d>{{30, 5, 5}}));
  given["output"] = (folder / "bad").string();
  other["labels"] = {{"0", 0}};
  given["more_data"] = {other};
  try {
    run_toy(given);
    FAIL() << "a label value of the second data set that no class has";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("held_out"));
  }
}

TEST(Finetune, ValidatesWhereToldAndKeepsTheLastWeights) {
  const testing::TempFolder folder;
  Json given = toy_run(folder.path());
  given["output"] = (folder / "run").string();
  given["validation"]["at"] = {1, 4};
  given["validation"]["choose"] = "last";
  const auto expect_last = [&](const FinetuneReport& report) {
    EXPECT_EQ(report.best_step, 6);
    const model::Card card = model::load(folder / "run").card;
    EXPECT_EQ(card.provenance.at("steps"), 6);
    EXPECT_DOUBLE_EQ(card.metrics.at("validation_iou").get<double>(), *report.best_validation_iou);
  };
  expect_last(run_toy(given));
  std::vector<std::int64_t> validated;
  for (const Json& line : report::read_metrics(folder / "run/metrics.jsonl")) {
    if (line.contains("validation/iou")) {
      validated.push_back(line["step"].get<std::int64_t>());
    }
  }
  EXPECT_THAT(validated, ::testing::ElementsAre(1, 4, 6));
  expect_last(run_toy({{"output", (folder / "run").string()}, {"resume", true}}));
}

TEST(Finetune, AnExistingRunIsNotOverwrittenUnasked) {
  const testing::TempFolder folder;
  Json given = toy_run(folder.path());
  given["output"] = (folder / "train").string();
  try {
    run_toy(given);
    FAIL() << "overwritten";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("exists"));
  }
  given["overwrite"] = true;  // not a run: still refused
  EXPECT_THROW(run_toy(given), Error);
  EXPECT_TRUE(fs::exists(folder / "train" / "images" / "slice0.png"));
}

TEST(Finetune, APublishedConfigurationStartsFromPretrainedWeights) {
  const testing::TempFolder folder;
  toy_run(folder.path());  // the data
  const std::string pretrained = write_pretrained(folder.path());
  const fs::path run = folder / "run";
  const Json given{{"num_classes", 1},
                   {"class_names", {"square"}},
                   {"data_dir", (folder / "train").string()},
                   {"model_dir", run.string()},
                   {"norms", {{"mean", 0.5}, {"std", 0.25}}},
                   {"pretrain", true},
                   {"pretrain_file", pretrained},
                   {"lr", 0.01},
                   {"iters", 2},
                   {"bsz", 2},
                   {"augmentations", {{{"aug", "PadIfNeeded"}}, {{"aug", "HorizontalFlip"}}}},
                   {"network", {{"window", 64}, {"heads", 2}}},
                   {"threads", 1}};

  EXPECT_EQ(run_toy(given).steps, 2);

  const Json counts = core::read_json(run / "transfer.json").at("counts");
  EXPECT_EQ(counts.at("re-initialised").at("tensors"), 29);
  EXPECT_EQ(counts.at("frozen").at("tensors"), 16 + 2);
  EXPECT_EQ(counts.at("trainable").at("tensors").get<int>() + 18,
            counts.at("moved").at("tensors").get<int>() + 29);
  const auto before = tensor::read_safetensors(pretrained);
  const auto after = tensor::read_safetensors(run / "model" / "weights.safetensors");
  for (const auto& [name, value] : after.tensors) {
    if (name.starts_with("transformer.encoder")) {
      EXPECT_TRUE(value.equal(before.at(name))) << name;
    }
  }
  EXPECT_FALSE(after.at("transformer.embeddings.patch_embeddings.weight")
                   .equal(before.at("transformer.embeddings.patch_embeddings.weight")));
  EXPECT_THAT(core::read_text(run / "report.html"), ::testing::HasSubstr("re-initialised"));

  Json again = given;  // the same command
  again["resume"] = true;
  EXPECT_EQ(run_toy(again).steps, 2);
  EXPECT_THAT(core::read_text(run / "report.html"), ::testing::HasSubstr("re-initialised"));
}

TEST(Finetune, TheCommandThatBeganARunAndItsConfigurationResumeIt) {
  const testing::TempFolder folder;
  Json given = toy_run(folder.path());
  given["output"] = (folder / "run").string();
  given["steps"] = 1;
  given["init"] = write_pretrained(folder.path());
  given["transfer"] = "automatic";
  given["freeze"] = {"transformer.encoder", "decoder.conv_more"};
  given["normalisation"] = {{"mean", nullptr}, {"std", nullptr}};
  run_toy(given);
  Json again = given;
  again["resume"] = true;
  EXPECT_EQ(run_toy(again).steps, 1);
  Json stored = parse_own_yaml(core::read_text(folder / "run/config.yaml"), "config.yaml");
  stored["resume"] = true;
  EXPECT_EQ(run_toy(stored).steps, 1);
  again["freeze"] = {"none"};
  EXPECT_THROW(run_toy(again), Error);
  again["freeze"] = given["freeze"];
  again["transfer"] = "all";
  EXPECT_THROW(run_toy(again), Error);
}

TEST(Finetune, ARunThatUnfreezesResumesAlike) {
  const testing::TempFolder folder;
  Json given = toy_run(folder.path());
  given["freeze"] = {"transformer.encoder"};
  given["optimizer"] = {{"unfreeze_at", 2}, {"rate_factors", {{"transformer", 0.1}}}};
  expect_resumes_alike(given, folder);
}

TEST(Finetune, AResumedRunFindsItsModelAgainOrMakesAnother) {
  const testing::TempFolder folder;
  Json given = toy_run(folder.path());
  const fs::path run = folder / "run";
  given["output"] = run.string();
  given["steps"] = 2;
  run_toy(given);
  const Json resume = {{"output", run.string()}, {"resume", true}};
  fs::rename(run / "model", run / ".model.old");  // as a kill between two renames leaves it
  EXPECT_EQ(run_toy(resume).steps, 2);
  EXPECT_TRUE(fs::exists(run / "model" / "model.json"));
  fs::remove_all(run / "model");
  Json longer = resume;
  longer["extend_to"] = 3;
  EXPECT_EQ(run_toy(longer).best_step, 3);
  EXPECT_EQ(model::load(run).card.provenance.at("steps"), 3);
}

TEST(Finetune, AFailedOverwriteLeavesTheOldRun) {
  const testing::TempFolder folder;
  Json given = toy_run(folder.path());
  given["output"] = (folder / "run").string();
  given["steps"] = 2;
  run_toy(given);
  given["overwrite"] = true;
  given["init"] = (folder / "run").string();  // the weights lie in what is replaced
  EXPECT_EQ(run_toy(given).steps, 2);
  const std::string kept = core::read_text(folder / "run/model/weights.safetensors");
  fs::remove(folder / "train/masks/slice0.png");
  EXPECT_THROW(run_toy(given), Error);
  EXPECT_TRUE(core::read_text(folder / "run/model/weights.safetensors") == kept);
  EXPECT_FALSE(fs::exists(folder / ".run.old"));
  EXPECT_FALSE(fs::exists(folder / ".run.partial"));
}

TEST(Finetune, StartsFromTheWeightsOfAnotherRun) {
  const testing::TempFolder folder;
  Json given = toy_run(folder.path());
  given["output"] = (folder / "first").string();
  given["steps"] = 2;
  given["name"] = "squares";
  given["licence"] = "CC0 1.0";
  run_toy(given);
  EXPECT_EQ(model::load(folder / "first").card.name, "squares");
  given["output"] = (folder / "second").string();
  given["init"] = (folder / "first").string();
  given["licence"] = "";
  given.erase("preset");
  EXPECT_EQ(run_toy(given).steps, 2);
  EXPECT_THAT(core::read_text(folder / "second/config.yaml"),
              ::testing::HasSubstr("preset: \"retina-tiny\""));
  EXPECT_EQ(model::load(folder / "second").card.licence, "CC0 1.0");
  given["output"] = (folder / "third").string();
  given["network"]["layers"] = 2;
  EXPECT_THROW(run_toy(given), Error);
}

TEST(Finetune, AHeadThatGoesOnForOtherClassesIsToldOf) {
  const testing::TempFolder folder;
  Json given = toy_run(folder.path());
  given["output"] = (folder / "first").string();
  given["steps"] = 1;
  run_toy(given);
  given["init"] = (folder / "first").string();
  const auto log_of = [&](const char* run) {
    given["output"] = (folder / run).string();
    const testing::Heard heard;
    run_toy(given, heard.context);
    return heard.text();
  };
  EXPECT_THAT(log_of("same"), ::testing::Not(::testing::HasSubstr("the head of")));
  given["classes"] = {"nucleus"};
  EXPECT_THAT(log_of("other"),
              ::testing::HasSubstr("the head of " + (folder / "first").string() +
                                   " was trained for square; it goes on as nucleus"));
  given["transfer"] = "transformer";
  EXPECT_THAT(log_of("new_head"), ::testing::Not(::testing::HasSubstr("the head of")));
}

TEST(Finetune, ATimeLimitTooShortForOneStepKeepsNothing) {
  const testing::TempFolder folder;
  Json given = toy_run(folder.path());
  given["output"] = (folder / "run").string();
  given["max_seconds"] = 1e-6;
  try {
    run_toy(given);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("max_seconds"));
  }
  EXPECT_FALSE(fs::exists(folder / "run"));
}

TEST(Finetune, ThePageTellsHowTheRunEnded) {
  const testing::TempFolder folder;
  Json given = toy_run(folder.path());
  given["output"] = (folder / "run").string();
  const fs::path page = folder / "run/report.html";
  const core::Context context = testing::stopping_context([](const testing::Reported& reported) {
    return reported.is_update() && reported.job == "training" && reported.done >= 3;
  });
  EXPECT_THROW(run_toy(given, context), Error);
  EXPECT_THAT(core::read_text(page),
              ::testing::HasSubstr("<td>state</td><td>interrupted; stopped after 3 steps"));
  EXPECT_THAT(core::read_text(page), ::testing::HasSubstr("<td>steps</td><td>3</td>"));
  run_toy({{"output", (folder / "run").string()}, {"resume", true}});
  EXPECT_THAT(core::read_text(page), ::testing::HasSubstr("<td>state</td><td>all steps done</td>"));

  given["output"] = (folder / "stale").string();
  given["optimizer"] = {{"learning_rate", 1e-30}};  // nothing gets better
  given["steps"] = 30;
  given["validation"]["every"] = 1;
  given["patience"] = 1;
  EXPECT_LT(run_toy(given).steps, 30);
  EXPECT_THAT(core::read_text(folder / "stale/report.html"),
              ::testing::HasSubstr("<td>state</td><td>stopped by patience: "));
}

TEST(Finetune, ThePageCountsTheSecondsOfLeftOutRegions) {
  const testing::TempFolder folder;
  Json given = toy_run(folder.path());
  given["output"] = (folder / "first").string();
  given["steps"] = 1;
  run_toy(given);
  given["init"] = (folder / "first").string();
  given["output"] = (folder / "run").string();
  given["leave_one_region_out"] = true;
  const core::Context slow = testing::stopping_context([](const testing::Reported& reported) {
    if (reported.what == testing::Reported::What::begin && reported.job.starts_with("region 1 ")) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1200));  // a page tells whole seconds
    }
    return false;
  });
  const FinetuneReport report = run_toy(given, slow);
  EXPECT_GE(report.seconds, 1.2);
  EXPECT_THAT(core::read_text(folder / "run/report.html"),
              ::testing::HasSubstr(fmt::format("<td>seconds</td><td>{:.0f}</td>", report.seconds)));
}

}  // namespace
}  // namespace retina::pipeline
