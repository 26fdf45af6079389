#include "retina/pipeline/demo/phantom_volume.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <memory>
#include <vector>

#include "retina/core/json_text.h"
#include "retina/core/options.h"
#include "retina/core/thread_pool.h"
#include "retina/store/finish_record.h"
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

std::string key_of(const phantom::Phantom& phantom) {
  return core::dump_json(core::options_to_json(phantom.options()));
}

constexpr const char* kSuffixes[] = {"", "/labels/semantic", "/labels/instances"};

/// Null for a store that an earlier run has finished.
std::unique_ptr<store::OutputVolume> create_channel(const phantom::Phantom& phantom,
                                                    const PhantomOutput& output,
                                                    const std::string& suffix,
                                                    const store::FinishRecord& record) {
  if (record.is_finished(output.path + suffix)) {
    return nullptr;
  }
  store::CreateOptions how;
  for (std::size_t a = 0; a < 3; ++a) {
    how.chunk[a] = kBlockSide / 2;
    how.shard[a] = kBlockSide;
  }
  how.dtype = suffix == kSuffixes[2] ? core::DType::u32 : core::DType::u8;
  how.shape = phantom.shape();
  how.voxel_nm = phantom.voxel_nm();
  how.is_labels = !suffix.empty();
  how.pyramid_levels = -1;
  how.overwrite = output.overwrite || record.is_ours();
  how.replaced_labels = {"semantic", "instances"};
  how.resume_key = key_of(phantom);
  return store::create(output.path + suffix, how);
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
  std::vector<std::string> outputs;
  for (const char* suffix : kSuffixes) {
    outputs.push_back(output.path + suffix);
  }
  store::FinishRecord record(outputs, key_of(phantom));
  const PhantomStores stores{create_channel(phantom, output, kSuffixes[0], record),
                             create_channel(phantom, output, kSuffixes[1], record),
                             create_channel(phantom, output, kSuffixes[2], record)};
  const std::vector<core::Box3> blocks = blocks_of(phantom.shape());
  context.progress->begin("phantom", static_cast<std::int64_t>(blocks.size()), "blocks");
  std::atomic<std::int64_t> done{0};
  core::ThreadPool pool(output.threads - 1);
  pool.parallel_for(static_cast<std::int64_t>(blocks.size()), [&](std::int64_t i) {
    context.check_stop();
    const core::Box3& box = blocks[static_cast<std::size_t>(i)];
    const auto stored = [&](const store::OutputVolume* volume) {
      return volume == nullptr || volume->is_written(box);
    };
    if (const auto all = stores.all(); !std::all_of(all.begin(), all.end(), stored)) {
      const phantom::PhantomBlock block = phantom.block(box);
      const core::Array* const values[] = {&block.image, &block.semantic, &block.instances};
      for (std::size_t k = 0; k < all.size(); ++k) {
        if (all[k] != nullptr) {
          all[k]->write(box, *values[k]);
        }
      }
    }
    context.progress->update(++done);
  });
  record.begin();
  for (store::OutputVolume* volume : stores.all()) {
    if (volume != nullptr) {
      volume->finish();
    }
  }
  record.remove();
  context.progress->end();
}

}  // namespace retina::pipeline
