#include "retina/data/loader.h"

#include <string>
#include <utility>

#include "retina/core/clock.h"
#include "retina/core/error.h"
#include "retina/core/rng.h"

namespace retina::data {

namespace {

// keep these draws apart from those of the augmentation
constexpr std::uint64_t kForeground = 0x666F7265U;
constexpr std::uint64_t kKnown = 0x6B6E6F77U;

/// A plane of this many times the pixels of the box is much larger.
constexpr std::int64_t kMuchLarger = 4;

/// Of all planes in memory. A plane that is listed several times in a row counts once.
std::int64_t bytes_of_planes(const Dataset& dataset) {
  std::int64_t bytes = 0;
  const Slice* before = nullptr;
  for (const Slice& slice : dataset.slices) {
    if (before == nullptr || *before != slice) {
      const LabelledVolume& volume = dataset.volumes.at(static_cast<std::size_t>(slice.volume));
      const std::int64_t pixels =
          core::whole(plane_shape(volume.image->shape(), slice.axis)).voxels();
      bytes += volume.labels != nullptr ? 2 * pixels : pixels;
    }
    before = &slice;
  }
  return bytes;
}

/// A copy of the rows and columns of `box`, as a u8 tensor [y,x].
at::Tensor cut(const core::Array& plane, const core::Box3& box) {
  at::Tensor out_YX = at::empty({box.shape[1], box.shape[2]}, at::kByte);
  auto* target = out_YX.mutable_data_ptr<std::uint8_t>();
  const auto source = plane.values<std::uint8_t>();
  for (std::int64_t y = 0; y < box.shape[1]; ++y) {
    const std::int64_t start = (box.start[1] + y) * plane.shape()[2] + box.start[2];
    std::copy_n(source.begin() + start, box.shape[2], target + y * box.shape[2]);
  }
  return out_YX;
}

}  // namespace

Loader::Loader(std::shared_ptr<const Dataset> dataset, const LoaderOptions& options,
               ChooseBox choose_box)
    : dataset_(std::move(dataset)),
      options_(options),
      choose_box_(std::move(choose_box)),
      sampler_(dataset_->slices, options.seed, options.shuffle),
      cache_(std::make_unique<PlaneCache>(dataset_, options.cache_bytes)),
      all_planes_fit_(bytes_of_planes(*dataset_) <= options.cache_bytes),
      next_(options.start),
      submitted_(options.start),
      workers_(options.threads) {
  if (options_.drop_last && sampler_.epoch_length() < options_.batch * options_.ranks) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = "dataset",
                        .found = "an epoch of " + std::to_string(sampler_.epoch_length()),
                        .expected = "at least one whole batch of " +
                                    std::to_string(options_.batch * options_.ranks),
                        .remedy = "lower --batch, or give more images"});
  }
  if (options_.threads > 0) {
    submit_ahead();
  }
}

Loader::~Loader() {
  for (auto& batch : in_flight_) {
    batch.wait();
  }
}

void Loader::submit_ahead() {
  while (submitted_ < next_ + options_.read_ahead) {
    in_flight_.push_back(
        workers_.submit([this, number = submitted_] { return read_batch(number); }));
    ++submitted_;
  }
}

RawBatch Loader::next() {
  const core::Stopwatch watch;
  if (options_.threads == 0) {
    RawBatch batch = read_batch(next_++);
    waited_s_ += watch.seconds();
    return batch;
  }
  std::future<RawBatch> ready = std::move(in_flight_.front());
  in_flight_.pop_front();
  ++next_;
  submit_ahead();
  RawBatch batch = ready.get();
  waited_s_ += watch.seconds();
  return batch;
}

std::int64_t Loader::first_sample(std::int64_t batch) const {
  const std::int64_t together = options_.batch * options_.ranks;
  const std::int64_t of_rank = options_.rank * options_.batch;
  if (!options_.drop_last) {
    return batch * together + of_rank;
  }
  const std::int64_t per_epoch = sampler_.epoch_length() / together;
  return batch / per_epoch * sampler_.epoch_length() + batch % per_epoch * together + of_rank;
}

RawBatch Loader::read_batch(std::int64_t number) const {
  RawBatch batch;
  const std::int64_t first = first_sample(number);
  for (std::int64_t i = 0; i < options_.batch; ++i) {
    batch.samples.push_back(read_sample(sampler_(first + i)));
  }
  return batch;
}

core::Box3 Loader::chosen_box(const SampleKey& key, const Slice& slice) const {
  const core::Box3 box = choose_box_(key);
  if (!core::whole(key.plane_shape).contains(box)) {
    throw Error(ErrorKind::internal, "box " + core::to_string(box) + " lies outside the plane " +
                                         describe(*dataset_, slice));
  }
  return box;
}

bool Loader::reads_box_alone(const core::Vec3& plane, const core::Box3& box) const {
  return !all_planes_fit_ && core::whole(plane).voxels() >= kMuchLarger * box.voxels();
}

RawSample Loader::read_sample(const Patch& patch) const {
  const LabelledVolume& volume = dataset_->volumes.at(static_cast<std::size_t>(patch.slice.volume));
  const bool is_labelled = volume.labels != nullptr;
  RawSample sample;
  sample.key.seed = patch.seed;
  sample.key.plane_shape = plane_shape(volume.image->shape(), patch.slice.axis);
  if (!is_labelled) {  // no pixel has a say in the box
    sample.box = chosen_box(sample.key, patch.slice);
    if (reads_box_alone(sample.key.plane_shape, sample.box)) {
      const core::Array pixels = read_image(*dataset_, patch.slice, sample.box);
      sample.image_YX = cut(pixels, core::whole(pixels.shape()));
      return sample;
    }
  }
  const auto plane = cache_->get(patch.slice);
  if (is_labelled) {
    sample.key.foreground = plane->foreground.pick(core::Rng{patch.seed, kForeground}.uniform());
    sample.key.known = plane->known.pick(core::Rng{patch.seed, kKnown}.uniform());
    sample.box = chosen_box(sample.key, patch.slice);
    sample.labels_YX = cut(plane->plane.labels, sample.box);
  }
  sample.image_YX = cut(plane->plane.image, sample.box);
  return sample;
}

}  // namespace retina::data
