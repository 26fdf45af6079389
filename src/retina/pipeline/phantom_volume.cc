#include "retina/pipeline/phantom_volume.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <memory>
#include <vector>

#include "retina/core/options.h"
#include "retina/core/thread_pool.h"
#include "retina/store/open.h"

namespace retina::pipeline {
namespace {

/// The three stores of a phantom: image, semantic truth, instances.
struct PhantomStores {
  std::unique_ptr<store::OutputVolume> image;
  std::unique_ptr<store::OutputVolume> semantic;
  std::unique_ptr<store::OutputVolume> instances;

  std::array<store::OutputVolume*, 3> all() const {
    return {image.get(), semantic.get(), instances.get()};
  }
};

/// Side of a block: small enough for memory, large enough that its halo costs little.
constexpr std::int64_t kBlockSide = 128;

std::unique_ptr<store::OutputVolume> create_channel(const phantom::Phantom& phantom,
                                                    const PhantomOutput& output,
                                                    const std::string& suffix, core::DType dtype) {
  core::Vec3 shard{};
  core::Vec3 chunk{};
  for (std::size_t a = 0; a < 3; ++a) {
    chunk[a] = kBlockSide / 2;
    shard[a] = kBlockSide;
  }
  return store::create(output.path + suffix,
                       {.dtype = dtype,
                        .channels = 1,
                        .shape = phantom.shape(),
                        .voxel_nm = phantom.voxel_nm(),
                        .is_labels = !suffix.empty(),
                        .pyramid_levels = -1,
                        .chunk = chunk,
                        .shard = shard,
                        .overwrite = output.overwrite,
                        .resume_key = core::options_to_json(phantom.options()).dump()});
}

std::vector<core::Box3> blocks_of(const core::Vec3& shape) {
  std::vector<core::Box3> blocks;
  for (std::int64_t z = 0; z < shape[0]; z += kBlockSide) {
    for (std::int64_t y = 0; y < shape[1]; y += kBlockSide) {
      for (std::int64_t x = 0; x < shape[2]; x += kBlockSide) {
        blocks.push_back(
            core::intersect(core::whole(shape), {{z, y, x}, {kBlockSide, kBlockSide, kBlockSide}}));
      }
    }
  }
  return blocks;
}

}  // namespace

void write_phantom(const phantom::Phantom& phantom, const PhantomOutput& output,
                   const core::Context& context) {
  const PhantomStores stores{
      create_channel(phantom, output, "", core::DType::u8),
      create_channel(phantom, output, "/labels/semantic", core::DType::u8),
      create_channel(phantom, output, "/labels/instances", core::DType::u32)};
  const std::vector<core::Box3> blocks = blocks_of(phantom.shape());
  context.progress->begin("phantom", static_cast<std::int64_t>(blocks.size()), "blocks");
  std::atomic<std::int64_t> done{0};
  core::ThreadPool pool(output.threads - 1);
  pool.parallel_for(static_cast<std::int64_t>(blocks.size()), [&](std::int64_t i) {
    context.check_stop("run the same command again to continue");
    const core::Box3& box = blocks[static_cast<std::size_t>(i)];
    const auto stored = [&](const store::OutputVolume* volume) { return volume->is_written(box); };
    if (const auto all = stores.all(); !std::all_of(all.begin(), all.end(), stored)) {
      const phantom::PhantomBlock block = phantom.block(box);
      stores.image->write(box, block.image);
      stores.semantic->write(box, block.semantic);
      stores.instances->write(box, block.instances);
    }
    context.progress->update(++done);
  });
  for (store::OutputVolume* volume : stores.all()) {
    volume->finish();
  }
  context.progress->end();
}

}  // namespace retina::pipeline
