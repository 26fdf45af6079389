#include "retina/store/nrrd/nrrd_metadata.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/core/error.h"
#include "retina/store/axis_order.h"
#include "retina/store/voxel_size.h"

namespace retina::store {

namespace {

constexpr std::size_t kMostDimensions = 16;  // NRRD's own limit

Error bad_nrrd(std::string found, std::string expected, std::string remedy) {
  return Error(ErrorKind::bad_data, Problem{.subject = "NRRD header",
                                            .found = std::move(found),
                                            .expected = std::move(expected),
                                            .remedy = std::move(remedy)});
}

Error damaged_nrrd(std::string found, std::string expected) {
  return bad_nrrd(std::move(found), std::move(expected), "the header is damaged: get a fresh copy");
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

/// Fields by name, in lower case and without blanks, so that "data file" and "datafile" are one.
std::map<std::string, std::string> fields_of(std::string_view text) {
  std::map<std::string, std::string> fields;
  std::size_t at = text.find('\n');  // after the magic
  while (at != std::string_view::npos) {
    const std::size_t end = text.find('\n', at + 1);
    const std::string_view line = trimmed(text.substr(at + 1, end - at - 1));
    at = end;
    const std::size_t colon = line.find(':');
    if (line.starts_with('#') || colon == std::string_view::npos ||
        line.substr(colon).starts_with(":=")) {
      continue;  // a comment, or a key of the user's own
    }
    std::string name = lower(line.substr(0, colon));
    std::erase(name, ' ');
    fields[name] = trimmed(line.substr(colon + 1));
  }
  return fields;
}

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!(text = trimmed(text)).empty()) {
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

/// `"nm" "nm"`, or bare words.
std::vector<std::string> quoted_of(std::string_view text) {
  if (text.find('"') == std::string_view::npos) {
    return words_of(text);
  }
  std::vector<std::string> parts;
  std::size_t open = text.find('"');
  while (open != std::string_view::npos) {
    const std::size_t close = text.find('"', open + 1);
    if (close == std::string_view::npos) {
      break;
    }
    parts.emplace_back(text.substr(open + 1, close - open - 1));
    open = text.find('"', close + 1);
  }
  return parts;
}

/// `(1,0,0) none (0,1,0)`: an empty vector for none.
std::vector<std::vector<double>> vectors_of(std::string_view text) {
  std::vector<std::vector<double>> vectors;
  while (!(text = trimmed(text)).empty()) {
    if (text.starts_with("none")) {
      vectors.emplace_back();
      text.remove_prefix(4);
      continue;
    }
    const std::size_t close = text.find(')');
    if (!text.starts_with('(') || close == std::string_view::npos) {
      throw damaged_nrrd(fmt::format("'{}'", text), "vectors such as (1,0,0)");
    }
    std::string inside(text.substr(1, close - 1));
    std::replace(inside.begin(), inside.end(), ',', ' ');
    std::vector<double>& vector = vectors.emplace_back();
    for (const std::string& word : words_of(inside)) {
      vector.push_back(number_of(word).value_or(std::nan("")));
    }
    text.remove_prefix(close + 1);
  }
  return vectors;
}

core::DType dtype_of_nrrd(const std::string& name) {
  static const std::map<std::string, core::DType> kNrrdTypes = [] {
    using core::DType;
    const std::vector<std::pair<DType, std::vector<const char*>>> names{
        {DType::i8, {"signed char", "int8", "int8_t"}},
        {DType::u8, {"uchar", "unsigned char", "uint8", "uint8_t"}},
        {DType::i16,
         {"short", "short int", "signed short", "signed short int", "int16", "int16_t"}},
        {DType::u16, {"ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"}},
        {DType::i32, {"int", "signed int", "int32", "int32_t"}},
        {DType::u32, {"uint", "unsigned int", "uint32", "uint32_t"}},
        {DType::i64,
         {"longlong", "long long", "long long int", "signed long long", "signed long long int",
          "int64", "int64_t"}},
        {DType::u64,
         {"ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"}},
        {DType::f32, {"float"}},
        {DType::f64, {"double"}}};
    std::map<std::string, DType> types;
    for (const auto& [dtype, spellings] : names) {
      for (const char* spelling : spellings) {
        types[spelling] = dtype;
      }
    }
    return types;
  }();
  const auto found = kNrrdTypes.find(lower(name));
  if (found == kNrrdTypes.end()) {
    throw bad_nrrd(fmt::format("type '{}'", name), "an integer type, float or double",
                   "convert the file to one of these");
  }
  return found->second;
}

/// The fields of a header, each asked for once.
class NrrdParser {
 public:
  explicit NrrdParser(std::string_view text) : fields_(fields_of(text)) {}

  NrrdHeader parse() {
    NrrdHeader header;
    parse_sizes(header);
    header.dtype = dtype_of_nrrd(required("type"));
    parse_encoding(header);
    parse_place(header);
    header.kinds = list("kinds", words_of);
    header.labels = list("labels", quoted_of);
    header.units = list("units", quoted_of);
    for (const std::string& word : list("spacings", words_of)) {
      const auto spacing = number_of(word);
      header.spacings.push_back(spacing && std::isfinite(*spacing) ? spacing : std::nullopt);
    }
    header.directions = list("spacedirections", vectors_of);
    header.space_units = quoted_of(optional("spaceunits"));
    const auto origin = vectors_of(optional("spaceorigin"));
    header.origin = origin.empty() ? std::vector<double>{} : origin.front();
    return header;
  }

 private:
  std::string optional(const std::string& name) const {
    const auto found = fields_.find(name);
    return found == fields_.end() ? std::string() : found->second;
  }

  std::string required(const std::string& name) const {
    if (!fields_.contains(name)) {
      throw damaged_nrrd(fmt::format("no field '{}'", name), "type, dimension, sizes and encoding");
    }
    return fields_.at(name);
  }

  template <class Split>
  auto list(const std::string& name, Split split) const -> decltype(split(std::string_view())) {
    auto values = split(optional(name));
    if (!values.empty() && values.size() != dimension_) {
      throw damaged_nrrd(fmt::format("{} values of '{}'", values.size(), name),
                         fmt::format("one for each of {} axes", dimension_));
    }
    return values;
  }

  std::int64_t integer(const std::string& name, std::int64_t least) const {
    const std::string text = optional(name);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < least) {
      throw damaged_nrrd(fmt::format("'{}' for '{}'", text, name),
                         fmt::format("a whole number from {} on", least));
    }
    return value;
  }

  void parse_sizes(NrrdHeader& header) {
    required("dimension");
    dimension_ = static_cast<std::size_t>(
        std::min<std::int64_t>(integer("dimension", 1), kMostDimensions + 1));
    required("sizes");
    for (const std::string& word : list("sizes", words_of)) {
      fields_["sizes"] = word;
      header.sizes.push_back(integer("sizes", 1));
    }
    if (header.sizes.size() != dimension_ || dimension_ > kMostDimensions) {
      throw damaged_nrrd(fmt::format("{} sizes for {} dimensions", header.sizes.size(), dimension_),
                         "one size for each dimension");
    }
  }

  void parse_encoding(NrrdHeader& header) const {
    const std::string encoding = lower(required("encoding"));
    if (encoding == "gzip" || encoding == "gz") {
      header.encoding = NrrdEncoding::gzip;
    } else if (encoding != "raw") {
      throw bad_nrrd(fmt::format("encoding '{}'", encoding), "raw or gzip",
                     "save it again with one of these (in Python: nrrd.write(..., "
                     "header={'encoding': 'gzip'}))");
    }
    const std::string endian = lower(optional("endian"));
    if (core::size_of(header.dtype) > 1 && endian != "little" && endian != "big") {
      throw damaged_nrrd(fmt::format("endian '{}'", endian), "little or big");
    }
    header.is_big_endian = endian == "big";
  }

  void parse_place(NrrdHeader& header) const {
    header.data_file = optional("datafile");
    const std::string& file = header.data_file;
    if (file.starts_with("LIST") || file.find('%') != std::string::npos) {
      throw bad_nrrd(fmt::format("voxels in several files ('{}')", file), "one data file",
                     "join them, for example by opening and saving the image with SimpleITK");
    }
    if (fields_.contains("lineskip")) {
      header.line_skip = integer("lineskip", 0);
    }
    if (fields_.contains("byteskip")) {
      header.byte_skip = integer("byteskip", -1);
    }
    if (header.byte_skip < 0 && header.encoding != NrrdEncoding::raw) {
      throw damaged_nrrd("byte skip -1 with compressed voxels", "a byte skip of 0 or more");
    }
  }

  std::map<std::string, std::string> fields_;
  std::size_t dimension_ = 0;
};

bool is_space_kind(const std::string& kind) {
  return kind == "domain" || kind == "space" || kind == "???" || kind == "none";
}

/// Axes that the labels spell: one letter each. Empty if they do not.
std::string axes_of_labels(const NrrdHeader& header) {
  std::string axes;
  for (auto label = header.labels.rbegin(); label != header.labels.rend(); ++label) {
    axes += label->size() == 1 ? lower(*label) : "?";
  }
  return are_image_axes(axes) ? axes : "";
}

/// Axes from the kinds: x, y, z for those of space in this order, one other may be channels. Empty
/// if that does not fit.
std::string axes_of_kinds(const NrrdHeader& header) {
  std::string axes;
  std::size_t next = 0;
  for (const std::string& kind : header.kinds) {
    const std::string name = lower(kind);
    if (name == "time") {
      axes.insert(axes.begin(), 't');
    } else if (is_space_kind(name)) {
      axes.insert(axes.begin(), next < 3 ? "xyz"[next] : '?');
      ++next;
    } else {
      axes.insert(axes.begin(), 'c');
    }
  }
  return are_image_axes(axes) ? axes : "";
}

std::string axes_of_header(const NrrdHeader& header, NrrdSpace& space) {
  for (const std::string& stated : {axes_of_labels(header), axes_of_kinds(header)}) {
    if (!stated.empty()) {
      return stated;
    }
  }
  if (header.sizes.size() != 2 && header.sizes.size() != 3) {
    throw bad_nrrd(fmt::format("{} dimensions of which kinds and labels do not say what they are",
                               header.sizes.size()),
                   "kinds or labels", "say which they are, slowest first, such as --axes czyx");
  }
  const std::string axes = header.sizes.size() == 2 ? "yx" : "zyx";
  space.notes.push_back(fmt::format("axes are not stated: read as {}", axes));
  return axes;
}

/// The vectors of z, y, x in nanometres if all of space has units of length; else in the file's
/// numbers.
struct NrrdDirections {
  std::array<std::vector<double>, 3> zyx;
  std::array<AxisLength, 3> steps;  ///< lengths of the vectors
  bool is_aligned = true;  ///< z, y, x along the third, second, first axis of space, forward
};

NrrdDirections directions_of(const NrrdHeader& header, const std::string& axes) {
  NrrdDirections out;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t at = axes.find("zyx"[i]);
    if (at == std::string::npos) {
      continue;
    }
    const std::vector<double>& vector = header.directions[axes.size() - 1 - at];
    double sum = 0;
    std::string unit;
    for (std::size_t k = 0; k < vector.size(); ++k) {
      const std::string unit_k = k < header.space_units.size() ? header.space_units[k] : "";
      const double nm = in_nanometres(vector[k], unit_k).value_or(vector[k]);
      sum += nm * nm;
      if (vector[k] != 0) {
        unit = in_nanometres(1, unit_k) ? "nm" : unit_k;
      }
      out.is_aligned = out.is_aligned && (k == 2 - i ? vector[k] > 0 : vector[k] == 0);
    }
    out.steps[i].unit = unit;
    // "none" for an axis of space is no length: it must not pass for an axis that is not there
    const double exact = vector.empty() ? std::nan("") : std::sqrt(sum);
    out.steps[i].value = in_nanometres(exact, "nm");
  }
  return out;
}

void take_directions(const NrrdHeader& header, NrrdSpace& space, std::array<AxisLength, 3>& steps) {
  const NrrdDirections directions = directions_of(header, space.axes);
  steps = directions.steps;
  if (!directions.is_aligned) {
    space.notes.emplace_back(
        "the axes are turned or mirrored in space: voxels are read in the stored order, "
        "orientation "
        "and origin are not applied");
    return;
  }
  std::array<AxisLength, 3> places;
  const bool is_known = !std::all_of(header.origin.begin(), header.origin.end(),
                                     [](double place) { return std::isnan(place); });
  for (std::size_t k = 0; is_known && k < std::min<std::size_t>(3, header.origin.size()); ++k) {
    places[2 - k] = {header.origin[k], k < header.space_units.size() ? header.space_units[k] : ""};
  }
  const Offset offset = offset_of(places);
  space.offset_nm = offset.nm;
  space.notes.insert(space.notes.end(), offset.notes.begin(), offset.notes.end());
}

}  // namespace

NrrdHeader parse_nrrd_header(std::string_view text) {
  if (!text.starts_with("NRRD")) {
    throw damaged_nrrd("no 'NRRD' at the start", "an NRRD file");
  }
  return NrrdParser(text).parse();
}

NrrdSpace understand_nrrd(const NrrdHeader& header, const std::string& wanted_axes) {
  NrrdSpace space;
  space.axes = wanted_axes.empty() ? axes_of_header(header, space) : wanted_axes;
  if (!are_image_axes(space.axes) || space.axes.size() != header.sizes.size()) {
    throw bad_nrrd(fmt::format("axes '{}' for {} dimensions", space.axes, header.sizes.size()),
                   "one letter of t, c, z, y, x for each dimension, slowest first",
                   "give other axes");
  }
  std::array<AxisLength, 3> steps;
  if (!header.directions.empty()) {
    take_directions(header, space, steps);
  } else {
    for (std::size_t i = 0; i < 3; ++i) {
      const std::size_t at = space.axes.find("zyx"[i]);
      const std::size_t axis = space.axes.size() - 1 - at;
      if (at != std::string::npos && axis < header.spacings.size()) {
        steps[i].value = header.spacings[axis].value_or(std::nan(""));
        steps[i].unit = axis < header.units.size() ? header.units[axis] : "";
      }
    }
  }
  VoxelSize voxel = voxel_size(steps);
  space.voxel_nm = voxel.nm;
  space.notes.insert(space.notes.end(), voxel.notes.begin(), voxel.notes.end());
  return space;
}

namespace {

/// The names of the C types that every reader knows.
std::string_view nrrd_type(core::DType dtype) {
  return core::is_integer(dtype) ? core::name_of(dtype)
                                 : (dtype == core::DType::f32 ? "float" : "double");
}

}  // namespace

std::string nrrd_header_text(core::DType dtype, int channels, const core::Vec3& shape,
                             const std::optional<core::Vec3d>& voxel_nm,
                             const core::Vec3d& offset_nm) {
  const bool has_channels = channels > 1;
  std::string text = "NRRD0004\n";
  text += fmt::format("type: {}\ndimension: {}\n", nrrd_type(dtype), has_channels ? 4 : 3);
  if (voxel_nm) {
    text += "space dimension: 3\n";
  }
  text += fmt::format("sizes: {} {} {}{}\n", shape[2], shape[1], shape[0],
                      has_channels ? fmt::format(" {}", channels) : "");
  if (voxel_nm) {
    const core::Vec3d& v = *voxel_nm;
    text += fmt::format("space directions: ({},0,0) (0,{},0) (0,0,{}){}\n", v[2], v[1], v[0],
                        has_channels ? " none" : "");
  }
  text += fmt::format("kinds: domain domain domain{}\n", has_channels ? " list" : "");
  text += fmt::format("labels: \"x\" \"y\" \"z\"{}\n", has_channels ? " \"c\"" : "");
  text += fmt::format("endian: {}\nencoding: raw\n",
                      std::endian::native == std::endian::little ? "little" : "big");
  if (voxel_nm) {
    text += fmt::format("space origin: ({},{},{})\nspace units: \"nm\" \"nm\" \"nm\"\n",
                        offset_nm[2], offset_nm[1], offset_nm[0]);
  }
  return text + "\n";
}

}  // namespace retina::store
