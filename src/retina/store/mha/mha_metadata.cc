#include "retina/store/mha/mha_metadata.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/store/axis_order.h"
#include "retina/store/voxel_size.h"

namespace retina::store {

namespace {

constexpr std::int64_t kMostAxes = 10;

Error bad_mha(std::string found, std::string expected, std::string remedy) {
  return Error(ErrorKind::bad_data, Problem{.subject = "MetaImage header",
                                            .found = std::move(found),
                                            .expected = std::move(expected),
                                            .remedy = std::move(remedy)});
}

Error damaged_mha(std::string found, std::string expected) {
  return bad_mha(std::move(found), std::move(expected), "the header is damaged: get a fresh copy");
}

std::string_view without_blanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::map<std::string, std::string> mha_fields(std::string_view text) {
  std::map<std::string, std::string> fields;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = line.find('=');
    if (equals != std::string_view::npos) {
      fields[std::string(without_blanks(line.substr(0, equals)))] =
          without_blanks(line.substr(equals + 1));
    }
  }
  return fields;
}

core::DType dtype_of_mha(const std::string& name) {
  using core::DType;
  static const std::map<std::string, DType> kTypes{
      {"MET_CHAR", DType::i8},       {"MET_UCHAR", DType::u8},       {"MET_SHORT", DType::i16},
      {"MET_USHORT", DType::u16},    {"MET_INT", DType::i32},        {"MET_UINT", DType::u32},
      {"MET_LONG_LONG", DType::i64}, {"MET_ULONG_LONG", DType::u64}, {"MET_FLOAT", DType::f32},
      {"MET_DOUBLE", DType::f64}};
  const auto found = kTypes.find(name);
  if (found == kTypes.end()) {
    throw bad_mha(fmt::format("ElementType {}", name),
                  "MET_UCHAR, MET_CHAR, MET_USHORT, MET_SHORT, MET_UINT, MET_INT, MET_ULONG_LONG, "
                  "MET_LONG_LONG, MET_FLOAT or MET_DOUBLE",
                  "convert the file to one of these");
  }
  return found->second;
}

class MhaParser {
 public:
  explicit MhaParser(std::string_view text) : fields_(mha_fields(text)) {}

  MhaHeader parse() const {
    if (const std::string type = first_of({"ObjectType"}); !type.empty() && type != "Image") {
      throw bad_mha(fmt::format("ObjectType {}", type), "an image", "name an image file");
    }
    MhaHeader header;
    const std::int64_t axes = integer("NDims", 1, kMostAxes);
    for (const double side : numbers({"DimSize"}, axes)) {
      if (!(side >= 1 && side < 0x1p53) || side != std::floor(side)) {
        throw damaged_mha(fmt::format("DimSize {}", fields_.at("DimSize")), "whole numbers from 1");
      }
      header.sizes.push_back(static_cast<std::int64_t>(side));
    }
    if (header.sizes.empty()) {
      throw damaged_mha("no DimSize", "the size along each axis");
    }
    header.dtype = dtype_of_mha(first_of({"ElementType"}));
    if (fields_.contains("ElementNumberOfChannels")) {
      header.channels = integer("ElementNumberOfChannels", 1, 1 << 16);
    }
    header.spacing = numbers({"ElementSpacing", "ElementSize"}, axes);
    header.offset = numbers({"Offset", "Position", "Origin"}, axes);
    header.transform = numbers({"TransformMatrix", "Rotation", "Orientation"}, axes * axes);
    header.unit = first_of({"DistanceUnits"});
    header.unit = header.unit == "?" ? "" : header.unit;
    parse_data(header);
    return header;
  }

 private:
  std::string first_of(std::initializer_list<const char*> names) const {
    for (const char* name : names) {
      if (const auto found = fields_.find(name); found != fields_.end()) {
        return found->second;
      }
    }
    return {};
  }

  bool flag(std::initializer_list<const char*> names, const char* otherwise) const {
    std::string text = first_of(names);
    text = text.empty() ? otherwise : text;
    return text.starts_with('T') || text.starts_with('t') || text == "1";
  }

  std::int64_t integer(const char* name, std::int64_t least, std::int64_t most) const {
    const std::string text = first_of({name});
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most) {
      throw damaged_mha(fmt::format("'{}' for {}", text, name),
                        fmt::format("a whole number from {} to {}", least, most));
    }
    return value;
  }

  /// `count` numbers, or none if the field is absent.
  std::vector<double> numbers(std::initializer_list<const char*> names, std::int64_t count) const {
    const std::string text = first_of(names);
    std::vector<double> values;
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at < end) {
      double value = 0;
      const auto [next, error] = std::from_chars(at, end, value);
      if (error != std::errc{}) {
        throw damaged_mha(fmt::format("'{}' for {}", text, *names.begin()), "numbers");
      }
      values.push_back(value);
      at = std::find_if(next, end, [](char c) { return c != ' ' && c != '\t'; });
    }
    if (!values.empty() && std::cmp_not_equal(values.size(), count)) {
      throw damaged_mha(fmt::format("{} values of {}", values.size(), *names.begin()),
                        fmt::format("{}", count));
    }
    return values;
  }

  void parse_data(MhaHeader& header) const {
    if (!flag({"BinaryData"}, "True")) {
      throw bad_mha("voxels written as text (BinaryData = False)", "binary voxels",
                    "save it again as binary");
    }
    header.is_compressed = flag({"CompressedData"}, "False");
    header.is_big_endian = flag({"BinaryDataByteOrderMSB", "ElementByteOrderMSB"}, "False");
    if (fields_.contains("HeaderSize")) {
      header.header_size = integer("HeaderSize", -1, std::int64_t{1} << 60);
    }
    header.data_file = first_of({"ElementDataFile"});
    if (header.data_file.starts_with("LIST") || header.data_file.find('%') != std::string::npos) {
      throw bad_mha(fmt::format("voxels in several files ('{}')", header.data_file),
                    "one data file, or LOCAL",
                    "join them, for example by opening and saving the image with SimpleITK");
    }
    if (header.data_file.empty()) {
      throw damaged_mha("no ElementDataFile", "the place of the voxels as the last line");
    }
    if (header.data_file == "LOCAL" || header.data_file == "Local") {
      header.data_file.clear();
    }
    if (header.header_size < 0 && (header.is_compressed || header.data_file.empty())) {
      throw damaged_mha("HeaderSize -1", "it only with uncompressed voxels in a file of their own");
    }
  }

  std::map<std::string, std::string> fields_;
};

std::string axes_of_mha(const MhaHeader& header, MhaSpace& space) {
  std::string axes;
  if (header.sizes.size() == 2) {
    axes = "yx";
  } else if (header.sizes.size() == 3) {
    axes = "zyx";
  } else {
    throw bad_mha(fmt::format("{} axes that have no names", header.sizes.size()), "2 or 3 axes",
                  "say which they are, slowest first, such as --axes czyx");
  }
  if (header.sizes.size() == 3) {
    space.notes.push_back("axes are not stated: read as zyx");
  }
  return header.channels > 1 ? axes + "c" : axes;
}

bool is_identity(const std::vector<double>& matrix) {
  const auto side = static_cast<std::size_t>(std::lround(std::sqrt(matrix.size())));
  for (std::size_t i = 0; i < matrix.size(); ++i) {
    if (matrix[i] != (i / side == i % side ? 1 : 0)) {
      return false;
    }
  }
  return true;
}

void take_space(const MhaHeader& header, MhaSpace& space) {
  const std::size_t axes = header.sizes.size();
  const std::string spatial = space.axes.substr(0, axes);  // without a trailing c
  std::array<AxisLength, 3> steps;
  std::array<AxisLength, 3> places;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t at = spatial.find("zyx"[i]);
    if (at == std::string::npos) {
      continue;
    }
    const std::size_t axis = axes - 1 - at;
    if (axis < header.spacing.size()) {
      steps[i] = {header.spacing[axis], header.unit};
    }
    if (axis < header.offset.size()) {
      places[i] = {header.offset[axis], header.unit};
    }
  }
  VoxelSize voxel = voxel_size(steps);
  space.voxel_nm = voxel.nm;
  space.notes.insert(space.notes.end(), voxel.notes.begin(), voxel.notes.end());
  if (is_identity(header.transform)) {
    const Offset offset = offset_of(places);
    space.offset_nm = offset.nm;
    space.notes.insert(space.notes.end(), offset.notes.begin(), offset.notes.end());
  } else {
    space.notes.emplace_back(
        "the axes are turned or mirrored in space: voxels are read in the stored order, "
        "orientation "
        "and origin are not applied");
  }
}

}  // namespace

MhaHeader parse_mha_header(std::string_view text) {
  return MhaParser(text).parse();
}

MhaSpace understand_mha(const MhaHeader& header, const std::string& wanted_axes) {
  MhaSpace space;
  space.axes = wanted_axes.empty() ? axes_of_mha(header, space) : wanted_axes;
  space.sides.assign(header.sizes.rbegin(), header.sizes.rend());
  if (header.channels > 1) {
    space.sides.push_back(header.channels);
    if (!space.axes.ends_with('c')) {
      throw bad_mha(fmt::format("{} values for each voxel, axes '{}'", header.channels, space.axes),
                    "axes that end with c", "give other axes");
    }
  }
  if (!are_image_axes(space.axes) || space.axes.size() != space.sides.size()) {
    throw bad_mha(fmt::format("axes '{}' for {} dimensions", space.axes, space.sides.size()),
                  "one letter of t, c, z, y, x for each dimension, slowest first",
                  "give other axes");
  }
  take_space(header, space);
  return space;
}

}  // namespace retina::store
