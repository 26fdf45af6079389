#include "retina/phantom/phantom.h"

#include <limits>
#include <utility>

#include <fmt/format.h>

namespace retina::phantom {
namespace {

using core::Array;
using core::Box3;
using core::DType;
using core::Vec3;

constexpr double kLayerNm = 16.0;  // thick sections are averaged over layers of about this
constexpr Vec3 kPieceSamples{64, 256, 256};  // bounds the memory of one call

template <class T>
std::vector<Problem> checked_sides(std::string_view name, const std::vector<T>& sides, T lowest,
                                   T highest) {
  std::vector<Problem> problems;
  if (sides.size() != 3) {
    return {{.subject = std::string(name),
             .found = fmt::format("{} numbers", sides.size()),
             .expected = "three numbers: z, y, x"}};
  }
  for (const T side : sides) {
    if (!(side >= lowest && side <= highest)) {
      problems.push_back({.subject = std::string(name),
                          .found = fmt::format("{}", side),
                          .expected = fmt::format("numbers from {} to {}", lowest, highest)});
    }
  }
  return problems;
}

std::int64_t layers_of(const PhantomOptions& options) {
  const double finest = std::max({kLayerNm, options.voxel_nm[1], options.voxel_nm[2]});
  return std::max<std::int64_t>(1, std::llround(options.voxel_nm[0] / finest));
}

TissueSpec tissue_spec(const PhantomOptions& options) {
  const std::int64_t layers = layers_of(options);
  TissueSpec spec;
  spec.seed = options.seed;
  spec.step_nm = {static_cast<float>(options.voxel_nm[0] / static_cast<double>(layers)),
                  static_cast<float>(options.voxel_nm[1]), static_cast<float>(options.voxel_nm[2])};
  spec.samples = {options.shape[0] * layers, options.shape[1], options.shape[2]};
  spec.cell_nm = static_cast<float>(options.cell_nm);
  spec.mitochondria_density = options.mitochondria_density;
  return spec;
}

Point voxel_of(const PhantomOptions& options) {
  return {static_cast<float>(options.voxel_nm[0]), static_cast<float>(options.voxel_nm[1]),
          static_cast<float>(options.voxel_nm[2])};
}

const PhantomOptions& valid(const PhantomOptions& options) {
  throw_if_any(ErrorKind::usage, "the phantom's options have problems", options.validate());
  return options;
}

core::VolumeInfo describe(const Phantom& phantom, PhantomChannel channel) {
  core::VolumeInfo info;
  info.source = "phantom";
  info.format = "phantom";
  info.dtype = channel == PhantomChannel::instances ? DType::u32 : DType::u8;
  info.shape = phantom.shape();
  info.voxel_nm = phantom.voxel_nm();
  info.voxel_nm_source = "phantom options";
  info.chunk = kPieceSamples;
  return info;
}

Box3 grown(const Box3& box, const Vec3& by) {
  Box3 wide = box;
  for (std::size_t a = 0; a < 3; ++a) {
    wide.start[a] -= by[a];
    wide.shape[a] += 2 * by[a];
  }
  return wide;
}

}  // namespace

std::vector<Problem> PhantomOptions::validate() const {
  std::vector<Problem> problems = checked_sides<std::int64_t>("shape", shape, 1, 1 << 20);
  for (Problem& problem : checked_sides<double>("voxel_nm", voxel_nm, 2.0, 200.0)) {
    problems.push_back(std::move(problem));
  }
  const auto within = [&](std::string_view name, double value, double low, double high) {
    if (!(value >= low && value <= high)) {
      problems.push_back({.subject = std::string(name),
                          .found = fmt::format("{}", value),
                          .expected = fmt::format("a number from {} to {}", low, high)});
    }
  };
  within("cell_nm", cell_nm, 250, 5000);
  within("mitochondria_density", mitochondria_density, 0, 4);
  for (Problem& problem : imaging.validate()) {
    problems.push_back(std::move(problem));
  }
  if (problems.empty()) {
    const std::uint64_t most = std::numeric_limits<std::uint32_t>::max() / kMaxMitochondria - 1;
    const std::uint64_t cells = Tissue(tissue_spec(*this)).cells().index_count();
    if (cells > most) {
      problems.push_back({.subject = "shape",
                          .found = fmt::format("about {} cells", cells),
                          .expected = fmt::format("at most {}, so that ids fit 32 bits", most),
                          .remedy = "choose a smaller shape or a larger cell_nm"});
    }
  }
  return problems;
}

Phantom::Phantom(const PhantomOptions& options)
    : options_(valid(options)),
      shape_{options.shape[0], options.shape[1], options.shape[2]},
      voxel_nm_{options.voxel_nm[0], options.voxel_nm[1], options.voxel_nm[2]},
      layers_(layers_of(options)),
      tissue_(tissue_spec(options)),
      microscope_(options.seed, voxel_of(options), options.imaging) {}

void Phantom::require_inside(const Box3& box) const {
  if (!core::whole(shape_).contains(box)) {
    throw Error(ErrorKind::usage,
                Problem{.subject = "phantom",
                        .found = "block " + core::to_string(box),
                        .expected = "a block inside a volume of " + core::to_string(shape_)});
  }
}

TissueBlock Phantom::tissue_under(const Box3& box) const {
  const SectionShift longest = microscope_.longest_shift();
  Box3 samples = grown(box, {0, longest.y, longest.x});
  samples.start[0] *= layers_;
  samples.shape[0] *= layers_;
  return tissue_.render(samples);
}

/// The mean grey value over the thickness of each section of `box`, each section at its shift.
std::vector<float> Phantom::projected(const Box3& box, const TissueBlock& tissue) const {
  std::vector<float> mean(static_cast<std::size_t>(box.voxels()));
  const float share = 1.0F / static_cast<float>(layers_);
  float* out = mean.data();
  for (std::int64_t z = box.start[0]; z < box.stop()[0]; ++z) {
    const SectionShift shift = microscope_.shift(z);
    for (std::int64_t y = box.start[1]; y < box.stop()[1]; ++y) {
      for (std::int64_t layer = 0; layer < layers_; ++layer) {
        const Box3& from = tissue.box;
        const std::int64_t row =
            ((z * layers_ + layer - from.start[0]) * from.shape[1] + y + shift.y - from.start[1]) *
                from.shape[2] +
            box.start[2] + shift.x - from.start[2];
        const float* in = tissue.grey.data() + row;
        for (std::int64_t x = 0; x < box.shape[2]; ++x) {
          out[x] += share * in[x];
        }
      }
      out += box.shape[2];
    }
  }
  return mean;
}

/// The truth of the middle of each section of `box`.
PhantomBlock Phantom::truth_of(const Box3& box, const TissueBlock& tissue) const {
  PhantomBlock block;
  block.semantic = Array(DType::u8, 1, box.shape);
  block.instances = Array(DType::u32, 1, box.shape);
  std::uint8_t* semantic = block.semantic.values<std::uint8_t>().data();
  std::uint32_t* instances = block.instances.values<std::uint32_t>().data();
  const Box3& from = tissue.box;
  for (std::int64_t z = box.start[0]; z < box.stop()[0]; ++z) {
    const SectionShift shift = microscope_.shift(z);
    for (std::int64_t y = box.start[1]; y < box.stop()[1]; ++y) {
      const std::int64_t row = ((z * layers_ + layers_ / 2 - from.start[0]) * from.shape[1] + y +
                                shift.y - from.start[1]) *
                                   from.shape[2] +
                               box.start[2] + shift.x - from.start[2];
      std::copy_n(tissue.structure.data() + row, box.shape[2], semantic);
      std::copy_n(tissue.instance.data() + row, box.shape[2], instances);
      semantic += box.shape[2];
      instances += box.shape[2];
    }
  }
  return block;
}

PhantomBlock Phantom::piece(const Box3& box) const {
  const Box3 outer = grown(box, microscope_.halo());
  const TissueBlock tissue = tissue_under(outer);
  PhantomBlock block = truth_of(box, tissue);
  block.image = Array(DType::u8, 1, box.shape);
  const std::vector<std::uint8_t> image = microscope_.expose(box, projected(outer, tissue));
  std::copy(image.begin(), image.end(), block.image.values<std::uint8_t>().begin());
  return block;
}

template <class MakePiece>
PhantomBlock Phantom::in_pieces(const Box3& box, MakePiece make) const {
  require_inside(box);
  const Vec3 side{std::max<std::int64_t>(1, kPieceSamples[0] / layers_), kPieceSamples[1],
                  kPieceSamples[2]};
  if (box.shape[0] <= side[0] && box.shape[1] <= side[1] && box.shape[2] <= side[2]) {
    return make(box);
  }
  PhantomBlock all{Array(DType::u8, 1, box.shape), Array(DType::u8, 1, box.shape),
                   Array(DType::u32, 1, box.shape)};
  for (std::int64_t z = box.start[0]; z < box.stop()[0]; z += side[0]) {
    for (std::int64_t y = box.start[1]; y < box.stop()[1]; y += side[1]) {
      for (std::int64_t x = box.start[2]; x < box.stop()[2]; x += side[2]) {
        const Box3 part = core::intersect(box, {{z, y, x}, side});
        const PhantomBlock made = make(part);
        core::copy_overlap(made.semantic, part.start, all.semantic, box.start);
        core::copy_overlap(made.instances, part.start, all.instances, box.start);
        if (!made.image.bytes().empty()) {
          core::copy_overlap(made.image, part.start, all.image, box.start);
        }
      }
    }
  }
  return all;
}

PhantomBlock Phantom::block(const Box3& box) const {
  return in_pieces(box, [this](const Box3& part) { return piece(part); });
}

PhantomBlock Phantom::truth(const Box3& box) const {
  return in_pieces(box, [this](const Box3& part) { return truth_of(part, tissue_under(part)); });
}

PhantomVolume::PhantomVolume(std::shared_ptr<const Phantom> phantom, PhantomChannel channel)
    : Volume(describe(*phantom, channel)), phantom_(std::move(phantom)), channel_(channel) {}

Array PhantomVolume::read_box(const Box3& box) const {
  switch (channel_) {
    case PhantomChannel::image:
      return phantom_->image(box);
    case PhantomChannel::semantic:
      return phantom_->semantic(box);
    case PhantomChannel::instances:
      return phantom_->instances(box);
  }
  throw Error(ErrorKind::internal, "phantom: not a channel");
}

}  // namespace retina::phantom
