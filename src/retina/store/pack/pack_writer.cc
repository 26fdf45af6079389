#include <fstream>
#include <optional>
#include <set>
#include <system_error>

#include <fmt/format.h>

#include "retina/core/durable.h"
#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/core/lock.h"
#include "retina/core/replace_folder.h"
#include "retina/core/slabs.h"
#include "retina/store/output.h"
#include "retina/store/pack/pack.h"
#include "retina/store/pack/pack_output.h"
#include "retina/store/source_identity.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kAlignment = 64;
constexpr std::int64_t kSlabVoxels = std::int64_t{16} << 20;

/// Appends items to one of the data files.
class DataFile {
 public:
  explicit DataFile(const fs::path& path) : path_(path) {}

  /// Pads to the next item's place and says where that is.
  std::int64_t begin_item() {
    if (!out_.is_open()) {
      out_.open(path_, std::ios::binary);
    }
    const std::int64_t padding = (kAlignment - size_ % kAlignment) % kAlignment;
    append(std::vector<std::byte>(static_cast<std::size_t>(padding)));
    return size_;
  }

  void append(std::span<const std::byte> bytes) {
    out_.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    size_ += static_cast<std::int64_t>(bytes.size());
    require_good();
  }

  void close() {
    if (out_.is_open()) {
      out_.close();
      require_good();
      core::sync_file(path_);
    }
  }

 private:
  void require_good() const {
    if (!out_) {
      throw Error(ErrorKind::resource, Problem{.subject = fmt::format("'{}'", path_.string()),
                                               .found = "writing failed",
                                               .expected = "space on the disk",
                                               .remedy = "free some space or write elsewhere"});
    }
  }

  fs::path path_;
  std::ofstream out_;
  std::int64_t size_ = 0;
};

/// Label values as bytes; bad_data for a value that is no class id.
core::Array to_class_ids(const core::Array& labels, const std::string& source) {
  core::Array ids = core::convert(labels, core::DType::u8);
  if (core::convert(ids, labels.dtype()) != labels) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = fmt::format("labels '{}'", source),
                        .found = "values that are no whole numbers from 0 to 255",
                        .expected = "class ids",
                        .remedy = "map the labels to classes, or relabel the objects"});
  }
  return ids;
}

/// Channels lie apart in an item (c,z,y,x) but slabs hold all of them, so each channel takes one
/// pass.
void append_image(DataFile& file, const PackItem& item, const core::Context& context) {
  const core::VolumeInfo& info = item.image->info();
  for (int c = 0; c < info.channels; ++c) {
    core::for_each_slab(
        info.shape, info.chunk, kSlabVoxels / info.channels, [&](const core::Box3& box) {
          context.check_stop(core::kRerunHint);
          file.append(
              core::to_uint8(core::channel_of(item.image->read(box), c), item.range).bytes());
        });
  }
}

void append_labels(DataFile& file, const core::Volume& labels, const core::Context& context) {
  const core::VolumeInfo& info = labels.info();
  core::for_each_slab(info.shape, info.chunk, kSlabVoxels, [&](const core::Box3& box) {
    context.check_stop(core::kRerunHint);
    file.append(to_class_ids(labels.read(box), info.source).bytes());
  });
}

Json index_line(const PackItem& item) {
  const core::VolumeInfo& info = item.image->info();
  return {{"name", item.name},
          {"shape", info.shape},
          {"channels", info.channels},
          {"axes", info.axes},
          {"voxel_nm", info.voxel_nm ? Json(*info.voxel_nm) : Json(nullptr)},
          {"offset_nm", info.offset_nm},
          {"image_offset", nullptr},
          {"labels_offset", nullptr},
          {"range", {item.range.low, item.range.high}},
          {"source", info.source},
          {"provenance", item.provenance}};
}

void validate_items(std::span<const PackItem> items) {
  std::vector<Problem> problems;
  std::set<std::string> names;
  for (const PackItem& item : items) {
    if (item.name.empty() || !names.insert(item.name).second) {
      problems.push_back({.subject = fmt::format("item '{}'", item.name),
                          .found = item.name.empty() ? "no name" : "a name used twice",
                          .expected = "a name of its own"});
    }
    if (item.labels != nullptr &&
        (item.labels->shape() != item.image->shape() || item.labels->info().channels != 1)) {
      problems.push_back(
          {.subject = fmt::format("labels '{}'", item.labels->info().source),
           .found = fmt::format("shape {}, {} channel(s)", core::to_string(item.labels->shape()),
                                item.labels->info().channels),
           .expected =
               fmt::format("shape {} as '{}', 1 channel", core::to_string(item.image->shape()),
                           item.image->info().source)});
    }
  }
  throw_if_any(ErrorKind::bad_data, "the pack cannot be made", problems);
}

std::int64_t bytes_of(std::span<const PackItem> items) {
  std::int64_t bytes = 0;
  for (const PackItem& item : items) {
    const std::int64_t channels = item.image->info().channels + (item.labels != nullptr ? 1 : 0);
    bytes += core::whole(item.image->shape()).voxels() * channels;
  }
  return bytes;
}

/// A pack is not compressed: whether it fits is known before hours of writing.
void require_space(const fs::path& folder, std::int64_t bytes) {
  const auto available = static_cast<std::int64_t>(fs::space(folder).available);
  if (bytes > available) {
    throw Error(ErrorKind::resource,
                Problem{.subject = fmt::format("'{}'", folder.string()),
                        .found = fmt::format("{} free", core::format_size(available)),
                        .expected = fmt::format("{} for the pack", core::format_size(bytes)),
                        .remedy = "free some space or write elsewhere"});
  }
}

std::string write_items(const fs::path& folder, std::span<const PackItem> items,
                        const core::Context& context) {
  DataFile images(folder / "images.bin");
  DataFile labels(folder / "labels.bin");
  images.begin_item();
  std::string index;
  context.progress->begin("pack", static_cast<std::int64_t>(items.size()), "images");
  std::int64_t done = 0;
  for (const PackItem& item : items) {
    context.check_stop(core::kRerunHint);
    Json line = index_line(item);
    line["image_offset"] = images.begin_item();
    append_image(images, item, context);
    if (item.labels != nullptr) {
      line["labels_offset"] = labels.begin_item();
      append_labels(labels, *item.labels, context);
    }
    index += core::dump_json(line) + "\n";
    context.progress->update(++done, item.name);
  }
  images.close();
  labels.close();
  context.progress->end();
  return index;
}

/// Writes the pack into `folder`, as long as the inputs stay what they are.
void write_unchanged(const fs::path& folder, std::span<const PackItem> items,
                     const Json& attributes, const core::Context& context) {
  InputFiles inputs;
  for (const PackItem& item : items) {
    context.check_stop(core::kRerunHint);
    inputs.add(item.image->info().source);
    if (item.labels != nullptr) {
      inputs.add(item.labels->info().source);
    }
  }
  write_pack_files(folder, items, attributes, context);
  inputs.require_unchanged(InputFiles::Rerun::afresh);
}

}  // namespace

void refuse_pack_place(const std::string& path, bool overwrite) {
  const fs::path place = parse_location(path).file;
  CreateOptions output;
  output.overwrite = overwrite;
  refuse_existing(place, output);
  refuse_other_kind(place, /*becomes_folder=*/true);
  if (fs::is_directory(place)) {
    refuse_foreign(place, foreign_in_pack(place, output));
  }
}

void write_pack(const std::string& path, std::span<const PackItem> items,
                const PackOptions& options, const core::Context& context) {
  const fs::path final_path = parse_location(path).file;
  validate_items(items);
  const core::OutputLock lock(final_path);  // first: what is there must not change any more
  core::recover_replaced(final_path);
  refuse_pack_place(path, options.overwrite);
  const fs::path folder = core::partial_path(final_path);
  prepare_partial_folder(folder, {.overwrite = options.overwrite});
  try {
    write_unchanged(folder, items, options.attributes, context);
    core::rename_into_place(folder, final_path);
  } catch (...) {
    std::error_code ignored;  // the first error is the one to tell; the next run cleans up too
    fs::remove_all(folder, ignored);
    throw;
  }
}

void write_pack_files(const fs::path& folder, std::span<const PackItem> items,
                      const Json& attributes, const core::Context& context) {
  validate_items(items);
  require_space(folder, bytes_of(items));
  const std::string index = write_items(folder, items, context);
  core::write_atomically(folder / "index.jsonl", std::string_view(index));
  const Json header = {{"format", "retina-pack"},
                       {"version", 1},
                       {"items", items.size()},
                       {"attributes", attributes}};
  core::write_atomically(folder / "pack.json", std::string_view(core::dump_json(header, 2)));
}

}  // namespace retina::store
