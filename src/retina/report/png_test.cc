#include "retina/report/png.h"

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/testing/fixtures.h"
#include "retina/testing/temp_folder.h"

namespace retina::report {
namespace {

TEST(Png, PythonReadsBackColoursExactly) {
  const auto python = testing::tools_python();
  RETINA_SKIP_WITHOUT(python);
  core::Array pixels(core::DType::u8, 3, {1, 37, 53});
  std::uint32_t value = 1;
  for (std::uint8_t& pixel : pixels.values<std::uint8_t>()) {
    value = value * 1664525U + 1013904223U;
    pixel = static_cast<std::uint8_t>(value >> 24);
  }
  const testing::TempFolder folder;
  core::write_atomically(folder / "a.png", encode_png(pixels));
  core::write_atomically(folder / "a.raw", pixels.bytes());

  const std::string script =
      "import sys,numpy as n\n"
      "try:\n import imageio.v3 as io\nexcept ImportError:\n sys.exit(77)\n"
      "p=sys.argv[1]; a=io.imread(p+'/a.png'); b=n.fromfile(p+'/a.raw',n.uint8).reshape(3,37,53)\n"
      "sys.exit(0 if (a.transpose(2,0,1)==b).all() else 1)\n";
  core::write_atomically(folder / "read.py", std::string_view(script));
  const std::string command =
      python.string() + " " + (folder / "read.py").string() + " " + folder.path().string();
  const int status = std::system(command.c_str());
  if (WEXITSTATUS(status) == 77) {
    GTEST_SKIP() << "absent: Python package imageio";
  }
  EXPECT_EQ(status, 0);
}

TEST(Png, RefusesPicturesOfTwoChannels) {
  EXPECT_THROW(encode_png(core::Array(core::DType::u8, 2, {1, 4, 4})), Error);
}

}  // namespace
}  // namespace retina::report
