#include "bad_input.h"

#include <vector>

#include "tree.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "retina/core/file.h"
#include "retina/testing/temp_folder.h"

namespace retina::e2e {
namespace {

using ::testing::HasSubstr;

/// Something that --overwrite takes for a run.
void earlier_run(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder / "run");
  core::write_atomically(folder / "run/config.yaml", "version: 1\nseed: 1\n");
  core::write_atomically(folder / "run/metrics.jsonl", "");
  core::write_atomically(folder / "run/precious.txt", "keep me");
}

std::vector<BadInput> bad_requests() {
  return {
      {"unknown_config_key",
       [](const auto& folder) {
         good_dataset(folder);
         core::write_atomically(folder / "c.json", R"({"optimiser": {"lr": 1}})");
       },
       kTrain + " -c c.json",
       2,
       {"optimiser", "did you mean"}},
      {"unknown_flag", [](const auto&) {}, "predict x --modell y", 2, {"did you mean '--model'?"}},
      {"unknown_verb", [](const auto&) {}, "fintune", 2, {"did you mean 'finetune'?"}},
      {"unknown_preset",
       good_dataset,
       "finetune --preset retina-tinny --classes blob --images images --masks masks -o run",
       2,
       {"retina-tinny"}},
  };
}

std::vector<BadInput> outputs_in_the_way() {
  return {
      {"output_exists",
       [](const auto& folder) {
         good_dataset(folder);
         core::write_atomically(folder / "precious.txt", "keep me");
         std::filesystem::create_directories(folder / "run");
         core::write_atomically(folder / "run/precious.txt", "keep me");
       },
       kTrain,
       2,
       {"run", "--overwrite"}},
      {"trace_in_the_place_of_a_folder",
       [](const auto& folder) {
         earlier_run(folder);
         std::filesystem::create_directories(folder / "run/trace.json/kept");
       },
       "bench --preset retina-tiny --batch 1 --trace run/trace.json",
       2,
       {"trace.json", "a folder"}},
      {"page_in_the_place_of_a_folder",
       [](const auto& folder) {
         good_dataset(folder);
         earlier_run(folder);
         std::filesystem::create_directories(folder / "run/page.html/kept");
       },
       "check --images images --masks masks --classes blob -o run/page.html --overwrite",
       2,
       {"page.html", "a folder"}},
      {"shard_that_is_no_multiple_of_the_chunk",
       good_dataset,
       "convert images/slice0.png -o out.zarr --chunk 1,16,16 --shard 1,24,32",
       2,
       {"shard", "multiple of the chunk, 16"}},
      {"overwrite_with_bad_data",
       [](const auto& folder) {
         good_dataset(folder);
         earlier_run(folder);
         std::filesystem::remove(folder / "masks/slice0.png");
       },
       kTrain + " --overwrite",
       3,
       {"slice0"}},
      {"overwrite_with_weights_that_are_no_model",
       [](const auto& folder) {
         good_dataset(folder);
         earlier_run(folder);
       },
       kTrain + " --overwrite --init masks",
       3,
       {"masks", "model.json"}},
  };
}

std::vector<BadInput> bad_inputs() {
  return {
      {"missing_file", [](const auto&) {}, "info nothing.tif", 3, {"nothing.tif"}},
      {"truncated_png",
       [](const auto& folder) {
         write_blobs(folder / "images", folder / "masks", "a", 64, 64, 1);
         std::filesystem::resize_file(folder / "images/a.png", 300);
       },
       "info images/a.png",
       3,
       {"a.png"}},
      {"not_an_image",
       [](const auto& folder) { core::write_atomically(folder / "a.png", "hello"); },
       "info a.png",
       3,
       {"a.png"}},
      {"empty_folder",
       [](const auto& folder) { std::filesystem::create_directories(folder / "none"); },
       "info none",
       3,
       {"none", "image"}},
      {"mask_of_another_size",
       [](const auto& folder) {
         good_dataset(folder);
         std::filesystem::remove(folder / "masks/slice1.png");
         write_blobs(folder / "other", folder / "masks", "slice1", 64, 80, 5);
       },
       kTrain,
       3,
       {"slice1", "64", "80"}},
      {"mask_missing",
       [](const auto& folder) {
         good_dataset(folder);
         std::filesystem::remove(folder / "masks/slice0.png");
       },
       kTrain,
       3,
       {"slice0"}},
      {"label_not_in_the_class_map",
       [](const auto& folder) {
         good_dataset(folder);
         const auto file = store::create((folder / "masks/slice0.png").string(),
                                         {.shape = {1, 64, 64}, .overwrite = true});
         core::Array mask(core::DType::u8, 1, {1, 64, 64});
         mask.at<std::uint8_t>(0, 0, 3, 4) = 7;
         mask.at<std::uint8_t>(0, 0, 3, 5) = 1;
         file->write(core::whole({1, 64, 64}), mask);
         file->finish();
       },
       kTrain,
       3,
       {"slice0", "7"}},
      {"not_a_model",
       good_dataset,
       "predict images --model masks -o out",
       3,
       {"masks", "model.json"}},
      {"evaluate_without_prediction",
       good_dataset,
       "evaluate --prediction nope --truth masks",
       3,
       {"nope: no such file"}},
      {"evaluate_without_partner",
       [](const auto& folder) {
         good_dataset(folder);
         std::filesystem::create_directories(folder / "prediction");
         std::filesystem::copy(folder / "masks/slice0.png", folder / "prediction/slice0.png");
       },
       "evaluate --prediction prediction --truth masks",
       3,
       {"slice1"}},
  };
}

bool can_change_user() {
  return ::geteuid() == 0 && std::system("command -v setpriv >/dev/null 2>&1") == 0;
}

class BadInputE2e : public ::testing::TestWithParam<BadInput> {};

TEST_P(BadInputE2e, IsOneClearErrorAndLeavesEarlierFilesAlone) {
  const BadInput& bad = GetParam();
  if (bad.surroundings.find("setpriv") != std::string::npos && !can_change_user()) {
    GTEST_SKIP() << "needs root and setpriv";
  }
  const testing::TempFolder folder;
  std::filesystem::permissions(folder.path(), std::filesystem::perms::all);
  bad.make(folder.path());
  const bool has_earlier = std::filesystem::exists(folder / "run/precious.txt");
  const auto before = contents_of(folder / "run");

  const std::filesystem::path script = folder / "run.sh";
  core::write_atomically(script, "cd " + folder.path().string() + "\n" + bad.surroundings + " " +
                                     RETINA_PROGRAM + " " + bad.arguments);
  const int status =
      std::system(("sh " + script.string() + " >" + (folder / "stdout.txt").string() + " 2>" +
                   (folder / "stderr.txt").string())
                      .c_str());
  const std::string message = slurp(folder / "stderr.txt");

  EXPECT_TRUE(WIFEXITED(status)) << message;
  EXPECT_EQ(WEXITSTATUS(status), bad.exit_code) << message;
  for (const std::string& word : bad.words) {
    EXPECT_THAT(message, HasSubstr(word));
  }
  EXPECT_TRUE(!has_earlier || contents_of(folder / "run") == before);
  for (const std::string& name : bad.absent) {
    EXPECT_FALSE(std::filesystem::exists(folder / name)) << name;
  }
}

std::string name_of_case(const ::testing::TestParamInfo<BadInput>& test) {
  return test.param.name;
}

INSTANTIATE_TEST_SUITE_P(Table, BadInputE2e, ::testing::ValuesIn(bad_inputs()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Requests, BadInputE2e, ::testing::ValuesIn(bad_requests()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Outputs, BadInputE2e, ::testing::ValuesIn(outputs_in_the_way()),
                         name_of_case);
INSTANTIATE_TEST_SUITE_P(Images, BadInputE2e, ::testing::ValuesIn(damaged_images()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Zarrs, BadInputE2e, ::testing::ValuesIn(damaged_zarrs()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Hdf5s, BadInputE2e, ::testing::ValuesIn(damaged_hdf5s()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Bombs, BadInputE2e, ::testing::ValuesIn(bombs()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Values, BadInputE2e, ::testing::ValuesIn(bad_values()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Parts, BadInputE2e, ::testing::ValuesIn(bad_parts()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Models, BadInputE2e, ::testing::ValuesIn(bad_models()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Runs, BadInputE2e, ::testing::ValuesIn(bad_runs()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Full, BadInputE2e, ::testing::ValuesIn(full_disks()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Forbidden, BadInputE2e, ::testing::ValuesIn(forbidden_places()),
                         name_of_case);

/// As older systems wrote them: Latin-1, which is no UTF-8.
TEST(OddNamesE2e, NamesOfAnyBytesAreNames) {
  const testing::TempFolder folder;
  write_small_training(folder.path());
  for (const char* kind : {"images", "masks"}) {
    std::filesystem::rename(folder / kind / "slice0.png", folder / kind / "\xe9.png");
  }
  const std::filesystem::path odd = folder / "d\xe9p\xf4t";
  std::filesystem::create_directories(odd);
  const std::string place = odd.string();
  const std::string root = folder.path().string();
  const std::string image = root + "/images/\xe9.png";
  const std::string sets = " --images " + root + "/images --masks " + root + "/masks";
  for (const std::string& arguments :
       {"info " + image, "convert " + image + " -o " + place + "/a.zarr",
        "pack " + image + " -o " + place + "/a.pack", "check --classes blob" + sets,
        "finetune -c " + root + "/c.json" + sets + " --steps 2 -o " + place + "/run",
        "finetune --resume --steps 4 -o " + place + "/run",
        "predict " + root + "/images --model " + place + "/run -o " + place + "/out",
        "evaluate --prediction " + place + "/out --truth " + root + "/masks --classes blob"}) {
    const Outcome outcome = run_retina(folder.path(), arguments + " --json");
    EXPECT_EQ(outcome.exit_code, 0) << arguments << ": " << outcome.standard_error;
  }
  EXPECT_TRUE(std::filesystem::exists(odd / "out/\xe9.png"));
}

TEST(SmallImageE2e, AnImageSmallerThanTheWindowWorks) {
  const testing::TempFolder folder;
  write_blob_dataset(folder.path(), 2, 1, 48);
  const std::string root = folder.path().string();
  const Outcome trained = run_retina(
      folder.path(), "finetune --json --preset retina-tiny --classes blob --steps 2 --images " +
                         root + "/images --masks " + root + "/masks -o " + root + "/run");
  ASSERT_EQ(trained.exit_code, 0) << trained.standard_error;
  const Outcome predicted = run_retina(folder.path(), "predict --json --model " + root + "/run " +
                                                          root + "/images -o " + root + "/out");
  ASSERT_EQ(predicted.exit_code, 0) << predicted.standard_error;
  EXPECT_TRUE(std::filesystem::exists(folder / "out/slice0.png"));
}

}  // namespace
}  // namespace retina::e2e
