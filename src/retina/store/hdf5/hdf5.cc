#include "retina/store/hdf5/hdf5.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/store/axis_order.h"
#include "retina/store/chunk_cache.h"
#include "retina/store/flat_file.h"
#include "retina/store/hdf5/hdf5_dataset.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kHdf5Magic = "\x89HDF\r\n\x1a\n";
constexpr std::streamoff kLastUserBlock = 8192;  // the magic may follow a block of another program
constexpr std::size_t kMostChoices = 20;

/// The values of a dataset as c,z,y,x.
class Hdf5Volume final : public core::Volume {
 public:
  Hdf5Volume(core::VolumeInfo info, std::unique_ptr<Hdf5File> file,
             std::unique_ptr<Hdf5Dataset> dataset, const AxisOrder& order)
      : Volume(std::move(info)),
        file_(std::move(file)),
        dataset_(std::move(dataset)),
        order_(order) {
    const Hdf5Layout& layout = dataset_->layout();
    info_.dtype = layout.dtype;
    info_.channels = static_cast<int>(order.shape[0]);
    info_.shape = {order.shape[1], order.shape[2], order.shape[3]};
    if (layout.data_offset) {
      flat_ = std::make_unique<FlatFile>(file_->path(), FlatLayout{.dtype = layout.dtype,
                                                                   .byte_order = layout.byte_order,
                                                                   .offset = *layout.data_offset,
                                                                   .shape = order.shape,
                                                                   .order = order.order});
      info_.chunk = flat_->unit();
    } else if (!layout.chunk.empty()) {
      chunk_ = dense_order(info_.axes, layout.chunk);
      info_.chunk = {chunk_.shape[1], chunk_.shape[2], chunk_.shape[3]};
    }
  }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    const Block4 block = with_channels(box, info_.channels);
    if (flat_ != nullptr) {
      return flat_->read(block);
    }
    if (dataset_->layout().chunk.empty()) {
      return read_with_library(block);
    }
    core::Array values = make_array(info_.dtype, block.shape);
    fill(values);
    for_each_cell(block, chunk_.shape, [&](const Index4& index) {
      const auto chunk = cache_.get(cell_number(index), [&] { return read_chunk(index); });
      if (chunk->channels() > 0) {
        copy_block(*chunk, cell_block(index, chunk_.shape).start, values, block.start);
      }
    });
    return values;
  }

 private:
  std::int64_t cell_number(const Index4& index) const {
    std::int64_t number = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::int64_t cells = (order_.shape[i] + chunk_.shape[i] - 1) / chunk_.shape[i];
      number = number * cells + index[i];
    }
    return number;
  }

  void fill(core::Array& values) const {
    const std::vector<std::byte>& pattern = dataset_->layout().fill;
    if (std::all_of(pattern.begin(), pattern.end(),
                    [](std::byte b) { return b == std::byte{0}; })) {
      return;  // arrays are born as zeros
    }
    for (std::size_t i = 0; i < values.bytes().size(); i += pattern.size()) {
      std::memcpy(values.bytes().data() + i, pattern.data(), pattern.size());
    }
  }

  /// A chunk, c,z,y,x; without channels if it was never written.
  core::Array read_chunk(const Index4& index) const {
    const Hdf5Layout& layout = dataset_->layout();
    const Block4 cell = cell_block(index, chunk_.shape);
    if (layout.needs_library) {
      return read_with_library(intersect(cell, {{0, 0, 0, 0}, order_.shape}));
    }
    std::vector<std::int64_t> start = sides_in_order(info_.axes, cell.start);
    for (std::size_t i = 0; i < start.size(); ++i) {
      start[i] = info_.axes[i] == 't' ? 0 : start[i];
    }
    const auto stored = dataset_->stored_chunk(start);
    if (!stored) {
      return {};
    }
    try {
      const std::vector<std::byte> bytes = decode_hdf5_chunk(
          stored->bytes, layout.filters, stored->skipped_filters, layout.chunk_bytes());
      core::Array chunk = make_array(layout.dtype, chunk_.shape);
      gather(bytes, chunk_.stride, chunk, {0, 0, 0, 0}, chunk_.shape);
      to_native_order(chunk, layout.byte_order);
      return chunk;
    } catch (const Error& error) {
      throw error.within(
          fmt::format("chunk at [{}] of '{}'", fmt::join(start, ", "), info_.source));
    }
  }

  core::Array read_with_library(const Block4& block) const {
    std::vector<std::int64_t> start = sides_in_order(info_.axes, block.start);
    for (std::size_t i = 0; i < start.size(); ++i) {
      start[i] = info_.axes[i] == 't' ? 0 : start[i];
    }
    const std::vector<std::int64_t> count = sides_in_order(info_.axes, block.shape);
    const std::vector<std::byte> bytes = dataset_->read(start, count);
    core::Array values = make_array(info_.dtype, block.shape);
    gather(bytes, dense_order(info_.axes, count).stride, values, {0, 0, 0, 0}, block.shape);
    return values;
  }

  std::unique_ptr<Hdf5File> file_;
  std::unique_ptr<Hdf5Dataset> dataset_;
  AxisOrder order_;
  AxisOrder chunk_;
  std::unique_ptr<FlatFile> flat_;  ///< where the values lie flat
  CacheOwner cache_;
};

[[noreturn]] void fail_choice(const Hdf5File& file, const std::string& found,
                              const std::vector<std::string>& images) {
  std::vector<std::string> choices;
  for (const std::string& name : images) {
    if (choices.size() == kMostChoices) {
      choices.push_back(fmt::format("{} more", images.size() - kMostChoices));
      break;
    }
    choices.push_back(fmt::format("{}:{}", file.path().string(), name));
  }
  throw bad_file(
      file.path(), found,
      choices.empty() ? "a dataset of numbers in 2 to 5 dimensions"
                      : fmt::format("one of: {}", fmt::join(choices, ", ")),
      choices.empty() ? "name another file" : "write the file's name, ':' and the dataset");
}

std::string choose_dataset(const Hdf5File& file, const std::string& inner) {
  const std::string name = "/" + inner;
  const Hdf5File::Node node = inner.empty() ? Hdf5File::Node::group : file.node(name);
  if (node == Hdf5File::Node::dataset) {
    return name;
  }
  if (node == Hdf5File::Node::nothing) {
    fail_choice(file, fmt::format("nothing at '{}'", name), file.image_datasets("/"));
  }
  std::vector<std::string> images = file.image_datasets(name);
  if (images.size() != 1) {
    fail_choice(file, fmt::format("{} datasets that may be images", images.size()), images);
  }
  return std::move(images.front());
}

}  // namespace

bool is_hdf5(const Location& location) {
  if (begins_with(location.file, kHdf5Magic)) {
    return true;
  }
  if (!fs::is_regular_file(location.file)) {
    return false;
  }
  std::ifstream in(location.file, std::ios::binary);
  std::string start(kHdf5Magic.size(), '\0');
  for (std::streamoff at = 512; at <= kLastUserBlock && in; at *= 2) {
    in.seekg(at);
    if (in.read(start.data(), static_cast<std::streamsize>(start.size())) && start == kHdf5Magic) {
      return true;
    }
  }
  return false;
}

std::vector<std::string> hdf5_datasets(const Location& location) {
  const Hdf5File file(location.file);
  const std::string group = "/" + location.inner;
  const Hdf5File::Node node = location.inner.empty() ? Hdf5File::Node::group : file.node(group);
  if (node != Hdf5File::Node::group) {
    return {""};  // opening it says what is wrong, if anything
  }
  std::vector<std::string> names = file.image_datasets(group);
  const std::size_t above = location.inner.empty() ? 1 : group.size() + 1;
  for (std::string& name : names) {
    name.erase(0, above);
  }
  return names;
}

std::unique_ptr<core::Volume> open_hdf5(const Location& location, const OpenOptions& options) {
  auto file = std::make_unique<Hdf5File>(location.file);
  const std::string name = choose_dataset(*file, location.inner);
  auto dataset = std::make_unique<Hdf5Dataset>(*file, name);
  Hdf5Space space;
  AxisOrder order;
  try {
    space = understand_hdf5(dataset->attributes(), dataset->layout().sides.size(), options.axes);
    order = order_axes(space.axes, dataset->layout().sides);
  } catch (const Error& error) {
    throw error.within(fmt::format("'{}:{}'", location.file.string(), name));
  }
  core::VolumeInfo info;
  info.source = location.text;
  info.format = "hdf5";
  info.axes = space.axes;
  info.voxel_nm = space.voxel_nm;
  info.voxel_nm_source = space.voxel_nm_source;
  info.offset_nm = space.offset_nm;
  info.notes = std::move(space.notes);
  if (name != "/" + location.inner) {
    info.notes.insert(info.notes.begin(), fmt::format("dataset {}", name));
  }
  return std::make_unique<Hdf5Volume>(std::move(info), std::move(file), std::move(dataset), order);
}

}  // namespace retina::store
