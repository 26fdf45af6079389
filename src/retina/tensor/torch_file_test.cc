#include "retina/tensor/torch_file.h"

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/json.h"
#include "retina/core/rng.h"
#include "retina/tensor/zip.h"
#include "retina/testing/fixtures.h"
#include "retina/testing/python_script.h"
#include "retina/testing/temp_folder.h"

namespace retina::tensor {
namespace {

using ::testing::HasSubstr;

/// As `ramp` of the Python script.
at::Tensor ramp(at::IntArrayRef shape, std::int64_t k, at::ScalarType type) {
  return (at::arange(c10::multiply_integers(shape), at::kDouble) * (k + 1)).reshape(shape).to(type);
}

constexpr at::ScalarType kScriptTypes[] = {at::kFloat, at::kDouble, at::kHalf,  at::kBFloat16,
                                           at::kLong,  at::kInt,    at::kShort, at::kByte};

NamedTensors ramps() {
  NamedTensors all;
  for (std::int64_t k = 0; k < 8; ++k) {
    all.tensors.emplace_back("t" + std::to_string(k), ramp({3, 4}, k, kScriptTypes[k]));
  }
  return all;
}

void expect_ramps(const NamedTensors& found, const std::string& prefix) {
  const NamedTensors expected = ramps();
  ASSERT_EQ(found.tensors.size(), expected.tensors.size());
  for (const auto& [name, tensor] : expected.tensors) {
    const at::Tensor& other = found.at(prefix + name);
    EXPECT_EQ(other.scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(other.equal(tensor)) << name;
  }
}

std::string torch_error(const std::vector<std::byte>& bytes) {
  try {
    parse_torch_file(bytes, "weights.pth");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "no error";
}

std::vector<std::byte> archive_of(std::string_view pickle) {
  ZipBuilder builder;
  builder.add("archive/data.pkl", pickle);
  builder.add("archive/data/0", std::string_view("\0\0\0\0\0\0\0\0", 8));
  return builder.finish();
}

TEST(TorchFile, ReadsBackWhatWasWritten) {
  const testing::TempFolder folder;
  NamedTensors all = ramps();
  all.tensors.emplace_back("scalar", at::scalar_tensor(7, at::kLong));
  all.tensors.emplace_back("empty", at::empty({0, 3}, at::kFloat));
  write_torch_file(folder / "a.pth", all);
  const NamedTensors found = read_torch_file(folder / "a.pth");
  ASSERT_EQ(found.tensors.size(), all.tensors.size());
  for (std::size_t i = 0; i < all.tensors.size(); ++i) {
    EXPECT_EQ(found.tensors[i].first, all.tensors[i].first);
    EXPECT_EQ(found.tensors[i].second.sizes(), all.tensors[i].second.sizes());
    EXPECT_TRUE(found.tensors[i].second.equal(all.tensors[i].second));
  }
}

TEST(TorchFile, NamesWhatItDoesNotKnow) {
  EXPECT_THAT(torch_error(archive_of("cposix\nsystem\n.")), HasSubstr("posix.system"));
  EXPECT_THAT(torch_error(archive_of("i.")), HasSubstr("0x69"));
  EXPECT_THAT(torch_error(archive_of("}")), HasSubstr("end"));
  EXPECT_THAT(torch_error(archive_of("}.")), HasSubstr("without tensors"));
  EXPECT_THAT(torch_error(archive_of("}X\x05" + std::string(3, '\0') + "epochK\x03s.")),
              HasSubstr("without tensors (its keys: 'epoch')"));
  EXPECT_THAT(torch_error(archive_of("K\x01.")), HasSubstr("dictionary"));
  EXPECT_THAT(torch_error(archive_of("R.")), HasSubstr("operands"));
  EXPECT_THAT(torch_error(archive_of(std::string(2'000'000, 'N') + ".")), HasSubstr("values"));
  EXPECT_THAT(torch_error({std::byte{0x80}, std::byte{2}, std::byte{'}'}}), HasSubstr("1.6"));
  EXPECT_THAT(torch_error({}), HasSubstr("zip"));
}

/// A tensor of the storage "0", two floats, with the numbers given.
std::string tensor_pickle(const std::string& offset, const std::string& sizes,
                          const std::string& strides) {
  return "}X\x01" + std::string(3, '\0') + "actorch._utils\n_rebuild_tensor_v2\n((X\x07" +
         std::string(3, '\0') + "storagectorch\nFloatStorage\nX\x01" + std::string(3, '\0') +
         "0X\x03" + std::string(3, '\0') + "cpuK\x02tQ" + offset + "(" + sizes + "t(" + strides +
         "t\x89}tRs.";
}

TEST(TorchFile, TensorsBeyondTheirDataAreRefused) {
  const auto read = [](const std::string& pickle) { return torch_error(archive_of(pickle)); };
  EXPECT_EQ(read(tensor_pickle("K\x01", "K\x01", "K\x01")), "no error");
  const std::string huge = "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f";
  for (const std::string& pickle :
       {tensor_pickle("K\x02", "K\x01", "K\x01"), tensor_pickle(huge, "K\x01", "K\x01"),
        tensor_pickle("K" + std::string(1, '\0'), "K\x03", "K\x01"),
        tensor_pickle("K" + std::string(1, '\0'), "K\x02", huge),
        tensor_pickle("J\xff\xff\xff\xff", "K\x01", "K\x01")}) {
    EXPECT_THAT(read(pickle), HasSubstr("beyond its data"));
  }
}

TEST(TorchFile, AnExpandedTensorIsReadUnlessItIsHuge) {
  const std::string zero = "K" + std::string(1, '\0');
  const auto archive = archive_of(tensor_pickle(zero, "K\x05K\x02", zero + "K\x01"));
  EXPECT_EQ(parse_torch_file(archive, "weights.pth").at("a").sizes(),
            (std::vector<std::int64_t>{5, 2}));
  const std::string beyond = "J" + std::string(3, '\0') + "\x01";  // 64 MiB of floats
  const std::string huge = "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f";
  for (const std::string& pickle :
       {tensor_pickle(zero, beyond, zero), tensor_pickle(zero, huge, zero),
        tensor_pickle(zero, huge + huge, zero + zero),
        tensor_pickle(zero, zero + huge + huge, zero + zero + zero)}) {
    EXPECT_THAT(torch_error(archive_of(pickle)), HasSubstr("much larger than the file"));
  }
}

/// Python's torch puts storages at multiples of 64 bytes; other writers put them anywhere.
TEST(TorchFile, AStorageMayLieAtAnyAddress) {
  const std::vector<std::byte> archive = archive_of(tensor_pickle("K\x01", "K\x01", "K\x01"));
  for (std::size_t shift = 0; shift < 4; ++shift) {
    std::vector<std::byte> moved(shift);
    moved.insert(moved.end(), archive.begin(), archive.end());
    const auto bytes = std::span<const std::byte>(moved).subspan(shift);
    EXPECT_EQ(parse_torch_file(bytes, "weights.pth").at("a").item<float>(), 0);
  }
}

TEST(TorchFile, RandomChangesAreSurvived) {
  const testing::TempFolder folder;
  write_torch_file(folder / "a.pth", ramps());
  const std::vector<std::byte> good = core::read_bytes(folder / "a.pth");
  core::Rng rng(5);
  for (int trial = 0; trial < 3000; ++trial) {
    std::vector<std::byte> bad = good;
    for (std::int64_t k = rng.integer(1, 4); k > 0; --k) {
      const auto at =
          static_cast<std::size_t>(rng.integer(0, static_cast<std::int64_t>(bad.size()) - 1));
      bad[at] = static_cast<std::byte>(rng.integer(0, 255));
    }
    try {
      parse_torch_file(bad, "bad.pth");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_data) << error.what();
    }
  }
}

TEST(TorchFileE2e, ReadsWhatPythonWrote) {
  RETINA_SKIP_WITHOUT(testing::torch_python());
  const testing::TempFolder folder;
  testing::run_python(testing::torch_python(), "check_weights.py",
                      "write '" + folder.path().string() + "'");
  expect_ramps(read_torch_file(folder / "state.pth"), "");
  expect_ramps(read_torch_file(folder / "checkpoint.pt"), "module.");
  const NamedTensors views = read_torch_file(folder / "views.pth");
  const at::Tensor whole = ramp({6, 4}, 0, at::kFloat);
  EXPECT_TRUE(views.at("rows").equal(whole.slice(0, 2, 4)));
  EXPECT_TRUE(views.at("turned").equal(whole.t()));
  EXPECT_EQ(views.at("scalar").item<std::int64_t>(), 7);
  EXPECT_EQ(views.at("empty").sizes(), (std::vector<std::int64_t>{0, 3}));
  EXPECT_TRUE(views.at("parameter").equal(ramp({2, 2}, 4, at::kFloat)));
  EXPECT_EQ(read_torch_file(folder / "module_state.pth").tensors.size(), 5U);
  EXPECT_THAT(torch_error(core::read_bytes(folder / "legacy.pth")), HasSubstr("weights_only=True"));
  EXPECT_THAT(torch_error(core::read_bytes(folder / "module.pth")), HasSubstr("torch.nn.modules"));
  EXPECT_THAT(torch_error(core::read_bytes(folder / "harmful.pth")), HasSubstr("print"));
  EXPECT_THAT(torch_error(core::read_bytes(folder / "list.pth")), HasSubstr("dictionary"));
}

TEST(TorchFileE2e, ReadsTheViewsThatPythonReads) {
  RETINA_SKIP_WITHOUT(testing::torch_python());
  const testing::TempFolder folder;
  testing::run_python(testing::torch_python(), "check_weights.py",
                      "write '" + folder.path().string() + "'");
  const NamedTensors split = read_torch_file(folder / "split.pth");
  const at::Tensor joint = ramp({400, 1200}, 0, at::kFloat);
  for (const auto& [name, first] : {std::pair("q", 0), std::pair("k", 400), std::pair("v", 800)}) {
    EXPECT_TRUE(split.at(name).equal(joint.narrow(1, first, 400))) << name;
    EXPECT_TRUE(split.at(name).is_contiguous()) << name;
  }
  const at::Tensor expanded = read_torch_file(folder / "expanded.pth").at("w");
  EXPECT_TRUE(expanded.equal(ramp({64, 1, 7, 7}, 0, at::kFloat).expand({64, 3, 7, 7})));
  EXPECT_TRUE(expanded.is_contiguous());
  EXPECT_THAT(torch_error(core::read_bytes(folder / "expanded_far.pth")),
              HasSubstr("much larger than the file"));
  EXPECT_THAT(torch_error(core::read_bytes(folder / "negated.pth")), HasSubstr("'neg'"));
}

TEST(TorchFileE2e, FindsTheStateDictOfACheckpoint) {
  RETINA_SKIP_WITHOUT(testing::torch_python());
  const testing::TempFolder folder;
  testing::run_python(testing::torch_python(), "check_weights.py",
                      "write '" + folder.path().string() + "'");
  for (const char* name : {"net.pth", "weights.pth", "flat.pth"}) {
    SCOPED_TRACE(name);
    expect_ramps(read_torch_file(folder / name), "");
  }
  EXPECT_THAT(torch_error(core::read_bytes(folder / "two.pth")),
              HasSubstr("several dictionaries of tensors (its keys: 'net', 'averaged', 'epoch')"));
}

TEST(TorchFileE2e, PythonReadsWhatWasWritten) {
  RETINA_SKIP_WITHOUT(testing::torch_python());
  const testing::TempFolder folder;
  write_torch_file(folder / "ours.pth", ramps());
  const Json found = Json::parse(testing::run_python(testing::torch_python(), "check_weights.py",
                                                     "read '" + folder.path().string() + "'"));
  EXPECT_EQ(found.at("ours.pth").size(), 8U);
  EXPECT_EQ(found.at("ours.pth").at("t3"), Json::parse(R"(["torch.bfloat16", [3, 4]])"));
}

}  // namespace
}  // namespace retina::tensor
