#include "retina/report/event_file.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/testing/fixtures.h"
#include "retina/testing/temp_folder.h"

namespace retina::report {
namespace {

TEST(EventFile, TensorBoardReadsItBack) {
  const auto python = testing::tools_python();
  RETINA_SKIP_WITHOUT(python);
  const testing::TempFolder folder;
  {
    EventFile events(folder / "events.out.tfevents.retina");
    for (std::int64_t step : {0, 150, 70000}) {
      const std::pair<std::string, double> value{"validation/iou",
                                                 0.25 + static_cast<double>(step)};
      events.scalars(step, 3.5, std::span(&value, 1));
    }
  }
  const std::string script =
      "import sys\n"
      "try:\n"
      " from tensorboard.backend.event_processing.event_accumulator import EventAccumulator\n"
      "except ImportError:\n sys.exit(77)\n"
      "a=EventAccumulator(sys.argv[1]); a.Reload()\n"
      "got=[(e.step,e.value,e.wall_time) for e in a.Scalars('validation/iou')]\n"
      "print(got); sys.exit(0 if got==[(s,s+.25,3.5) for s in (0,150,70000)] else 1)\n";
  core::write_atomically(folder / "read.py", std::string_view(script));
  const std::string command = python.string() + " " + (folder / "read.py").string() + " " +
                              folder.path().string() + " 2>/dev/null";
  const int status = std::system(command.c_str());
  if (WEXITSTATUS(status) == 77) {
    GTEST_SKIP() << "absent: Python package tensorboard";
  }
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace retina::report
