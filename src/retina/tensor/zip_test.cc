#include "retina/tensor/zip.h"

#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::tensor {
namespace {

std::vector<std::byte> small_archive() {
  ZipBuilder builder;
  builder.add("a/first", std::string_view("hello"));
  builder.add("a/second", std::string_view(""));
  return builder.finish();
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(Zip, ReadsBackWhatWasBuiltAndAligns) {
  const std::vector<std::byte> archive = small_archive();
  const std::vector<ZipMember> members = read_zip(archive, "a.zip");
  ASSERT_EQ(members.size(), 2U);
  EXPECT_EQ(members[0].name, "a/first");
  EXPECT_EQ(text_of(members[0].bytes), "hello");
  EXPECT_EQ((members[0].bytes.data() - archive.data()) % 64, 0);
  EXPECT_TRUE(members[1].bytes.empty());
}

TEST(Zip, EveryTruncationAndEveryChangedByteIsSurvived) {
  const std::vector<std::byte> archive = small_archive();
  for (std::size_t length = 0; length < archive.size(); ++length) {
    EXPECT_THROW(read_zip(std::span(archive).first(length), "cut.zip"), Error) << length;
  }
  for (std::size_t i = 0; i < archive.size(); ++i) {
    for (const auto value : {std::byte{0}, std::byte{0xFF}, archive[i] ^ std::byte{1}}) {
      std::vector<std::byte> changed = archive;
      changed[i] = value;
      try {
        for (const ZipMember& member : read_zip(changed, "changed.zip")) {
          EXPECT_LE(member.bytes.size(), archive.size());
        }
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_data);
      }
    }
  }
}

}  // namespace
}  // namespace retina::tensor
