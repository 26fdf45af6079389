#include "retina/tensor/safetensors.h"

#include <cstdlib>
#include <cstring>
#include <fstream>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/rng.h"
#include "retina/testing/fixtures.h"
#include "retina/testing/temp_folder.h"

namespace retina::tensor {
namespace {

using ::testing::HasSubstr;

std::vector<std::byte> file_bytes(const std::string& header, std::size_t data_bytes) {
  std::vector<std::byte> bytes(8 + header.size() + data_bytes);
  const std::uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  return bytes;
}

std::string parse_error(const std::vector<std::byte>& bytes) {
  try {
    parse_safetensors(bytes, "weights.safetensors");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), HasSubstr("weights.safetensors"));
    return error.what();
  }
  return "no error";
}

NamedTensors one_of_each() {
  NamedTensors all;
  const at::Tensor values = at::tensor({0.0, 1.0, 0.5, -2.0, 1.0, 0.0}).view({2, 3});
  for (const at::ScalarType type : {at::kBool, at::kByte, at::kChar, at::kShort, at::kInt,
                                    at::kLong, at::kHalf, at::kBFloat16, at::kFloat, at::kDouble}) {
    const at::Tensor whole = type == at::kByte ? values.abs() : values;
    all.tensors.emplace_back(std::string(at::toString(type)), whole.to(type));
  }
  all.tensors.emplace_back("scalar", at::scalar_tensor(7, at::kLong));
  all.tensors.emplace_back("empty", at::empty({0, 3}, at::kFloat));
  all.metadata = {{"format", "pt"}, {"note", "line\nbreak \"quoted\" \u00e4"}};
  return all;
}

void expect_equal(const NamedTensors& actual, const NamedTensors& expected) {
  EXPECT_EQ(actual.metadata, expected.metadata);
  ASSERT_EQ(actual.tensors.size(), expected.tensors.size());
  for (const auto& [name, tensor] : expected.tensors) {
    const at::Tensor& other = actual.at(name);
    EXPECT_EQ(other.scalar_type(), tensor.scalar_type()) << name;
    EXPECT_EQ(other.sizes(), tensor.sizes()) << name;
    EXPECT_TRUE(at::equal(other, tensor)) << name;
  }
}

TEST(Safetensors, ReadOfWriteIsTheSame) {
  const testing::TempFolder folder;
  const NamedTensors all = one_of_each();
  write_safetensors(folder / "all.safetensors", all);
  const NamedTensors read = read_safetensors(folder / "all.safetensors");
  expect_equal(read, all);
  for (std::size_t i = 0; i < all.tensors.size(); ++i) {
    EXPECT_EQ(read.tensors[i].first, all.tensors[i].first) << "order of writing";
  }
}

TEST(Safetensors, WritesStridedTensorsInLogicalOrder) {
  const testing::TempFolder folder;
  const at::Tensor transposed = at::arange(6, at::kFloat).view({2, 3}).t();
  write_safetensors(folder / "t", {.tensors = {{"t", transposed}}, .metadata = {}});
  EXPECT_TRUE(at::equal(read_safetensors(folder / "t").at("t"), transposed));
}

TEST(Safetensors, NoTensorsAreAFileToo) {
  const testing::TempFolder folder;
  write_safetensors(folder / "none", {});
  EXPECT_TRUE(read_safetensors(folder / "none").tensors.empty());
}

TEST(Safetensors, RefusesToWriteANameTwice) {
  const testing::TempFolder folder;
  const NamedTensors twice{.tensors = {{"a", at::ones({1})}, {"a", at::ones({1})}}, .metadata = {}};
  EXPECT_THROW(write_safetensors(folder / "twice", twice), Error);
  EXPECT_FALSE(std::filesystem::exists(folder / "twice"));
}

TEST(Safetensors, MissingTensorIsNamed) {
  const NamedTensors none;
  EXPECT_EQ(none.find("a"), nullptr);
  try {
    none.at("position_embeddings");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("position_embeddings"));
  }
}

struct DamagedHeader {
  const char* what;
  const char* header;
  std::size_t data_bytes;
  const char* message;
};

class SafetensorsDamage : public ::testing::TestWithParam<DamagedHeader> {};

TEST_P(SafetensorsDamage, IsNamed) {
  const DamagedHeader& damage = GetParam();
  EXPECT_THAT(parse_error(file_bytes(damage.header, damage.data_bytes)), HasSubstr(damage.message));
}

INSTANTIATE_TEST_SUITE_P(
    Headers, SafetensorsDamage,
    ::testing::Values(
        DamagedHeader{"no_object", "[1]", 0, "does not start with '{'"},
        DamagedHeader{"empty", "", 0, "does not start with '{'"},
        DamagedHeader{"cut", "{\"a\": {", 0, "not JSON"},
        DamagedHeader{"not_utf8", "{\"\xff\": {}}", 0, "not JSON"},
        DamagedHeader{"deep", "{\"a\":[[[[[1]]]]]}", 0, "deeper"},
        DamagedHeader{"no_table", "{\"a\":3}", 0, "described by"},
        DamagedHeader{"missing_field", R"({"a":{"dtype":"U8","shape":[1],"offsets":[0,1]}})", 1,
                      "no 'data_offsets'"},
        DamagedHeader{"surplus_field",
                      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}})", 1,
                      "described by 4"},
        DamagedHeader{"twice",
                      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                      R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                      2, "'a' twice"},
        DamagedHeader{"dtype", R"({"a":{"dtype":"F33","shape":[1],"data_offsets":[0,1]}})", 1,
                      "F33"},
        DamagedHeader{"dtype_case", R"({"a":{"dtype":"u8","shape":[1],"data_offsets":[0,1]}})", 1,
                      "dtype"},
        DamagedHeader{"negative", R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1,
                      "-1"},
        DamagedHeader{"fraction", R"({"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}})", 1,
                      "1.5"},
        DamagedHeader{
            "overflow",
            R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,0]}})", 0,
            "63 bits"},
        DamagedHeader{
            "overflow_of_an_empty_tensor",
            R"({"a":{"dtype":"F32","shape":[0,4611686018427387904,8],"data_offsets":[0,0]}})", 0,
            "63 bits"},
        DamagedHeader{"size_lies", R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4,
                      "8 bytes"},
        DamagedHeader{"reversed", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", 1,
                      "[1, 0)"},
        DamagedHeader{"truncated", R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 7,
                      "truncated"},
        DamagedHeader{"surplus_data", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 2,
                      "surplus"},
        DamagedHeader{"hole", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2,
                      "a hole"},
        DamagedHeader{"overlap",
                      R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                      R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
                      3, "an overlap"},
        DamagedHeader{"metadata", R"({"__metadata__":{"a":1}})", 0, "__metadata__"},
        DamagedHeader{"metadata_list", R"({"__metadata__":[]})", 0, "__metadata__"}),
    [](const auto& test) { return test.param.what; });

TEST(Safetensors, RefusesTruthValuesOtherThanZeroAndOne) {
  std::vector<std::byte> bytes =
      file_bytes(R"({"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}})", 1);
  bytes.back() = std::byte{2};
  EXPECT_THAT(parse_error(bytes), HasSubstr("truth value 2"));
}

TEST(Safetensors, RefusesShortAndOversizedHeaders) {
  EXPECT_THAT(parse_error(std::vector<std::byte>(7)), HasSubstr("7 bytes"));
  std::vector<std::byte> bytes = file_bytes("{}", 0);
  bytes[0] = std::byte{200};
  EXPECT_THAT(parse_error(bytes), HasSubstr("truncated"));
  bytes[4] = std::byte{1};
  EXPECT_THAT(parse_error(bytes), HasSubstr("at most 100000000"));
}

TEST(Safetensors, AnyDamagedByteIsAnErrorOrAFile) {
  const testing::TempFolder folder;
  write_safetensors(folder / "all", one_of_each());
  const std::vector<std::byte> good = core::read_bytes(folder / "all");
  core::Rng random(20250528);
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::byte> bytes = good;
    const auto last = static_cast<std::int64_t>(bytes.size()) - 1;
    for (std::int64_t change = random.integer(1, 4); change > 0; --change) {
      bytes[static_cast<std::size_t>(random.integer(0, last))] =
          static_cast<std::byte>(random.integer(0, 255));
    }
    if (random.chance(0.2)) {
      bytes.resize(static_cast<std::size_t>(random.integer(0, last)));
    }
    try {
      parse_safetensors(bytes, "fuzz");
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ErrorKind::bad_data) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, 1500);
}

/// The Python of the tools environment; its absence skips the conformance tests.
using testing::tools_python;

int run_python(const testing::TempFolder& folder, const std::string& code) {
  std::ofstream(folder / "check.py") << code;
  return std::system(fmt::format("'{}' '{}' '{}'", tools_python().string(),
                                 (folder / "check.py").string(), folder.path().string())
                         .c_str());
}

TEST(SafetensorsConformance, PythonReadsOurFiles) {
  RETINA_SKIP_WITHOUT(tools_python());
  const testing::TempFolder folder;
  NamedTensors ours = one_of_each();
  // numpy knows no bfloat16
  std::erase_if(ours.tensors, [](const auto& entry) { return entry.first == "BFloat16"; });
  write_safetensors(folder / "ours.safetensors", ours);
  EXPECT_EQ(run_python(folder, R"(
import sys, numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file
path = sys.argv[1] + '/ours.safetensors'
t = load_file(path)
want = np.array([[0, 1, .5], [-2, 1, 0]])
types = dict(Bool='bool', Byte='uint8', Char='int8', Short='int16', Int='int32', Long='int64', Half='float16',
             Float='float32', Double='float64')
for name, dtype in types.items():
    w = (np.abs(want) if name == 'Byte' else want).astype(dtype)
    assert t[name].dtype == dtype and (t[name] == w).all(), name
assert t['scalar'].shape == () and t['scalar'] == 7 and t['empty'].shape == (0, 3) and len(t) == 11
assert safe_open(path, 'np').metadata() == {'format': 'pt', 'note': 'line\nbreak "quoted" \u00e4'}
)"),
            0);
}

TEST(SafetensorsConformance, WeReadFilesOfPython) {
  RETINA_SKIP_WITHOUT(tools_python());
  const testing::TempFolder folder;
  ASSERT_EQ(run_python(folder, R"(
import sys, numpy as np
from safetensors.numpy import save_file
want = np.array([[0, 1, .5], [-2, 1, 0]])
t = {n: want.astype(n) for n in ('bool', 'int8', 'int16', 'int32', 'int64', 'float16', 'float32', 'float64')}
t['uint8'] = np.abs(want).astype('uint8')
t['scalar'] = np.array(7, 'int64')
t['empty'] = np.zeros((0, 3), 'float32')
save_file(t, sys.argv[1] + '/theirs.safetensors', metadata={'note': '\u00e4'})
)"),
            0);
  const NamedTensors theirs = read_safetensors(folder / "theirs.safetensors");
  EXPECT_EQ(theirs.tensors.size(), 11U);
  EXPECT_EQ(theirs.metadata.at("note"), "\u00e4");
  const NamedTensors ours = one_of_each();
  const std::map<std::string, std::string> names = {
      {"bool", "Bool"},      {"uint8", "Byte"},    {"int8", "Char"},    {"int16", "Short"},
      {"int32", "Int"},      {"int64", "Long"},    {"float16", "Half"}, {"float32", "Float"},
      {"float64", "Double"}, {"scalar", "scalar"}, {"empty", "empty"}};
  for (const auto& [their_name, our_name] : names) {
    EXPECT_EQ(theirs.at(their_name).scalar_type(), ours.at(our_name).scalar_type()) << their_name;
    EXPECT_TRUE(at::equal(theirs.at(their_name), ours.at(our_name))) << their_name;
  }
}

}  // namespace
}  // namespace retina::tensor
