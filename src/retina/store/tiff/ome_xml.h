#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace retina::store {

/// A run of planes of an OME image: where they lie.
struct OmeTiffData {
  std::int64_t page = 0;  ///< of its first plane, counted from 0
  std::int64_t first_z = 0;
  std::int64_t first_c = 0;
  std::int64_t first_t = 0;
  std::int64_t planes = -1;  ///< -1 = all that follow
  std::string file_name;     ///< of the file that holds them; empty = this one
  std::string uuid;          ///< of that file
};

/// One <Image> of an OME-XML text.
struct OmeImage {
  std::string name;
  std::string description;      ///< free text; this project notes `offset_nm=z,y,x` there
  std::string order = "XYZCT";  ///< DimensionOrder: the fastest first
  std::string type;             ///< "uint8", ...
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::int64_t slices = 1;
  std::int64_t channels = 1;  ///< SizeC, colours of a page included
  std::int64_t times = 1;
  std::array<std::optional<double>, 3> voxel_nm;  ///< z, y, x, each if stated as a length
  std::vector<OmeTiffData> data;
  std::vector<std::string> notes;  ///< on physical sizes that cannot be used
};

/// What an OME-XML text says of pixels and of the files they are in.
struct OmeDocument {
  std::string uuid;           ///< of the file it stands in; may be empty
  std::string metadata_file;  ///< not empty: all is said in another file
  std::vector<OmeImage> images;
};

/// True if an ImageDescription is OME-XML.
bool is_ome_xml(std::string_view text);

/// Reads what is there; what is damaged or absent has the values above.
OmeDocument parse_ome_xml(std::string_view text);

/// The description of a file whose pages are the planes of `image`, all of them, in its order.
std::string to_ome_xml(const OmeImage& image);

}  // namespace retina::store
