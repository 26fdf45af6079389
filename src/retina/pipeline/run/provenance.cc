#include "retina/pipeline/run/provenance.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/core/record.h"
#include "retina/core/version.h"
#include "retina/model/model.h"
#include "retina/pipeline/check/duplicates.h"
#include "retina/pipeline/models/transfer_record.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWithoutEffect[] = {"output",
                                          "device",
                                          "threads",
                                          "log_every",
                                          "resume",
                                          "overwrite",
                                          "dry_run",
                                          "extend_to",
                                          "checkpoint_every",
                                          "checkpoint_epochs",
                                          "checkpoint_minutes",
                                          "pictures",
                                          "pictures_every",
                                          "keep",
                                          "init",
                                          "name",
                                          "description",
                                          "licence"};

constexpr std::int64_t kSampledBytes = std::int64_t{32} << 20;
constexpr std::int64_t kFewestSampled = 8;
constexpr std::size_t kKeyWidth = 20;

const data::LabelledVolume& volume_at(const data::Dataset& dataset, const data::Slice& slice) {
  return dataset.volumes[static_cast<std::size_t>(slice.volume)];
}

/// How many of `slices` have some 32 MiB of pixels together.
std::int64_t planes_to_sample(const data::Dataset& dataset,
                              const std::vector<data::Slice>& slices) {
  std::int64_t pixels = 0;
  for (const data::Slice& slice : slices) {
    const core::Vec3 plane =
        data::plane_shape(volume_at(dataset, slice).image->shape(), slice.axis);
    pixels += plane[1] * plane[2];
  }
  const auto count = static_cast<std::int64_t>(slices.size());
  const std::int64_t mean = count > 0 ? std::max<std::int64_t>(1, pixels / count) : 1;
  return std::min(count, std::max(kFewestSampled, kSampledBytes / mean));
}

Json digest_to_json(const DataDigest& data) {
  return {{"digest", data.value},
          {"digest_of", fmt::format("{} of {} planes", data.planes_read, data.planes)}};
}

std::string text_of_digest(const Json& data, const std::string& source) {
  return fmt::format("digest {} of {}", core::member_of<std::string>(data, "digest", source),
                     core::member_of<std::string>(data, "digest_of", source));
}

/// A value in one line, as far as that is readable.
std::string in_one_line(const Json& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return text.empty() ? "none" : text;
  }
  if (!value.is_structured()) {
    return core::dump_json(value);
  }
  std::string line;
  for (const auto& [key, item] : value.items()) {
    line += line.empty() ? "" : ", ";
    line += value.is_object() ? key + " " : "";
    line += in_one_line(item);
  }
  return line.empty() ? "none" : line;
}

bool is_list_of_tables(const Json& value) {
  return value.is_array() && !value.empty() && value.front().is_structured();
}

}  // namespace

std::string weights_digest(const std::string& init) {
  if (init.empty()) {
    return "";
  }
  const fs::path file = fs::is_regular_file(init)
                            ? fs::path(init)
                            : model::find_model_folder(init) / model::kWeightsFile;
  return core::digest(core::MappedFile(file).bytes());
}

Json effective_options(Json options) {
  for (const char* key : kWithoutEffect) {
    options.erase(key);
  }
  return options;
}

Json source_record(const data::DataOptions& source, std::size_t slices) {
  const data::DataOptions usual{};
  const bool is_whole_path = source.path.empty();
  Json record = Json::object();
  if (!is_whole_path) {
    record["path"] = source.path;
  }
  if (is_whole_path || source.images != usual.images) {
    record["images"] = source.images;
  }
  if (!source.masks.empty() && (is_whole_path || source.masks != usual.masks)) {
    record["masks"] = source.masks;
  }
  if (source.axes != usual.axes) {
    record["axes"] = source.axes;
  }
  if (!source.slices.empty()) {
    record["range"] = source.slices;
  }
  record["slices"] = slices;
  return record;
}

DataDigest sampled_digest(const data::Dataset& dataset) {
  std::vector<std::uint64_t> seen;
  for (const data::LabelledVolume& volume : dataset.volumes) {
    for (const std::int64_t side : volume.image->shape()) {
      seen.push_back(static_cast<std::uint64_t>(side));
    }
    seen.push_back(static_cast<std::uint64_t>(volume.image->info().dtype));
  }
  const std::vector<data::Slice> slices = data::distinct(dataset.slices);
  const auto count = static_cast<std::int64_t>(slices.size());
  const std::int64_t sampled = planes_to_sample(dataset, slices);
  for (std::int64_t i = 0; i < sampled; ++i) {
    const data::Slice& slice = slices[static_cast<std::size_t>(i * count / sampled)];
    const core::Array image = data::read_image(dataset, slice);
    PlaneHash hash(image.shape());
    hash.add(image);
    seen.push_back(hash.value());
  }
  return {.value = core::digest(std::as_bytes(std::span(seen))),
          .planes_read = sampled,
          .planes = count};
}

void require_same_data(const fs::path& run, const DataDigest& data, bool resumes) {
  const fs::path file = run / "data.json";
  const Json found = digest_to_json(data);
  if (!resumes || !fs::exists(file)) {
    core::write_atomically(file, std::string_view(core::dump_json(found)));
    return;
  }
  const Json begun = core::read_json(file);
  const std::string expected = text_of_digest(begun, file.string());
  const std::string present = text_of_digest(found, file.string());
  if (present != expected) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = fmt::format("training data of '{}'", run.string()),
                        .found = present,
                        .expected = expected + ", as when it was begun",
                        .remedy = "put the images and labels back as they were, or start a new run "
                                  "with --init " +
                                  run.string()});
  }
}

model::Card worded_card(const TrainingOptions& options, const std::string& preset) {
  model::Card card;
  card.name = options.name.empty() ? preset : options.name;
  card.licence = options.licence;
  card.provenance["preset"] = preset;
  if (!options.description.empty()) {
    card.provenance["description"] = options.description;
  }
  return card;
}

Json provenance_of(const RunInputs& inputs) {
  const std::string options = core::dump_json(effective_options(inputs.config));
  Json made = Json::object();
  made["data"] = digest_to_json(inputs.data);
  made["data"]["sources"] = inputs.sources;
  made["configuration_digest"] = core::digest(std::as_bytes(std::span(options)));
  const std::string weights = transferred_digest(inputs.run);
  if (!weights.empty()) {
    made["init_digest"] = weights;
  }
  made["program"] = fmt::format("retina {}", core::kProgramVersion);
  return made;
}

std::string table_lines(const Json& table, std::size_t indent) {
  const std::string margin(indent, ' ');
  std::string lines;
  for (const auto& [key, value] : table.items()) {
    if (value.is_object() && !value.empty()) {
      lines += margin + key + "\n" + table_lines(value, indent + 2);
    } else if (is_list_of_tables(value)) {
      lines += margin + key + "\n";
      for (const Json& item : value) {
        lines += margin + "  " + in_one_line(item) + "\n";
      }
    } else {
      lines += fmt::format("{}{:<{}}  {}\n", margin, key, kKeyWidth, in_one_line(value));
    }
  }
  return lines;
}

}  // namespace retina::pipeline
