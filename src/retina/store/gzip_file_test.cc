#include "retina/store/gzip_file.h"

#include <future>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/rng.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

constexpr std::int64_t kContent = 1 << 20;

/// Byte i is i * i / 7, low bits.
std::byte content_at(std::int64_t i) {
  return static_cast<std::byte>(i * i / 7 & 0xFF);
}

std::filesystem::path write_gzip(const testing::TempFolder& folder) {
  std::vector<std::byte> content(kContent);
  for (std::int64_t i = 0; i < kContent; ++i) {
    content[static_cast<std::size_t>(i)] = content_at(i);
  }
  const std::filesystem::path path = folder / "a.gz";
  gzFile file = gzopen(path.c_str(), "wb1");
  gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
  gzclose(file);
  return path;
}

int wrong_reads(GzipFile& file, std::uint64_t seed) {
  core::Rng rng(seed);
  int wrong = 0;
  for (int i = 0; i < 20; ++i) {
    const std::int64_t start = rng.integer(0, kContent - 1);
    std::vector<std::byte> out(static_cast<std::size_t>(rng.integer(1, kContent - start)));
    file.read(start, out);
    for (std::size_t k = 0; k < out.size(); k += 97) {
      wrong += out[k] == content_at(start + static_cast<std::int64_t>(k)) ? 0 : 1;
    }
  }
  return wrong;
}

TEST(GzipFile, ReadsAnywhereFromSeveralThreads) {
  const testing::TempFolder folder;
  GzipFile file(write_gzip(folder));
  EXPECT_GE(file.most_content(), kContent);
  std::vector<std::future<int>> threads;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    threads.push_back(
        std::async(std::launch::async, [&file, seed] { return wrong_reads(file, seed); }));
  }
  for (auto& thread : threads) {
    EXPECT_EQ(thread.get(), 0);
  }
}

TEST(Gunzip, DecodesUpToALimit) {
  const testing::TempFolder folder;
  const std::vector<std::byte> packed = core::read_bytes(write_gzip(folder));
  const std::vector<std::byte> content = gunzip(packed, kContent);
  ASSERT_EQ(content.size(), static_cast<std::size_t>(kContent));
  EXPECT_EQ(content.back(), content_at(kContent - 1));
  EXPECT_EQ(gunzip(packed, 2 * kContent).size(), content.size());
  EXPECT_THROW(gunzip(packed, kContent - 1), Error);
  EXPECT_THROW(gunzip(std::span(packed).first(packed.size() / 2), kContent), Error);
  EXPECT_THROW(gunzip(std::span(content), kContent), Error);
  EXPECT_THROW(gunzip({}, kContent), Error);
}

TEST(GzipFile, DamageAndEarlyEndsAreErrors) {
  const testing::TempFolder folder;
  const std::filesystem::path path = write_gzip(folder);
  std::vector<std::byte> out(kContent);
  EXPECT_THROW(GzipFile(path).read(1, out), Error);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  try {
    GzipFile(path).read(0, out);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("a.gz"));
  }
  EXPECT_THROW(GzipFile(folder / "absent.gz"), Error);
}

}  // namespace
}  // namespace retina::store
