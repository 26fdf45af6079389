#include "retina/store/gunzip.h"

#include <vector>

#include <gtest/gtest.h>
#include <zlib.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

TEST(Gunzip, DecodesUpToALimit) {
  const testing::TempFolder folder;
  std::vector<std::byte> content(1 << 20);
  for (std::size_t i = 0; i < content.size(); ++i) {
    content[i] = static_cast<std::byte>(i * i / 7 & 0xFF);
  }
  gzFile file = gzopen((folder / "a.gz").c_str(), "wb1");
  gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
  gzclose(file);
  const std::vector<std::byte> packed = core::read_bytes(folder / "a.gz");
  EXPECT_EQ(gunzip(packed, content.size()), content);
  EXPECT_EQ(gunzip(packed, 2 * content.size()), content);
  EXPECT_THROW(gunzip(packed, content.size() - 1), Error);
  EXPECT_THROW(gunzip(std::span(packed).first(packed.size() / 2), content.size()), Error);
  EXPECT_THROW(gunzip(content, content.size()), Error);
  EXPECT_THROW(gunzip({}, content.size()), Error);
}

}  // namespace
}  // namespace retina::store
