#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "retina/store/tiff/tiff_directory.h"
#include "retina/store/tiff/tiff_metadata.h"

namespace retina::store {

/// What the user asks for in a file that holds more than one stack.
struct TiffSelection {
  std::optional<std::int64_t> series;  ///< counted from 0
  std::optional<std::int64_t> time;    ///< counted from 0
  std::string axes;                    ///< of the file, slowest first: "zyx", "czyx"; may be empty
};

/// `inner` is the part after the colon of "stack.tif:series=1,t=0". usage error if it is anything
/// else.
TiffSelection parse_tiff_selection(const std::filesystem::path& path, std::string_view inner,
                                   const std::string& axes);

/// Where the pixels of one plane are.
struct TiffPlane {
  std::size_t page = 0;    ///< directory that describes it
  std::int64_t image = 0;  ///< counted from the one the directory points at; 0 but in contiguous
                           ///< series
};

/// The pages of a file that make one stack, and their order.
class TiffSeries {
 public:
  std::vector<std::size_t> pages;  ///< directories, in the order of the description
  std::int64_t contiguous = 0;     ///< > 0: so many images follow the one page there is, unlisted
  std::int64_t first = 0;          ///< in `pages`, of z = 0 and c = 0
  std::int64_t slices = 1;
  std::int64_t slice_step = 1;  ///< from z to z + 1
  std::int64_t channels = 1;    ///< channels that are pages; colours of a page come on top
  std::int64_t channel_step = 1;
  std::string axes = "yx";  ///< as stored: "zcyx"
  TiffDescription description;
  std::vector<std::string> notes;

  TiffPlane plane(std::int64_t z, std::int64_t c) const;
};

/// Finds the series that `selection` names, or the one there is, or the full-resolution one beside
/// its smaller copies (which is noted). Whatever else is ambiguous (several series or time points,
/// unnamed axes, descriptions that contradict the pages) is bad_data with the exact thing to pass.
TiffSeries choose_tiff_series(const std::filesystem::path& path, std::uint64_t file_bytes,
                              const TiffContents& contents, const TiffSelection& selection);

}  // namespace retina::store
