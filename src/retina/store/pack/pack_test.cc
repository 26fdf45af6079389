#include "retina/store/pack/pack.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/rng.h"
#include "retina/testing/stopping_context.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

core::Array pack_values(core::DType dtype, const core::Vec3& shape, std::int64_t most,
                        int channels = 1) {
  core::Array values(dtype, channels, shape);
  core::Rng rng(5);
  core::dispatch(dtype, [&](auto zero) {
    for (auto& value : values.values<decltype(zero)>()) {
      value = static_cast<decltype(zero)>(rng.integer(0, most));
    }
  });
  return values;
}

PackItem labelled_item(const std::string& name) {
  PackItem item;
  item.name = name;
  item.image =
      core::in_memory(pack_values(core::DType::u8, {3, 9, 11}, 255), core::Vec3d{50, 4, 4});
  item.labels = core::in_memory(pack_values(core::DType::u32, {3, 9, 11}, 4));
  item.provenance = {{"split", "train"}};
  return item;
}

TEST(Pack, ReturnsImagesAndLabels) {
  const testing::TempFolder folder;
  const std::string path = (folder / "set.pack").string();
  const std::vector<PackItem> items{labelled_item("a"), labelled_item("b")};
  write_pack(path, items, {.attributes = {{"classes", {"mitochondria"}}}}, core::silent_context());
  const Pack pack(path);
  ASSERT_EQ(pack.size(), 2U);
  EXPECT_EQ(pack.name(1), "b");
  EXPECT_EQ(pack.attributes()["classes"][0], "mitochondria");
  EXPECT_EQ(pack.provenance(0)["split"], "train");
  const core::Box3 box{{1, 2, 3}, {2, 5, 7}};
  EXPECT_TRUE(pack.image(1)->read(box) == items[1].image->read(box));
  EXPECT_TRUE(pack.labels(1)->read(box) ==
              core::convert(items[1].labels->read(box), core::DType::u8));
  EXPECT_EQ(pack.image(0)->info().voxel_nm, (core::Vec3d{50, 4, 4}));
}

TEST(Pack, MapsIntensitiesToBytes) {
  const testing::TempFolder folder;
  const std::string path = (folder / "set.pack").string();
  PackItem item;
  item.name = "deep";
  item.image = core::in_memory(pack_values(core::DType::u16, {2, 5, 6}, 5000, 2));
  item.range = {.low = 1000, .high = 4000};
  write_pack(path, std::vector<PackItem>{item}, {}, core::silent_context());
  const auto volume = open(path);
  const core::Box3 all = core::whole({2, 5, 6});
  EXPECT_TRUE(volume->read(all) == core::to_uint8(item.image->read(all), item.range));
  EXPECT_EQ(volume->info().channels, 2);
  EXPECT_EQ(Pack(path).range(0), item.range);
  EXPECT_EQ(Pack(path).labels(0), nullptr);
}

TEST(Pack, OpensItemsByName) {
  const testing::TempFolder folder;
  const std::string path = (folder / "set.pack").string();
  const std::vector<PackItem> items{labelled_item("a"), labelled_item("b/1")};
  write_pack(path, items, {}, core::silent_context());
  EXPECT_EQ(open(path + ":b/1")->info().format, "pack");
  EXPECT_EQ(open(path + ":b/1/labels")->info().channels, 1);
  try {
    open(path);
    FAIL() << "two items and none named";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("a, b/1"));
  }
}

TEST(Pack, ListsItemsAndTheirLabels) {
  const testing::TempFolder folder;
  const std::string path = (folder / "set.pack").string();
  std::vector<PackItem> items{labelled_item("a"), labelled_item("b/1")};
  items[0].labels = nullptr;
  write_pack(path, items, {}, core::silent_context());
  EXPECT_EQ(list_datasets(path), (std::vector<std::string>{"a", "b/1", "b/1/labels"}));
  EXPECT_EQ(list_datasets(path + ":b/1"), (std::vector<std::string>{""}));
  items.erase(items.begin());
  write_pack(path, items, {.overwrite = true}, core::silent_context());
  EXPECT_EQ(list_datasets(path), (std::vector<std::string>{"", "b/1/labels"}));
}

TEST(Pack, RefusesLabelsThatAreNoClassIds) {
  const testing::TempFolder folder;
  PackItem item = labelled_item("a");
  item.labels = core::in_memory(pack_values(core::DType::u16, {3, 9, 11}, 3000));
  try {
    write_pack((folder / "p").string(), std::vector<PackItem>{item}, {}, core::silent_context());
    FAIL() << "labels beyond 255";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("0 to 255"));
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "p"));
  EXPECT_FALSE(std::filesystem::exists(core::partial_path(folder / "p")));
}

TEST(Pack, ReportsAllBadItemsAtOnce) {
  const testing::TempFolder folder;
  PackItem twice = labelled_item("a");
  PackItem unequal = labelled_item("a");
  unequal.labels = core::in_memory(pack_values(core::DType::u8, {3, 9, 10}, 4));
  try {
    write_pack((folder / "p").string(), std::vector<PackItem>{twice, unequal}, {},
               core::silent_context());
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("used twice"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("1 channel"));
  }
}

TEST(Pack, RefusesImagesThatChangeWhileTheyAreRead) {
  const testing::TempFolder folder;
  const std::filesystem::path first = folder / "first.pack";
  const std::string second = (folder / "second.pack").string();
  write_pack(first.string(), std::vector{labelled_item("a"), labelled_item("b")}, {},
             core::silent_context());
  const Pack pack(first.string());
  const std::vector<PackItem> items{
      {.name = "a", .image = pack.image(0), .labels = nullptr, .range = {}},
      {.name = "b", .image = pack.image(1), .labels = nullptr, .range = {}}};
  const core::Context changing = testing::stopping_context([&](const testing::Reported& reported) {
    if (reported.is_update()) {
      std::filesystem::last_write_time(first / "pack.json", {});
    }
    return false;
  });
  try {
    write_pack(second, items, {}, changing);
    ADD_FAILURE() << "not noticed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("first.pack"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("changed while it was read"));
  }
  EXPECT_FALSE(std::filesystem::exists(second));
  write_pack(second, items, {}, core::silent_context());
  EXPECT_EQ(Pack(second).size(), 2U);
}

TEST(Pack, RefusesAnIndexThatPointsOutside) {
  const testing::TempFolder folder;
  const std::string path = (folder / "set.pack").string();
  write_pack(path, std::vector<PackItem>{labelled_item("a")}, {}, core::silent_context());
  std::filesystem::resize_file(folder / "set.pack/images.bin", 100);
  try {
    const Pack pack(path);
    FAIL() << "images.bin is cut short";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("images.bin"));
  }
}

std::string message_of_pack(const std::string& path, const OpenOptions& options = {}) {
  try {
    open(path, options);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "opened";
}

TEST(Pack, NamesTheVersionOfANewerOne) {
  const testing::TempFolder folder;
  const std::string path = (folder / "set.pack").string();
  write_pack(path, std::vector<PackItem>{labelled_item("a")}, {}, core::silent_context());
  std::ofstream(folder / "set.pack/pack.json")
      << R"({"format": "retina-pack", "version": 2, "entries": 1})";
  EXPECT_THAT(message_of_pack(path), ::testing::HasSubstr("version 2"));
  std::ofstream(folder / "set.pack/pack.json") << R"({"format": "suitcase", "version": 1})";
  EXPECT_THAT(message_of_pack(path), ::testing::HasSubstr("another kind of file"));
}

TEST(Pack, RefusesAxesThatContradictIt) {
  const testing::TempFolder folder;
  const std::string path = (folder / "set.pack").string();
  write_pack(path, std::vector<PackItem>{labelled_item("a")}, {}, core::silent_context());
  EXPECT_THAT(message_of_pack(path, {.voxel_nm = {}, .axes = "yxz"}), ::testing::HasSubstr("zyx"));
  EXPECT_EQ(message_of_pack(path, {.voxel_nm = {}, .axes = "zyx"}), "opened");
}

TEST(Pack, RefusesNumbersThatItsFieldsCannotHold) {
  const testing::TempFolder folder;
  const std::string path = (folder / "set.pack").string();
  write_pack(path, std::vector<PackItem>{labelled_item("a")}, {}, core::silent_context());
  const Json sound = Json::parse(core::read_text(folder / "set.pack/index.jsonl"));
  const auto message = [&](const char* key, const Json& value) {
    Json line = sound;
    line[key] = value;
    std::ofstream(folder / "set.pack/index.jsonl") << line.dump() << "\n";
    return message_of_pack(path);
  };
  EXPECT_EQ(message("channels", 1), "opened");
  EXPECT_THAT(message("channels", (1LL << 32) + 1), ::testing::HasSubstr("channels"));
  EXPECT_THAT(message("channels", 1e300), ::testing::HasSubstr("channels"));
  EXPECT_THAT(message("shape", {3, 9, 1e300}), ::testing::HasSubstr("shape"));
  EXPECT_THAT(message("shape", {3, 9, 11, 1}), ::testing::HasSubstr("4 numbers"));
  EXPECT_THAT(message("image_offset", 18446744073709551615ULL),
              ::testing::HasSubstr("image_offset"));
  EXPECT_THAT(message("labels_offset", -1e300), ::testing::HasSubstr("labels_offset"));
}

TEST(Pack, AFileIsNotReplacedByAPack) {
  const testing::TempFolder folder;
  std::ofstream(folder / "p") << "mine";
  try {
    write_pack((folder / "p").string(), std::vector<PackItem>{labelled_item("a")},
               {.overwrite = true}, core::silent_context());
    FAIL() << "it was replaced";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("a file of this name"));
  }
  EXPECT_EQ(core::read_text(folder / "p"), "mine");
}

TEST(Pack, ADamagedHeaderSaysWhatToDo) {
  const testing::TempFolder folder;
  const std::string path = (folder / "set.pack").string();
  write_pack(path, std::vector<PackItem>{labelled_item("a")}, {}, core::silent_context());
  std::ofstream(folder / "set.pack/pack.json") << "{\"format\":";
  const std::string message = message_of_pack(path);
  EXPECT_THAT(message, ::testing::HasSubstr("pack.json: parse error at line 1"));
  EXPECT_THAT(message, ::testing::HasSubstr("pack the images again"));
}

TEST(Pack, RefusesADamagedIndexByLine) {
  const testing::TempFolder folder;
  const std::string path = (folder / "set.pack").string();
  write_pack(path, std::vector<PackItem>{labelled_item("a")}, {}, core::silent_context());
  std::ofstream(folder / "set.pack/index.jsonl") << "{\"name\": \"a\"}\n";
  try {
    const Pack pack(path);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("line 1: key 'axes' not found"));
  }
}

}  // namespace
}  // namespace retina::store
