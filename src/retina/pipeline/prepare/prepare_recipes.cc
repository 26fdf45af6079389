#include "retina/pipeline/prepare/prepare_recipes.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/core/error.h"
#include "retina/core/options.h"

namespace retina::pipeline {
namespace {

constexpr std::uint64_t kGreatestLabel = std::numeric_limits<std::uint64_t>::max();

// CREMI: ids count from 1; the last two values of the type are marks.
constexpr std::uint64_t kCremiBackground = kGreatestLabel;
constexpr std::uint64_t kCremiInvalid = kGreatestLabel - 1;

/// Kasthuri++ and its like: 255 is the structure, 2 lies outside the annotated area.
constexpr std::uint64_t kPaddingGrey = 2;

std::vector<LabelRange> nonzero_is_one() {
  return {{.first = 0, .last = 0, .class_id = 0},
          {.first = 1, .last = kGreatestLabel, .class_id = 1}};
}

/// Stored 0 and 1, of which 1 becomes `class_id`.
std::vector<LabelRange> zero_and_one(int class_id) {
  return {{.first = 0, .last = 0, .class_id = 0}, {.first = 1, .last = 1, .class_id = class_id}};
}

std::vector<LabelRange> class_ids_to(int last) {
  std::vector<LabelRange> ranges;
  for (int id = 0; id <= last; ++id) {
    const auto value = static_cast<std::uint64_t>(id);
    ranges.push_back({.first = value, .last = value, .class_id = id});
  }
  return ranges;
}

VolumeRecipe cremi_sample(const std::string& letter, const std::string& split) {
  const std::string sample = "sample_" + letter;
  const std::vector<std::string> places{sample + "_20160501.hdf", sample + ".hdf",
                                        sample + "_padded_*.hdf", sample + "_*.hdf",
                                        sample + "*.h5"};
  const std::vector<LabelRange> clefts{
      {.first = 0, .last = kCremiInvalid - 1, .class_id = 1},
      {.first = kCremiInvalid, .last = kCremiInvalid, .class_id = 1, .is_unknown = true},
      {.first = kCremiBackground, .last = kCremiBackground, .class_id = 0}};
  return {.folder = split + "/" + sample,
          .image = {.places = places, .dataset = "volumes/raw"},
          .labels = {{.where = {.places = places, .dataset = "volumes/labels/clefts"},
                      .ranges = clefts}},
          .drops_last = split != "test"};
}

DatasetRecipe cremi() {
  return {.name = "cremi",
          .title = "CREMI synaptic clefts: ssTEM of the adult fly brain",
          .source = "https://cremi.org/data/",
          .licence = "see the source",
          .expects = "sample_A_20160501.hdf, sample_B_20160501.hdf, sample_C_20160501.hdf",
          .voxel_nm = core::Vec3d{40, 4, 4},
          .volumes = {cremi_sample("A", "train"), cremi_sample("B", "train"),
                      cremi_sample("C", "test")},
          .training = {.classes = {"clefts"},
                       .steps = 10000,
                       .prints = 100,
                       .mean = 0.27342241,
                       .std = 0.26917548,
                       .crop_nonempty = 0.8},
          .remarks = {"mean and std are those of Kasthuri++, as published; the images' own are "
                      "0.50387249 and 0.10911144",
                      "published inference: slices of the whole volume, overlap 0.7"}};
}

VolumeRecipe guay_volume(const std::string& stem, const std::string& split,
                         const std::string& folder) {
  return {.folder = folder,
          .image = {.places = {stem + "-images.tif", split + "/images/" + stem + "-images.nrrd"}},
          .labels = {{.where = {.places = {stem + "-labels.tif",
                                           split + "/masks/" + stem + "-images.nrrd"}},
                      .ranges = class_ids_to(6)}},
          .drops_last = folder != "test"};
}

DatasetRecipe guay() {
  return {
      .name = "guay",
      .title = "Guay: organelles in SBF-SEM of human platelets",
      .source = "https://leapmanlab.github.io/dense-cell/ (platelet_data_1219.zip)",
      .licence = "see the source",
      .expects = "train-, eval- and test-images.tif and -labels.tif of folder platelet_data",
      .voxel_nm = core::Vec3d{50, 10, 10},
      .grey = GreyRule::min_max,
      .volumes = {guay_volume("train", "train", "train"),
                  guay_volume("eval", "valid", "validation"), guay_volume("test", "test", "test")},
      .training = {.classes = {"cell", "mitochondrion", "alpha_granule", "canalicular_vessel",
                               "dense_granule", "dense_core"},
                   .class_weights = {0.1, 0.1, 1, 1, 0.1, 3, 3},
                   .steps = 3000,
                   .prints = 30,
                   .mean = 0.55412821,
                   .std = 0.15759415,
                   .noise_and_blur = 0.5},
      .remarks = {"the published configuration names classes 3 and 4 the other way round; the "
                  "ids are the same",
                  "published scores: classes 2 to 6; what lies outside the annotated cells is "
                  "0 (evaluate --mask-prediction leaves it out)"}};
}

ImageSetRecipe kasthuri_set(const std::string& prefix, const std::string& folder) {
  return {
      .folder = folder,
      .images = {.places = {prefix + "_In"}},
      .masks = {.places = {prefix + "_Out"}},
      .ranges = {{.first = 0, .last = kPaddingGrey - 1, .class_id = 0},
                 {.first = kPaddingGrey, .last = kPaddingGrey, .class_id = 0, .is_unknown = true},
                 {.first = kPaddingGrey + 1, .last = 254, .class_id = 0},
                 {.first = 255, .last = 255, .class_id = 1}}};
}

DatasetRecipe kasthuri() {
  return {.name = "kasthuri",
          .title = "Kasthuri++: mitochondria in ATUM-SEM of mouse cortex",
          .source = "https://sites.google.com/view/connectomics/ (kasthuri_pp.zip)",
          .licence = "see the source",
          .expects = "folders Train_In, Train_Out, Test_In and Test_Out of folder Kasthuri++",
          .voxel_nm = core::Vec3d{30, 3, 3},
          .image_sets = {kasthuri_set("Train", "train"), kasthuri_set("Test", "test")},
          .training = {.classes = {"mitochondria"},
                       .steps = 10000,
                       .prints = 50,
                       .mean = 0.27342241,
                       .std = 0.26917548,
                       .crop_nonempty = 0.8,
                       .seed = 92},
          .remarks = {"published inference: image by image, overlap 0.7"}};
}

/// The four organelles are data sets of their own, out of one download.
DatasetRecipe perez(const std::string& organelle, const std::string& short_name, std::int64_t steps,
                    std::int64_t prints) {
  const auto set = [&](const std::string& images, const std::string& masks,
                       const std::string& folder) {
    const std::string prepared = short_name + "/" + folder;
    return ImageSetRecipe{.folder = folder,
                          .images = {.places = {images + "/" + organelle, prepared + "/images"}},
                          .masks = {.places = {masks + "/" + organelle, prepared + "/masks"}},
                          .ranges = nonzero_is_one()};
  };
  const bool is_lysosomes = organelle == "lysosomes";
  return {.name = "perez-" + organelle,
          .title = fmt::format("Perez: {} in SBF-SEM of mouse brain", organelle),
          .source = "https://www.sci.utah.edu/releases/chm_v2.1.367/ (chm-supplemental_data.zip)",
          .licence = "see the source",
          .expects = fmt::format("training_images/{0}, training_labels/{0}, test_images/{0} and "
                                 "ground_truth/{0} of folder supplemental_data",
                                 organelle),
          .image_sets = {set("training_images", "training_labels", "train"),
                         set("test_images", "ground_truth", "test")},
          .training = {.classes = {organelle},
                       .steps = steps,
                       .prints = prints,
                       .mean = 0.35047498,
                       .std = 0.01674651},
          .remarks = {"only a part of the objects of the test images is labelled: evaluate with "
                      "--instance-match, as published",
                      fmt::format("published inference: image by image, overlap {}",
                                  is_lysosomes ? 0.5 : 0.7)}};
}

struct UrocellBlock {
  const char* stem;
  const char* split;
  std::int64_t skip_rows;
};
constexpr std::array<UrocellBlock, 5> kUrocellBlocks{{{"fib1-1-0-3", "train", 54},
                                                      {"fib1-3-2-1", "train", 0},
                                                      {"fib1-3-3-0", "train", 0},
                                                      {"fib1-4-3-0", "train", 0},
                                                      {"fib1-0-0-0", "test", 12}}};

VolumeRecipe urocell_volume(const UrocellBlock& block) {
  const std::string stem = block.stem;
  const std::string split = block.split;
  const auto part = [&](const std::string& folder, const std::string& older) {
    const std::string file = "/" + stem + ".nii";
    std::vector<std::string> places;
    for (const std::string& place : {folder, older}) {
      places.push_back(place + file + ".gz");
      places.push_back(place + file);
    }
    return DownloadPart{.places = places};
  };
  const bool is_test = split == "test";
  return {.folder = split + "/" + stem,
          .image = part("data", "images"),
          .labels = {{.where = part("lyso/binary", "lyso"), .ranges = zero_and_one(1)},
                     {.where = part("mito/binary", "mito"), .ranges = zero_and_one(2)}},
          .planes =
              is_test ? std::vector<std::string>{"xy"} : std::vector<std::string>{"xy", "xz", "yz"},
          .skip_rows = block.skip_rows,
          .drops_last = !is_test};
}

DatasetRecipe urocell() {
  std::vector<VolumeRecipe> volumes;
  std::vector<std::string> files;
  for (const UrocellBlock& block : kUrocellBlocks) {
    volumes.push_back(urocell_volume(block));
    files.push_back(fmt::format("{}.nii.gz", block.stem));
  }
  return {.name = "urocell",
          .title = "UroCell: lysosomes and mitochondria in FIB-SEM of mouse bladder",
          .source = "https://github.com/MancaZerovnikMekuc/UroCell",
          .licence = "CC BY-NC-SA 4.0",
          .expects = fmt::format("folders data, lyso/binary and mito/binary, in each {}",
                                 fmt::join(files, ", ")),
          .voxel_nm = core::Vec3d{15, 16, 16},
          .grey = GreyRule::truncated,
          .volumes = std::move(volumes),
          .training = {.classes = {"lysosomes", "mitochondria"},
                       .class_weights = {0.1, 1, 1},
                       .steps = 3000,
                       .prints = 15,
                       .mean = 0.27342241,
                       .std = 0.26917548,
                       .crop_nonempty = 0.8},
          .remarks = {"mean and std are those of Kasthuri++, as published; the images' own are "
                      "0.76752738 and 0.10404078",
                      "the rows of xz and yz planes lie along z: 15 nm, not 16",
                      "published inference: planes along three axes, overlap 0.5"}};
}

DatasetRecipe cem500k() {
  return {
      .name = "cem500k",
      .title = "CEM500K: half a million unlabelled EM patches, for pre-training",
      .source = "EMPIAR-10592, https://www.ebi.ac.uk/empiar/EMPIAR-10592/",
      .licence = "CC0 1.0, as all of EMPIAR",
      .expects = "the unpacked folder of .tif, .tiff or .png patches",
      .is_unlabelled = true,
      .remarks = {"about 5 % of the patches come from the labelled sets here, so scores on those "
                  "are not of unseen tissue"}};
}

}  // namespace

const std::vector<DatasetRecipe>& dataset_recipes() {
  static const std::vector<DatasetRecipe> kTable{cremi(),
                                                 guay(),
                                                 kasthuri(),
                                                 perez("lysosomes", "lyso", 10000, 50),
                                                 perez("mitochondria", "mito", 3000, 30),
                                                 perez("nuclei", "nuclei", 3000, 30),
                                                 perez("nucleoli", "nucleoli", 3000, 30),
                                                 urocell(),
                                                 cem500k()};
  return kTable;
}

const DatasetRecipe& find_recipe(const std::string& name) {
  std::vector<std::string> names;
  for (const DatasetRecipe& recipe : dataset_recipes()) {
    if (recipe.name == name) {
      return recipe;
    }
    names.push_back(recipe.name);
  }
  throw Error(ErrorKind::usage, Problem{.subject = "dataset",
                                        .found = fmt::format("'{}'", name),
                                        .remedy = core::suggestion(name, names) +
                                                  " (retina prepare --list describes them)"});
}

bool has_unknown(const DatasetRecipe& recipe) {
  const auto marks = [](const std::vector<LabelRange>& ranges) {
    return std::any_of(ranges.begin(), ranges.end(),
                       [](const LabelRange& range) { return range.is_unknown; });
  };
  const auto in_volume = [&](const VolumeRecipe& volume) {
    return std::any_of(volume.labels.begin(), volume.labels.end(),
                       [&](const LabelPart& part) { return marks(part.ranges); });
  };
  return std::any_of(recipe.volumes.begin(), recipe.volumes.end(), in_volume) ||
         std::any_of(recipe.image_sets.begin(), recipe.image_sets.end(),
                     [&](const ImageSetRecipe& set) { return marks(set.ranges); });
}

}  // namespace retina::pipeline
