#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <regex>
#include <thread>
#include <vector>

#include "kill_inputs.h"
#include "kill_jobs.h"
#include "process.h"
#include "tree.h"
#include <gtest/gtest.h>

#include "retina/core/clock.h"
#include "retina/core/file.h"
#include "retina/testing/temp_folder.h"

namespace retina::e2e {
namespace {

/// A network that has this much beside what it needs at least predicts one block of tall.zarr at a
/// time: 64 planes take 22 MiB, and 32 are what it needs.
constexpr std::int64_t kSpareBytes = std::int64_t{5} << 20;

int kills_each() {
  const char* text = std::getenv("RETINA_KILLS");
  return text == nullptr ? 1 : std::atoi(text);
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
    for (const auto& entry : fs::directory_iterator(inputs().folder_for(job.command))) {
      fs::create_symlink(entry.path(), folder_ / entry.path().filename().string());
    }
    clear();
    if (job.is_tight) {
      command_ += tight_memory();
    }
  }

  /// Runs the job undisturbed, keeps what it wrote for comparison and how long it was at work.
  void run_whole() {
    Process process = start(command_);
    wait_until_begun();
    const core::Stopwatch watch;
    const Ended ended = process.wait();
    EXPECT_EQ(ended.exit_code, 0) << errors();
    work_s_ = watch.seconds();
    whole_ = contents_of(folder_ / "out");
    EXPECT_FALSE(whole_.empty());
    clear();
  }

  /// Lets a job that was started work for a share of the time that it took undisturbed.
  void let_work(double share) const {
    wait_until_begun();
    std::this_thread::sleep_for(std::chrono::duration<double>(share * work_s_));
  }

  void clear() {
    fs::remove_all(folder_ / "out");
    fs::create_directories(folder_ / "out");
    if (!job_.given.empty()) {
      fs::copy(fs::read_symlink(folder_ / job_.given), folder_ / "out" / job_.given,
               fs::copy_options::recursive);
    }
    is_begun_ = false;
  }

  /// Starts the job, or goes on with it.
  Process start_or_go_on() {
    const bool goes_on =
        is_begun_ && !job_.again.empty() && fs::exists(folder_ / "out/run/config.yaml");
    is_begun_ = true;
    return start(goes_on ? job_.again : command_);
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
  static KillInputs& inputs() {
    static KillInputs made;
    return made;
  }

  /// A flag that leaves hardly more memory than the job needs at least, as it says itself.
  std::string tight_memory() const {
    EXPECT_EQ(start(command_ + " --max-ram 1MiB").wait().exit_code, 4) << errors();
    const std::string text = errors();
    std::smatch least;
    if (!std::regex_search(text, least, std::regex("at least ([0-9.]+) ([KMG]iB)"))) {
      ADD_FAILURE() << "no memory is named that would be enough: " << text;
      return "";
    }
    return " --max-ram " +
           std::to_string(core::parse_size(least[1].str() + least[2].str()) + kSpareBytes);
  }

  /// Until the job has begun to write, where that can be seen; or has surely ended.
  void wait_until_begun() const {
    constexpr double kLongest_s = 20;
    const core::Stopwatch watch;
    while (!job_.begun.empty() && !fs::exists(folder_ / "out" / job_.begun) &&
           watch.seconds() < kLongest_s && !has_finished()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  bool has_finished() const {
    return std::any_of(job_.finished.begin(), job_.finished.end(),
                       [&](const std::string& name) { return fs::exists(folder_ / "out" / name); });
  }

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
  std::string command_ = job_.command;
  testing::TempFolder folder_;
  double work_s_ = 0;
  std::map<std::string, std::string> whole_;
  bool is_begun_ = false;
};

class KillE2e : public ::testing::TestWithParam<Job> {};

TEST_P(KillE2e, AJobThatIsKilledAndGoesOnGivesTheSameFiles) {
  Workplace place(GetParam());
  place.run_whole();
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  core::Rng rng(seed);
  const Load load;
  int killed = 0;
  for (int tries = 0; killed < kills_each() && tries < 20 * kills_each(); ++tries) {
    Process process = place.start_or_go_on();
    place.let_work(rng.uniform(0.05, 1.0));
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
  place.run_whole();
  bool is_interrupted = false;
  for (const double share : {0.6, 0.75, 0.5, 0.85, 0.4, 0.2, 0.1}) {
    Process process = place.start_or_go_on();
    place.let_work(share);
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
