#include "retina/tensor/npz.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/tensor/zip.h"
#include "retina/testing/fixtures.h"
#include "retina/testing/python_script.h"
#include "retina/testing/temp_folder.h"

namespace retina::tensor {
namespace {

using ::testing::HasSubstr;

std::vector<std::byte> npz_of(const std::string& header, const std::string& numbers) {
  std::string npy = "\x93NUMPY\x01";
  npy += '\0';
  npy += static_cast<char>(header.size());
  npy += '\0';
  ZipBuilder builder;
  builder.add("x.npy", std::string_view(npy + header + numbers));
  return builder.finish();
}

std::string npz_error(const std::vector<std::byte>& bytes) {
  try {
    parse_npz(bytes, "weights.npz");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), HasSubstr("weights.npz"));
    return error.what();
  }
  return "no error";
}

TEST(Npz, EveryDefectNamesItsMember) {
  const std::string good = "{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }";
  EXPECT_EQ(npz_error(npz_of(good, "abcd")), "no error");
  EXPECT_THAT(npz_error(npz_of(good, "abc")), HasSubstr("bytes"));
  EXPECT_THAT(npz_error(npz_of("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", "abcd")),
              HasSubstr("|O"));
  EXPECT_THAT(npz_error(npz_of("{'descr': '<i2', 'fortran_order': True, 'shape': (2,), }", "abcd")),
              HasSubstr("Fortran"));
  EXPECT_THAT(npz_error(npz_of("{'descr': '<i2', 'fortran_order': False, 'shape': (2,", "abcd")),
              HasSubstr("header"));
  EXPECT_THAT(
      npz_error(npz_of("{'descr': '<i2', 'fortran_order': False, 'shape': (a,), }", "abcd")),
      HasSubstr("shape"));
  EXPECT_THAT(npz_error(npz_of("{'descr': '<f8', 'fortran_order': False, 'shape': "
                               "(4294967296, 4294967296), }",
                               "abcd")),
              HasSubstr("beyond"));
  EXPECT_THAT(npz_error(npz_of("{'descr': '<f8', 'fortran_order': False, 'shape': "
                               "(0, 4611686018427387904, 8), }",
                               "")),
              HasSubstr("beyond"));
}

TEST(NpzE2e, ReadsWhatNumpyWrote) {
  RETINA_SKIP_WITHOUT(testing::tools_python());
  const testing::TempFolder folder;
  testing::run_python(testing::tools_python(), "check_weights.py",
                      "npz '" + folder.path().string() + "'");
  const NamedTensors found = read_npz(folder / "arrays.npz");
  EXPECT_TRUE(found.at("a/kernel").equal(at::arange(24, at::kFloat).view({2, 3, 4})));
  EXPECT_TRUE(found.at("b").equal(at::arange(3, at::kLong)));
  EXPECT_EQ(found.at("c").item<double>(), 2.5);
  EXPECT_EQ(found.at("c").dim(), 0);
  const std::map<std::string, std::vector<std::int64_t>> shapes{
      {"a/kernel", {2, 3, 4}}, {"b", {3}}, {"c", {}}};
  EXPECT_EQ(read_npz_shapes(folder / "arrays.npz"), shapes);
  for (const char* name : {"compressed.npz", "objects.npz", "fortran.npz"}) {
    EXPECT_THROW(read_npz(folder / name), Error) << name;
  }
}

}  // namespace
}  // namespace retina::tensor
