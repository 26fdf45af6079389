#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "retina/core/array.h"
#include "retina/store/block.h"
#include "retina/store/open.h"
#include "retina/store/zarr/dimensions.h"

namespace retina::store {

/// The axes of a chunked array on disk, whose chunks are seen as c,z,y,x.
class ArrayAxes {
 public:
  /// `axes` names the dimensions, slowest first: any order of letters of "tczyx", each at most
  /// once, y and x among them; time must have length 1. bad_data naming `file` otherwise.
  ArrayAxes(const std::filesystem::path& file, std::string axes, const Sides& shape);

  const std::string& letters() const { return letters_; }
  /// True if the dimensions lie in the order t, c, z, y, x.
  bool is_canonical() const;

  /// Sides of c,z,y,x, 1 where the array has no such dimension.
  Index4 canonical(const Sides& sides) const;
  /// The index in the array's own dimensions; time 0.
  Sides stored(const Index4& index) const;
  /// Values in the array's own order as c,z,y,x; of several times the first.
  core::Array arrange(const std::vector<std::byte>& values, core::DType dtype,
                      const Sides& sides) const;

 private:
  std::string letters_;
};

/// Axes and what is worth telling about them.
struct StatedAxes {
  std::string axes;
  std::vector<std::string> notes = {};
};

/// Axes of an array of `rank` dimensions without a description of an image: what the user says,
/// else what the names say ("z", "Y", "channel", ...), else "yx" or "zyx" with a note. bad_data for
/// more dimensions without such names.
StatedAxes plain_axes(const std::filesystem::path& file, std::size_t rank,
                      const std::vector<std::string>& names, const OpenOptions& options);

}  // namespace retina::store
