#include "retina/tensor/pickle.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::tensor {
namespace {

using ::testing::HasSubstr;

std::string pickle_error(std::string_view pickle) {
  const RebuildTensor rebuild = [](const auto&...) { return at::Tensor(); };
  try {
    unpickle(std::as_bytes(std::span(pickle)), rebuild, "weights.pth");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "no error";
}

TEST(Pickle, ContainersCannotGrowWithoutLimit) {
  std::string nested = ")";
  for (int i = 0; i < 100; ++i) {
    nested += '\x85';
  }
  EXPECT_THAT(pickle_error(nested + "."), HasSubstr("too deep"));
  EXPECT_THAT(pickle_error("]q\x01h\x01."), HasSubstr("elsewhere"));
  EXPECT_THAT(pickle_error(std::string(2'000'000, 'N') + "."), HasSubstr("values"));
}

/// A text of `size` bytes as an instruction.
std::string text_pickle(std::uint32_t size) {
  std::string out = "X";
  for (int shift = 0; shift < 32; shift += 8) {
    out += static_cast<char>((size >> shift) & 0xFFU);
  }
  return out + std::string(size, 'a');
}

TEST(Pickle, WhatIsRepeatedIsSmall) {
  const std::string text = text_pickle(10'000);
  const std::string tuple = text + "\x85q\x01";
  EXPECT_THAT(pickle_error(tuple + "h\x01."), HasSubstr("elsewhere"));
  const std::string storage =
      "(" + text_pickle(7).substr(0, 5) + "storagectorch\nFloatStorage\n" + text + "tQq\x01";
  EXPECT_THAT(pickle_error(storage + "h\x01."), HasSubstr("elsewhere"));
  std::string copies = text_pickle(200) + "q\x01";
  std::string stores = text_pickle(200);
  for (int i = 0; i < 400'000; ++i) {
    copies += "h\x01";
    stores += '\x94';
  }
  EXPECT_THAT(pickle_error(copies + "."), HasSubstr("repeated text"));
  EXPECT_THAT(pickle_error(stores + "."), HasSubstr("repeated text"));
}

}  // namespace
}  // namespace retina::tensor
