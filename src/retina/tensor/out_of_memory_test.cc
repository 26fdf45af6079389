#include "retina/tensor/out_of_memory.h"

#include <new>

#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::tensor {
namespace {

TEST(OutOfMemory, IsToldFromOtherErrors) {
  EXPECT_TRUE(fits_memory([] {}));
  EXPECT_FALSE(fits_memory([] { throw std::bad_alloc(); }));
  EXPECT_FALSE(
      fits_memory([] { TORCH_CHECK_WITH(OutOfMemoryError, false, "CUDA out of memory"); }));
  EXPECT_FALSE(fits_memory([] { at::empty({std::int64_t{1} << 60}, at::kByte); }));
  EXPECT_FALSE(fits_memory([] { TORCH_CHECK(false, "FIND was unable to find an engine"); }));
  EXPECT_THROW(fits_memory([] { TORCH_CHECK(false, "sizes differ"); }), c10::Error);
  EXPECT_THROW(fits_memory([] { throw Error(ErrorKind::usage, "x"); }), Error);
}

TEST(OutOfMemoryGpu, IsToldAndLeavesTheDeviceUsable) {
  if (!at::hasCUDA()) {
    GTEST_SKIP() << "absent: a CUDA device";
  }
  const auto options = at::TensorOptions(at::kByte).device(at::kCUDA);
  EXPECT_FALSE(fits_memory([&] { at::empty({std::int64_t{1} << 50}, options); }));
  EXPECT_EQ(at::ones({4}, options).sum().item<std::int64_t>(), 4);
}

TEST(OutOfMemory, BatchesAreHalvedLoudlyDownToOne) {
  std::string said;
  const auto warn = [&](const std::string& text) { said = text; };
  EXPECT_EQ(halve_batch(5, "prediction", warn), 2);
  EXPECT_NE(said.find("batch of 5"), std::string::npos);
  EXPECT_EQ(halve_batch(2, "prediction", warn), 1);
  try {
    halve_batch(1, "prediction", warn);
    FAIL() << "one window does not fit either";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
  }
}

}  // namespace
}  // namespace retina::tensor
