#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "retina/core/array.h"
#include "retina/core/error.h"
#include "retina/core/volume.h"
#include "retina/phantom/imaging.h"
#include "retina/phantom/shading.h"
#include "retina/phantom/tissue.h"

namespace retina::phantom {

/// A synthetic EM volume.
struct PhantomOptions {
  std::vector<std::int64_t> shape{160, 160, 160};
  std::vector<double> voxel_nm{8, 8, 8};
  std::uint64_t seed = 0;
  double cell_nm = 440;
  double mitochondria_density = 1;
  ImagingOptions imaging;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("shape", self.shape, "voxels along z, y, x");
    visit("voxel_nm", self.voxel_nm,
          "size of a voxel along z, y, x; a large z makes thick sections");
    visit("seed", self.seed, "another seed is another tissue");
    visit("cell_nm", self.cell_nm, "mean distance of neurites");
    visit("mitochondria_density", self.mitochondria_density, "1 gives about 9 % of the volume");
    visit("imaging", self.imaging, "noise, blur, shifts and damage");
  }
  /// All problems at once: lengths, ranges, and a volume too large for 32-bit ids.
  std::vector<Problem> validate() const;
};

/// Image and truth of one block: one channel each, axes z, y, x.
struct PhantomBlock {
  core::Array image;      ///< uint8
  core::Array semantic;   ///< uint8, values of Structure
  core::Array instances;  ///< uint32, ids of mitochondria, 0 elsewhere
};

/// A procedural EM volume with exact truth. Every voxel is a pure function of (options without
/// shape, coordinate), except for the numbers of the instance ids, which count cells inside the
/// shape: any box equals the same part of the whole, whatever the order and number of calls. Memory
/// is bounded by the box asked for. Safe for concurrent use.
class Phantom {
 public:
  /// Throws a usage error that lists all problems of `options`.
  explicit Phantom(const PhantomOptions& options);

  /// Image and truth together cost little more than one of them. `box` must lie inside the volume
  /// (usage error).
  PhantomBlock block(const core::Box3& box) const;
  core::Array image(const core::Box3& box) const { return block(box).image; }
  /// The truth alone: cheaper, no halo.
  PhantomBlock truth(const core::Box3& box) const;
  core::Array semantic(const core::Box3& box) const { return truth(box).semantic; }
  core::Array instances(const core::Box3& box) const { return truth(box).instances; }

  const core::Vec3& shape() const { return shape_; }
  const core::Vec3d& voxel_nm() const { return voxel_nm_; }
  const PhantomOptions& options() const { return options_; }

 private:
  void require_inside(const core::Box3& box) const;
  TissueBlock tissue_under(const core::Box3& box) const;
  std::vector<float> projected(const core::Box3& box, const TissueBlock& tissue) const;
  PhantomBlock truth_of(const core::Box3& box, const TissueBlock& tissue) const;
  PhantomBlock piece(const core::Box3& box) const;
  template <class MakePiece>
  PhantomBlock in_pieces(const core::Box3& box, MakePiece make) const;

  PhantomOptions options_;
  core::Vec3 shape_;
  core::Vec3d voxel_nm_;
  std::int64_t layers_;  ///< samples through the thickness of a section
  Tissue tissue_;
  Microscope microscope_;
};

enum class PhantomChannel { image, semantic, instances };

/// One channel of a phantom as a read-only volume, format "phantom".
class PhantomVolume final : public core::Volume {
 public:
  PhantomVolume(std::shared_ptr<const Phantom> phantom, PhantomChannel channel);

 protected:
  core::Array read_box(const core::Box3& box) const override;

 private:
  std::shared_ptr<const Phantom> phantom_;
  PhantomChannel channel_;
};

}  // namespace retina::phantom
