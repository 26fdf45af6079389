#include "retina/store/inflated_bytes.h"

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "retina/core/error.h"
#include "retina/core/rng.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

constexpr int kAsGzip = 31;
constexpr int kAsZlib = 15;

/// Bytes that compress a little, with repeats at many distances.
std::vector<std::byte> half_random_bytes(std::size_t count) {
  std::vector<std::byte> bytes(count);
  core::Rng rng(5);
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < count; ++i) {
    word = i % 16 == 0 ? static_cast<std::uint64_t>(rng.integer(0, 1 << 30)) : word;
    bytes[i] =
        i % 3 == 0 && i > 20000 ? bytes[i - 20000] : static_cast<std::byte>(word >> (i % 16));
  }
  return bytes;
}

std::string deflated(std::span<const std::byte> bytes, int form) {
  z_stream z{};
  deflateInit2(&z, 1, Z_DEFLATED, form, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, static_cast<uLong>(bytes.size())), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

std::filesystem::path save_stream(const testing::TempFolder& folder, const std::string& stream) {
  std::ofstream(folder / "a.gz", std::ios::binary) << "header" << stream;
  return folder / "a.gz";
}

void expect_random_reads(const InflatedBytes& source, std::span<const std::byte> truth) {
  core::Rng rng(1);
  std::vector<std::byte> part;
  for (int i = 0; i < 30; ++i) {
    const auto start =
        static_cast<std::size_t>(rng.integer(0, static_cast<std::int64_t>(truth.size()) - 1));
    part.resize(std::min<std::size_t>(truth.size() - start,
                                      static_cast<std::size_t>(rng.integer(1, 1 << 20))));
    source.read(static_cast<std::int64_t>(start), part);
    ASSERT_TRUE(
        std::equal(part.begin(), part.end(), truth.begin() + static_cast<std::ptrdiff_t>(start)))
        << start;
  }
}

TEST(InflatedBytes, ReadsAnywhereInGzipAndZlib) {
  const std::vector<std::byte> truth = half_random_bytes(11 << 20);  // passes two remembered places
  for (const int form : {kAsGzip, kAsZlib}) {
    const testing::TempFolder folder;
    const auto path = save_stream(folder, deflated(truth, form));
    shared_cache().set_budget(std::int64_t{2} << 20);  // most blocks are decoded again
    const InflatedBytes source(path, 6, static_cast<std::int64_t>(truth.size()));
    expect_random_reads(source, truth);
    shared_cache().set_budget(std::int64_t{256} << 20);
  }
}

TEST(InflatedBytes, ReadsStreamsAfterEachOther) {
  const std::vector<std::byte> truth = half_random_bytes(9 << 20);
  const auto half = std::span(truth).first(truth.size() / 2);
  const auto rest = std::span(truth).subspan(truth.size() / 2);
  const testing::TempFolder folder;
  const auto path = save_stream(folder, deflated(half, kAsGzip) + deflated(rest, kAsGzip));
  shared_cache().set_budget(std::int64_t{2} << 20);
  expect_random_reads({path, 6, static_cast<std::int64_t>(truth.size())}, truth);
  shared_cache().set_budget(std::int64_t{256} << 20);
}

std::string message_of_reading(const std::filesystem::path& path, std::int64_t size) {
  try {
    std::vector<std::byte> all(static_cast<std::size_t>(size));
    InflatedBytes(path, 6, size).read(0, all);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "read";
}

TEST(InflatedBytes, SaysWhatIsWrongWithAStream) {
  using ::testing::HasSubstr;
  const std::vector<std::byte> truth = half_random_bytes(300000);
  const std::string stream = deflated(truth, kAsGzip);
  const auto size = static_cast<std::int64_t>(truth.size());
  const testing::TempFolder folder;
  EXPECT_EQ(message_of_reading(save_stream(folder, stream), size), "read");
  EXPECT_THAT(message_of_reading(save_stream(folder, stream.substr(0, 100000)), size),
              HasSubstr("truncated"));
  EXPECT_THAT(message_of_reading(save_stream(folder, stream), size + 1), HasSubstr("truncated"));
  std::string damaged = stream;
  damaged.replace(2000, 200, std::string(200, '\xff'));
  EXPECT_THAT(message_of_reading(save_stream(folder, damaged), size), HasSubstr("damaged"));
  EXPECT_THAT(message_of_reading(save_stream(folder, "not gzip"), 100), HasSubstr("damaged"));
}

TEST(InflatedBytes, RefusesSizesThatNoStreamReaches) {
  const testing::TempFolder folder;
  const auto path = save_stream(folder, deflated(half_random_bytes(1000), kAsGzip));
  EXPECT_THROW(InflatedBytes(path, 6, std::int64_t{1} << 60), Error);
  EXPECT_THROW(InflatedBytes(folder / "absent", 0, 1), Error);
}

}  // namespace
}  // namespace retina::store
