#include "retina/store/pack/pack.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "retina/core/json_text.h"
#include "retina/core/options.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

/// Bytes of one item inside a mapped file.
class PackVolume final : public core::Volume {
 public:
  PackVolume(core::VolumeInfo info, std::shared_ptr<const core::MappedFile> file,
             std::int64_t offset)
      : Volume(std::move(info)), file_(std::move(file)), offset_(offset) {}

 protected:
  core::Array read_box(const core::Box3& box) const override {
    core::Array values(info_.dtype, info_.channels, box.shape);
    const core::Vec3& shape = info_.shape;
    const std::byte* from = file_->bytes().data() + offset_;
    std::byte* to = values.bytes().data();
    for (std::int64_t c = 0; c < info_.channels; ++c) {
      for (std::int64_t z = box.start[0]; z < box.stop()[0]; ++z) {
        for (std::int64_t y = box.start[1]; y < box.stop()[1]; ++y) {
          const std::int64_t row = ((c * shape[0] + z) * shape[1] + y) * shape[2] + box.start[2];
          to = std::copy_n(from + row, box.shape[2], to);
        }
      }
    }
    return values;
  }

 private:
  std::shared_ptr<const core::MappedFile> file_;
  std::int64_t offset_;
};

constexpr std::int64_t kMaxSide = std::int64_t{1} << 31;

/// Bytes of c x z x y x x; -1 if a side is out of bounds or the product is beyond any file.
std::int64_t item_bytes(std::int64_t channels, const core::Vec3& shape) {
  std::int64_t bytes = 1;
  for (const std::int64_t side : {channels, shape[0], shape[1], shape[2]}) {
    if (side < 1 || side > kMaxSide || bytes > (std::int64_t{1} << 56) / side) {
      return -1;
    }
    bytes *= side;
  }
  return bytes;
}

bool lies_inside(const core::MappedFile* file, std::int64_t offset, std::int64_t bytes) {
  const auto size = file == nullptr ? 0 : static_cast<std::int64_t>(file->bytes().size());
  return bytes > 0 && offset >= 0 && offset <= size && bytes <= size - offset;
}

Json read_pack_header(const fs::path& file) {
  const std::string text = core::read_text(file);
  try {
    return core::parse_json(text, file.string());
  } catch (const Error& error) {
    throw error.with_remedy("copy the pack again, all its files, or pack the images again");
  }
}

void require_pack_header(const fs::path& file, const Json& header) {
  if (!header.is_object() || header.value("format", Json()) != "retina-pack") {
    throw bad_file(file, "another kind of file", "a retina-pack", "name a pack");
  }
  const Json version = header.value("version", Json());
  if (version != 1) {
    throw bad_file(file, fmt::format("a pack of version {}", version.dump()), "version 1",
                   "update this program, or make the pack again with this version");
  }
  if (!header.contains("items")) {
    throw bad_file(file, "no number of items", "\"items\": how many the pack holds",
                   "copy the pack again, all its files");
  }
}

void require_axes(const std::string& path, const std::string& axes, const OpenOptions& options) {
  if (!options.axes.empty() && options.axes != axes) {
    throw bad_file(path, "axes " + axes, "axes " + options.axes,
                   "leave the axes out: the pack states them");
  }
}

template <class T>
T index_member(const Json& line, const char* key) {
  T value{};
  core::from_json_value(value, line.at(key), key);
  return value;
}

/// Three numbers z, y, x.
template <class T>
std::array<T, 3> index_zyx(const Json& line, const char* key) {
  const auto values = index_member<std::vector<T>>(line, key);
  if (values.size() != 3) {
    throw bad_file(key, fmt::format("{} numbers", values.size()), "z, y, x", "");
  }
  return {values[0], values[1], values[2]};
}

constexpr std::string_view kLabels = "/labels";

std::unique_ptr<core::Volume> open_pack_item(const Location& location) {
  const Pack pack(location.file.string());
  std::string name = location.inner;
  if (name.empty() && pack.size() == 1) {
    return pack.image(0);
  }
  if (!name.ends_with(kLabels)) {
    return pack.image(pack.find(name));
  }
  name.resize(name.size() - kLabels.size());
  auto labels = pack.labels(pack.find(name));
  if (labels == nullptr) {
    throw bad_file(location.file, fmt::format("item '{}' has no labels", name),
                   "an item with labels", "pack the dataset with its masks");
  }
  return labels;
}

}  // namespace

bool is_pack(const Location& location) {
  return fs::is_regular_file(location.file / "pack.json");
}

Pack::Entry Pack::parse_entry(const Json& line) {
  Entry entry;
  entry.name = index_member<std::string>(line, "name");
  entry.info.format = "pack";
  entry.info.axes = index_member<std::string>(line, "axes");
  entry.info.channels = index_member<int>(line, "channels");
  entry.info.shape = index_zyx<std::int64_t>(line, "shape");
  if (!line.at("voxel_nm").is_null()) {
    entry.info.voxel_nm = index_zyx<double>(line, "voxel_nm");
    entry.info.voxel_nm_source = "pack index";
  }
  entry.info.offset_nm = index_zyx<double>(line, "offset_nm");
  entry.image_offset = index_member<std::int64_t>(line, "image_offset");
  entry.labels_offset = index_member<std::optional<std::int64_t>>(line, "labels_offset");
  entry.range = {line.at("range").at(0).get<double>(), line.at("range").at(1).get<double>()};
  entry.provenance = line.at("provenance");
  return entry;
}

void Pack::require_inside(const Entry& entry) const {
  const std::int64_t image = item_bytes(entry.info.channels, entry.info.shape);
  const std::int64_t labels = item_bytes(1, entry.info.shape);
  if (!lies_inside(images_.get(), entry.image_offset, image) ||
      (entry.labels_offset && !lies_inside(labels_.get(), *entry.labels_offset, labels))) {
    throw bad_file(path_,
                   fmt::format("item '{}' lies outside images.bin or labels.bin", entry.name),
                   "an index that fits the data files", "copy the pack again, all its files");
  }
}

Pack::Pack(const std::string& path) : path_(path) {
  const fs::path folder(path);
  const Json header = read_pack_header(folder / "pack.json");
  require_pack_header(folder / "pack.json", header);
  attributes_ = header.value("attributes", Json::object());
  images_ = std::make_shared<const core::MappedFile>(folder / "images.bin");
  if (fs::exists(folder / "labels.bin")) {
    labels_ = std::make_shared<const core::MappedFile>(folder / "labels.bin");
  }
  std::istringstream lines(core::read_text(folder / "index.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    try {
      entries_.push_back(parse_entry(core::parse_json(line, "item")));
    } catch (const std::exception& error) {  // of the parser, or of a field that is missing
      throw bad_file(folder / "index.jsonl",
                     fmt::format("line {}: {}", entries_.size() + 1, core::json_reason(error)),
                     "one JSON object for each item", "copy the pack again, all its files");
    }
    require_inside(entries_.back());
  }
  if (header.at("items") != entries_.size()) {
    throw bad_file(folder / "index.jsonl", fmt::format("{} items", entries_.size()),
                   fmt::format("{} items", header.at("items").dump()),
                   "copy the pack again, all its files");
  }
}

const std::string& Pack::name(std::size_t item) const {
  return entries_.at(item).name;
}

core::IntensityRange Pack::range(std::size_t item) const {
  return entries_.at(item).range;
}

const Json& Pack::provenance(std::size_t item) const {
  return entries_.at(item).provenance;
}

std::size_t Pack::find(const std::string& name) const {
  const auto it = std::find_if(entries_.begin(), entries_.end(),
                               [&](const Entry& entry) { return entry.name == name; });
  if (it != entries_.end()) {
    return static_cast<std::size_t>(it - entries_.begin());
  }
  std::string known;
  constexpr std::size_t kMaxNames = 20;
  for (std::size_t i = 0; i < std::min(size(), kMaxNames); ++i) {
    known += (i == 0 ? "" : ", ") + entries_[i].name;
  }
  throw bad_file(path_, name.empty() ? fmt::format("{} items", size()) : "no item '" + name + "'",
                 fmt::format("one of: {}{}", known, size() > kMaxNames ? ", ..." : ""),
                 fmt::format("write {}:NAME", path_));
}

core::VolumeInfo Pack::info_of(const Entry& entry, std::string axes,
                               const OpenOptions& options) const {
  require_axes(path_, axes, options);
  core::VolumeInfo info = entry.info;
  info.axes = std::move(axes);
  info.chunk = {1, 1, 0};
  info.source = size() == 1 ? path_ : fmt::format("{}:{}", path_, entry.name);
  if (options.voxel_nm) {
    info.voxel_nm = options.voxel_nm;
    info.voxel_nm_source = kGivenByUser;
  }
  return info;
}

std::unique_ptr<core::Volume> Pack::image(std::size_t item, const OpenOptions& options) const {
  const Entry& entry = entries_.at(item);
  return std::make_unique<PackVolume>(info_of(entry, entry.info.axes, options), images_,
                                      entry.image_offset);
}

std::unique_ptr<core::Volume> Pack::labels(std::size_t item, const OpenOptions& options) const {
  const Entry& entry = entries_.at(item);
  if (!entry.labels_offset) {
    return nullptr;
  }
  std::string axes = entry.info.axes;
  std::erase(axes, 'c');
  core::VolumeInfo info = info_of(entry, std::move(axes), options);
  info.source = fmt::format("{}:{}/labels", path_, entry.name);
  info.channels = 1;
  return std::make_unique<PackVolume>(std::move(info), labels_, *entry.labels_offset);
}

std::unique_ptr<core::Volume> open_pack(const Location& location, const OpenOptions& options) {
  auto volume = open_pack_item(location);
  require_axes(location.file.string(), volume->info().axes, options);
  return volume;
}

std::vector<std::string> pack_datasets(const Location& location) {
  if (!location.inner.empty()) {
    return {""};
  }
  const Pack pack(location.file.string());
  std::vector<std::string> datasets;
  for (std::size_t i = 0; i < pack.size(); ++i) {
    datasets.push_back(pack.size() == 1 ? "" : pack.name(i));
    if (pack.labels(i) != nullptr) {
      datasets.push_back(pack.name(i) + std::string(kLabels));
    }
  }
  return datasets;
}

}  // namespace retina::store
