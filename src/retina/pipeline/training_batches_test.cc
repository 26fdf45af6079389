#include "retina/pipeline/training_batches.h"

#include <gtest/gtest.h>

#include "retina/data/memory_dataset.h"

namespace retina::pipeline {
namespace {

augment::Recipe small_recipe() {
  augment::Recipe recipe;
  recipe.size = 24;
  recipe.crop_nonempty = 0.8;
  recipe.noise_probability = recipe.blur_probability = 0.5;
  return recipe;
}

std::vector<at::Tensor> epoch_images(const augment::Recipe& recipe,
                                     const data::LoaderOptions& options, int batches) {
  data::Loader loader(data::memory_dataset(5, 60), options, choose_box(recipe));
  std::vector<at::Tensor> images;
  for (int b = 0; b < batches; ++b) {
    const data::Batch batch =
        augment_batch(loader.next(), recipe, {.mean = 0.5, .std = 0.2}, at::kCPU);
    for (const at::Tensor& image : batch.images_NCYX.unbind(0)) {
      images.push_back(image);
    }
  }
  return images;
}

TEST(TrainingBatches, SamplesAreReplayedWhateverThreadsAndBatchSize) {
  for (const augment::Application application :
       {augment::Application::composed, augment::Application::published}) {
    augment::Recipe recipe = small_recipe();
    recipe.application = application;
    const auto a = epoch_images(recipe, {.batch = 2, .seed = 9, .threads = 1}, 6);
    const auto b = epoch_images(recipe, {.batch = 4, .seed = 9, .threads = 3}, 3);
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_TRUE(a[i].equal(b[i])) << "sample " << i;
    }
  }
}

TEST(TrainingBatches, BatchHasTheShapesOfTheRecipe) {
  const augment::Recipe recipe = small_recipe();
  data::Loader loader(data::memory_dataset(5, 60), {.batch = 3}, choose_box(recipe));
  const data::Batch batch =
      augment_batch(loader.next(), recipe, {.mean = 0.5, .std = 0.2}, at::kCPU);
  EXPECT_EQ(batch.images_NCYX.sizes(), (std::vector<std::int64_t>{3, 1, 24, 24}));
  EXPECT_EQ(batch.labels_NYX.sizes(), (std::vector<std::int64_t>{3, 24, 24}));
  EXPECT_EQ(batch.labels_NYX.scalar_type(), at::kLong);
}

}  // namespace
}  // namespace retina::pipeline
