#pragma once

// TIFF files byte by byte, for tests of what no library would write.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace retina::store {

struct RawTag {
  std::uint16_t tag;
  std::uint16_t type;  ///< 2 text, 3 short, 4 long, 16 long of 8 bytes
  std::vector<std::uint64_t> values;
};

struct RawTiff {
  bool is_big_endian = false;
  bool is_bigtiff = false;
  std::string data = std::string(64, '\0');  ///< lies at byte kDataAt
  std::vector<std::vector<RawTag>> pages;

  static constexpr std::size_t kDataAt = 16;

  std::string bytes;                  ///< the file, after build()
  std::vector<std::size_t> pages_at;  ///< of the directories
  std::vector<std::size_t> links_at;  ///< of the offset of each next directory

  void put(std::size_t at, std::uint64_t value, std::size_t size) {
    if (bytes.size() < at + size) {
      bytes.resize(at + size);
    }
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t shift = 8 * (is_big_endian ? size - 1 - i : i);
      bytes[at + i] = static_cast<char>(value >> shift & 0xFF);
    }
  }

  void build() {
    const std::size_t word = is_bigtiff ? 8 : 4;
    bytes = is_big_endian ? "MM" : "II";
    put(2, is_bigtiff ? 43 : 42, 2);
    if (is_bigtiff) {
      put(4, 8, 2);
      put(6, 0, 2);
    }
    bytes.resize(kDataAt);
    bytes += data;
    std::size_t link = is_bigtiff ? 8 : 4;
    for (const auto& page : pages) {
      put(link, bytes.size(), word);
      link = build_page(page);
    }
    put(link, 0, word);
  }

 private:
  static std::size_t size_of(const RawTag& tag) {
    return tag.type == 16 ? 8 : tag.type == 4 ? 4 : tag.type == 3 ? 2 : 1;
  }

  std::size_t build_page(const std::vector<RawTag>& page) {
    const std::size_t word = is_bigtiff ? 8 : 4;
    const std::size_t head = is_bigtiff ? 8 : 2;
    const std::size_t entry = is_bigtiff ? 20 : 12;
    const std::size_t at = bytes.size();
    pages_at.push_back(at);
    put(at, page.size(), head);
    const std::size_t link = at + head + page.size() * entry;
    put(link, 0, word);
    for (std::size_t i = 0; i < page.size(); ++i) {
      const std::size_t here = at + head + i * entry;
      put(here, page[i].tag, 2);
      put(here + 2, page[i].type, 2);
      put(here + 4, page[i].values.size(), word);
      std::size_t values = here + 4 + word;
      if (page[i].values.size() * size_of(page[i]) > word) {
        put(values, bytes.size(), word);
        values = bytes.size();
      }
      for (const std::uint64_t value : page[i].values) {
        put(values, value, size_of(page[i]));
        values += size_of(page[i]);
      }
    }
    links_at.push_back(link);
    return link;
  }
};

/// Tags of an uncompressed grey page of one strip at `offset`.
inline std::vector<RawTag> raw_page(std::uint64_t height, std::uint64_t width, std::uint64_t bits,
                                    std::uint64_t offset = RawTiff::kDataAt) {
  return {{256, 4, {width}}, {257, 4, {height}}, {258, 3, {bits}},
          {259, 3, {1}},     {262, 3, {1}},      {273, 4, {offset}},
          {277, 3, {1}},     {278, 4, {height}}, {279, 4, {height * width * bits / 8}}};
}

/// The same with a description on it.
inline std::vector<RawTag> described_page(std::vector<RawTag> page, const std::string& text) {
  RawTag tag{270, 2, {}};
  for (const char c : text) {
    tag.values.push_back(static_cast<unsigned char>(c));
  }
  tag.values.push_back(0);
  page.insert(page.begin() + 5, tag);  // tags are sorted
  return page;
}

}  // namespace retina::store
