#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>
#include <vector>

#include "process.h"
#include "program.h"
#include "tree.h"
#include <gtest/gtest.h>

#include "retina/core/clock.h"
#include "retina/core/file.h"
#include "retina/testing/temp_folder.h"

namespace retina::e2e {
namespace {

namespace fs = std::filesystem;

/// A verb that writes. Commands run in a folder with images/, masks/, pictures/, pictures.pack/,
/// downloads/, islands/, volume.zarr, volume.tif and model/; what they write lies in out/.
struct Job {
  const char* name;
  std::string command;
  std::string again = {};                  ///< how to go on; empty = the command itself
  std::vector<std::string> finished = {};  ///< names in out/ that are complete whenever they exist
  std::string finished_prefix = {};        ///< of further such names
  std::string given = {};                  ///< an input that lies in out/ from the beginning
  bool is_short = false;                   ///< over before a signal surely finds it at work
  std::vector<std::string> timed = {};     ///< names in out/ of tables of times
};

void PrintTo(const Job& job, std::ostream* out) {
  *out << job.name;
}

std::vector<Job> jobs() {
  return {
      {.name = "compare",
       .command = "compare -c g.json --threads 1 -o out/c",
       .timed = {"c/results.csv", "c/results.md", "c/report.html"}},
      {.name = "finetune_regions",
       .command = "finetune -c c.json --images images --masks islands --set data.ignore_value=255 "
                  "--leave-one-region-out --steps 10 --init model --transfer all -o out/run",
       .again = "finetune --resume -o out/run",
       .finished_prefix = "run/checkpoints/step_"},
      {.name = "models_export",
       .command = "models export model -o out/m.pth",
       .finished = {"m.pth"},
       .is_short = true},
      {.name = "predict_images",
       .command = "predict --model model --probabilities --overlay pictures -o out/p",
       .finished = {"p", "p_probabilities", "p_overlay"}},
      {.name = "predict_pack",
       .command = "predict --model model --probabilities pictures.pack -o out/p.pack",
       .finished = {"p.pack", "p_probabilities.pack"}},
      {.name = "predict_one_image",
       .command = "predict --model model --probabilities pictures/slice0.png -o out/p.png",
       .finished = {"p.png", "p_probabilities.png"},
       .is_short = true},
      {.name = "predict_stack",
       .command = "predict --model model --axes-mode stack --probabilities --overlay volume.zarr "
                  "-o out/p.zarr",
       .finished = {"p.zarr", "p_probabilities.zarr", "p_overlay"}},
      {.name = "predict_objects",
       .command = "predict --model model --axes-mode stack --instances 26 --min-object-size 20 "
                  "volume.zarr -o out/p.zarr",
       .finished = {"p.zarr", "p_instances.zarr"}},
      {.name = "predict_orthoplane",
       .command = "predict --model model --axes-mode orthoplane --probabilities volume.zarr "
                  "-o out/p.zarr",
       .finished = {"p.zarr", "p_probabilities.zarr"}},
      {.name = "predict_tiff",
       .command = "predict --model model --axes-mode stack --probabilities volume.tif -o out/p.tif",
       .finished = {"p.tif", "p_probabilities.tif"},
       .is_short = true},
      {.name = "predict_slices",
       .command = "predict --model model --axes-mode stack --probabilities pictures -o out/p",
       .finished = {"p", "p_probabilities"},
       .is_short = true},
      {.name = "finetune",
       .command = "finetune -c c.json --images images --masks masks --validation-images images "
                  "--validation-masks masks --set keep=all --set average_decay=0.9 "
                  "--set validation.every=10 -o out/run",
       .again = "finetune --resume -o out/run",
       .finished = {"run/report.html"},  // the model is replaced by each better one
       .finished_prefix = "run/checkpoints/step_"},
      {.name = "pretrain",
       .command = "pretrain -c p.json --images images --set keep=all -o out/run",
       .again = "pretrain --resume -o out/run",
       .finished_prefix = "run/checkpoints/step_"},
      {.name = "prepare",
       .command = "prepare kasthuri downloads -o out/p",
       .finished = {"p"},
       .is_short = true},
      {.name = "convert_zarr",
       .command = "convert volume.tif -o out/c.zarr --shard 8,96,96 --chunk 8,32,32",
       .finished = {"c.zarr"},
       .is_short = true},
      {.name = "convert_labels",
       .command = "convert volume.zarr -o out/volume.zarr/labels/p --labels --shard 8,80,80 "
                  "--chunk 8,40,40",
       .finished = {"volume.zarr/labels/p"},
       .given = "volume.zarr",
       .is_short = true},
      {.name = "convert_hdf5",
       .command = "convert volume.zarr -o out/c.h5",
       .finished = {"c.h5"},
       .is_short = true},
      {.name = "convert_hdf5_dataset",
       .command = "convert volume.zarr -o out/c.h5:/volumes/labels --labels",
       .finished = {"c.h5"},
       .is_short = true},
      {.name = "convert_folder",
       .command = "convert volume.zarr -o out/c",
       .finished = {"c"},
       .is_short = true},
      {.name = "convert_nrrd",
       .command = "convert volume.zarr -o out/c.nrrd",
       .finished = {"c.nrrd"},
       .is_short = true},
      {.name = "convert_precomputed",
       .command = "convert volume.zarr -o out/c.precomputed",
       .finished = {"c.precomputed"},
       .is_short = true},
      {.name = "convert_tiff",
       .command = "convert volume.zarr -o out/c.tif",
       .finished = {"c.tif"},
       .is_short = true},
      {.name = "check",
       .command = "check --set data.images=images --set data.masks=masks -o out/page.html",
       .finished = {"page.html"},
       .is_short = true},
      {.name = "pack",
       .command = "pack pictures volume.zarr volume.tif -o out/p",
       .finished = {"p"},
       .is_short = true},
      {.name = "phantom",
       .command = "demo --phantom-only --shape 160,160,160 --threads 1 -o out/p.zarr",
       .finished = {"p.zarr"}},
  };
}

int kills_each() {
  const char* text = std::getenv("RETINA_KILLS");
  return text == nullptr ? 3 : std::atoi(text);
}

void write_volume(const std::string& path, const core::Vec3& shape) {
  core::Rng rng(11);
  store::CreateOptions how;
  how.shape = shape;
  how.voxel_nm = core::Vec3d{8, 8, 8};
  const auto file = store::create(path, how);
  for (std::int64_t z = 0; z < shape[0]; ++z) {
    core::Array page(core::DType::u8, 1, {1, shape[1], shape[2]});
    for (std::uint8_t& value : page.values<std::uint8_t>()) {
      value = static_cast<std::uint8_t>(rng.integer(0, 255));
    }
    file->write(core::slice_box(shape, 0, z), page);
  }
  file->finish();
}

/// A data set as it is downloaded: images and masks that are paired by their numbers.
void write_downloads(const fs::path& folder) {
  const core::Vec3 shape{1, 512, 512};
  for (const std::string part : {"Train", "Test"}) {
    fs::create_directories(folder / (part + "_In"));
    fs::create_directories(folder / (part + "_Out"));
    for (int i = 0; i < 10; ++i) {
      const std::string number = std::to_string(i);
      write_volume((folder / (part + "_In") / ("mask000" + number + ".png")).string(), shape);
      write_volume((folder / (part + "_Out") / (number + ".png")).string(), shape);
    }
  }
}

/// Labels of images/ that are known in two corners only.
void write_islands(const fs::path& folder) {
  fs::create_directories(folder);
  for (int i = 0; i < 3; ++i) {
    const core::Vec3 shape{1, 96, 96};
    core::Array labels(core::DType::u8, 1, shape);
    std::ranges::fill(labels.values<std::uint8_t>(), 255);
    for (std::int64_t y = 0; y < 32; ++y) {
      for (std::int64_t x = 0; x < 32; ++x) {
        labels.at<std::uint8_t>(0, 0, y, x) = x < 16 ? 1 : 0;
        labels.at<std::uint8_t>(0, 0, y + 50, x + 60) = y < 16 ? 1 : 0;
      }
    }
    const auto file =
        store::create((folder / ("slice" + std::to_string(i) + ".png")).string(), {.shape = shape});
    file->write(core::whole(shape), labels);
    file->finish();
  }
}

/// folder/g.json: four trainings of folder/c.json.
void write_small_comparison(const fs::path& folder) {
  Json training = core::read_json(folder / "c.json");
  training.erase("threads");
  training["data"] = {{"images", "./images"}, {"masks", "./masks"}};
  training["validation"]["data"] = training["data"];
  const Json grid{
      {"datasets", Json::array({{{"name", "blobs"}, {"config", training}}})},
      {"inits", Json::array({{{"name", "random"}}, {{"name", "model"}, {"model", "model"}}})},
      {"seeds", {7}},
      {"labels", {1, "all"}},
      {"checkpoints", {5}},
      {"finetune", {{"steps", 10}}}};
  core::write_atomically(folder / "g.json", std::string_view(grid.dump()));
}

/// The inputs of all jobs, made once.
const fs::path& inputs() {
  static const testing::TempFolder made;
  if (!fs::exists(made / "model")) {
    write_small_training(made.path());
    const Outcome trained =
        run_retina(made.path(), small_training(made.path(), "run") + " --steps 2");
    EXPECT_EQ(trained.exit_code, 0) << trained.standard_error;
    write_blob_dataset(made / "large", 8, 40, 256);
    fs::rename(made / "large/images", made / "pictures");
    const Outcome packed = run_retina(made.path(), "pack pictures -o pictures.pack");
    EXPECT_EQ(packed.exit_code, 0) << packed.standard_error;
    fs::rename(made / "run/model", made / "model");
    fs::remove_all(made / "run");
    write_volume((made / "volume.zarr").string(), {150, 80, 80});
    write_volume((made / "volume.tif").string(), {60, 96, 96});
    write_downloads(made / "downloads");
    write_small_pretraining(made / "p.json");
    write_islands(made / "islands");
    write_small_comparison(made.path());
  }
  return made.path();
}

/// Keeps one core busy, so that the program meets its death at odd places.
class Load {
 public:
  Load()
      : thread_([](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            busy_ = busy_ + 1;
          }
        }) {}

 private:
  static inline volatile std::uint64_t busy_ = 0;
  std::jthread thread_;
};

/// The folder of one job while it is run, killed and compared.
class Workplace {
 public:
  explicit Workplace(const Job& job) : job_(job) {
    for (const char* name :
         {"images", "masks", "pictures", "pictures.pack", "downloads", "model", "volume.zarr",
          "volume.tif", "c.json", "p.json", "g.json", "islands"}) {
      fs::create_symlink(inputs() / name, folder_ / name);
    }
    clear();
  }

  /// Runs the job undisturbed, keeps what it wrote for comparison; the seconds it took.
  double run_whole() {
    const core::Stopwatch watch;
    const Ended ended = start(job_.command).wait();
    EXPECT_EQ(ended.exit_code, 0) << errors();
    whole_ = contents_of(folder_ / "out");
    EXPECT_FALSE(whole_.empty());
    clear();
    return watch.seconds();
  }

  void clear() {
    fs::remove_all(folder_ / "out");
    fs::create_directories(folder_ / "out");
    if (!job_.given.empty()) {
      fs::copy(inputs() / job_.given, folder_ / "out" / job_.given, fs::copy_options::recursive);
    }
    is_begun_ = false;
  }

  /// Starts the job, or goes on with it.
  Process start_or_go_on() {
    const bool goes_on =
        is_begun_ && !job_.again.empty() && fs::exists(folder_ / "out/run/config.yaml");
    is_begun_ = true;
    return start(goes_on ? job_.again : job_.command);
  }

  void expect_no_half_results() const {
    std::vector<std::string> names = job_.finished;
    for (const auto& [name, content] : whole_) {
      if (!job_.finished_prefix.empty() && name.starts_with(job_.finished_prefix) &&
          name.find('/', job_.finished_prefix.size()) == std::string::npos) {
        names.push_back(name);
      }
    }
    for (const std::string& name : names) {
      const auto found = contents_of(folder_ / "out" / name);
      if (!found.empty()) {
        EXPECT_EQ(difference(found, part_of_whole(name)), "") << "under the final name " << name;
      }
    }
  }

  void expect_whole_results() {
    if (is_whole()) {
      return;  // killed on its way out
    }
    const Ended ended = start_or_go_on().wait();
    EXPECT_EQ(ended.exit_code, 0) << errors();
    EXPECT_EQ(found_difference(), "");
  }

  bool is_whole() const { return found_difference().empty(); }

  /// What the last start printed.
  std::string errors() const { return "\n" + slurp(folder_ / "err.txt"); }

 private:
  /// From the undisturbed run; a signal leaves a checkpoint of its own.
  std::string found_difference() const {
    auto found = contents_of(folder_ / "out");
    std::erase_if(found, [&](const auto& entry) {
      return !job_.finished_prefix.empty() && entry.first.starts_with(job_.finished_prefix) &&
             !whole_.contains(entry.first);
    });
    for (const std::string& name : job_.timed) {
      if (found.contains(name) && whole_.contains(name)) {
        found[name] = whole_.at(name);
      }
    }
    return difference(found, whole_);
  }

  Process start(const std::string& arguments) const {
    return Process(folder_.path(), std::string(RETINA_PROGRAM) + " " + arguments);
  }

  std::map<std::string, std::string> part_of_whole(const std::string& name) const {
    std::map<std::string, std::string> part;
    for (const auto& [path, content] : whole_) {
      if (path == name) {
        part[""] = content;
      } else if (path.starts_with(name + "/")) {
        part[path.substr(name.size() + 1)] = content;
      }
    }
    if (part.size() > 1) {
      part.erase("");  // the folder itself
    }
    return part;
  }

  const Job& job_;
  testing::TempFolder folder_;
  std::map<std::string, std::string> whole_;
  bool is_begun_ = false;
};

class KillE2e : public ::testing::TestWithParam<Job> {};

TEST_P(KillE2e, AJobThatIsKilledAndGoesOnGivesTheSameFiles) {
  Workplace place(GetParam());
  const double seconds = place.run_whole();
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  core::Rng rng(seed);
  const Load load;
  int killed = 0;
  for (int tries = 0; killed < kills_each() && tries < 20 * kills_each(); ++tries) {
    Process process = place.start_or_go_on();
    std::this_thread::sleep_for(std::chrono::duration<double>(rng.uniform(0.05, 1.0) * seconds));
    process.signal(SIGKILL);
    const Ended ended = process.wait();
    if (ended.exit_code == 0) {  // it was faster
      place.expect_no_half_results();
      place.clear();
      continue;
    }
    ASSERT_EQ(ended.by_signal, SIGKILL) << "exit code " << ended.exit_code << place.errors();
    ++killed;
    place.expect_no_half_results();
    if (place.is_whole()) {  // killed on its way out; the same command would refuse to replace it
      place.clear();
    }
  }
  EXPECT_EQ(killed, kills_each());
  place.expect_whole_results();
}

TEST_P(KillE2e, SigtermEndsAJobWithin10SecondsAndItGoesOn) {
  Workplace place(GetParam());
  const double seconds = place.run_whole();
  bool is_interrupted = false;
  for (const double share : {0.6, 0.75, 0.5, 0.85, 0.4}) {
    Process process = place.start_or_go_on();
    std::this_thread::sleep_for(std::chrono::duration<double>(share * seconds));
    process.signal(SIGTERM);
    const core::Stopwatch watch;
    const Ended ended = process.wait();
    EXPECT_LT(watch.seconds(), 10);
    const bool was_not_heard_yet = ended.by_signal == SIGTERM;
    EXPECT_TRUE(ended.exit_code == 5 || ended.exit_code == 0 || was_not_heard_yet)
        << "exit code " << ended.exit_code << ", signal " << ended.by_signal;
    is_interrupted = ended.exit_code == 5;
    if (!is_interrupted || GetParam().finished_prefix.empty()) {
      place.expect_no_half_results();  // a signal leaves a checkpoint before a validation that is
                                       // due
    }
    if (is_interrupted || GetParam().is_short) {
      break;
    }
    place.clear();
  }
  EXPECT_TRUE(is_interrupted || GetParam().is_short) << "no signal found it at work";
  if (is_interrupted) {
    place.expect_whole_results();
  }
}

INSTANTIATE_TEST_SUITE_P(Verbs, KillE2e, ::testing::ValuesIn(jobs()),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace retina::e2e
