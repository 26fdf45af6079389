#include "retina/data/sampler.h"

#include <numeric>
#include <utility>

#include "retina/core/error.h"
#include "retina/core/rng.h"

namespace retina::data {

namespace {

constexpr std::uint64_t kPermutation =
    0x7065726DU;  // keeps this stream apart from those of the samples

std::vector<std::uint32_t> permutation(std::size_t count, core::Rng rng) {
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  for (std::size_t i = count; i > 1; --i) {
    std::swap(order[i - 1],
              order[static_cast<std::size_t>(rng.integer(0, static_cast<std::int64_t>(i) - 1))]);
  }
  return order;
}

}  // namespace

Sampler::Sampler(std::vector<Slice> slices, std::uint64_t run_seed, Shuffle shuffle)
    : slices_(std::move(slices)), run_seed_(run_seed), shuffle_(shuffle) {
  if (slices_.empty()) {
    throw Error(ErrorKind::bad_data, Problem{.subject = "dataset",
                                             .found = "no planes",
                                             .expected = "one plane or more",
                                             .remedy = "check the paths and the range of slices"});
  }
}

std::size_t Sampler::place(std::int64_t epoch, std::int64_t index) const {
  if (shuffle_ == Shuffle::none) {
    return static_cast<std::size_t>(index);
  }
  const std::int64_t shuffled = shuffle_ == Shuffle::same_each_epoch ? 0 : epoch;
  const std::lock_guard lock(mutex_);
  return order_of(shuffled)[static_cast<std::size_t>(index)];
}

const std::vector<std::uint32_t>& Sampler::order_of(std::int64_t epoch) const {
  if (orders_[0].epoch != epoch) {
    std::swap(orders_[0], orders_[1]);
  }
  if (orders_[0].epoch != epoch) {
    orders_[0].places = permutation(
        slices_.size(), core::Rng{run_seed_, kPermutation, static_cast<std::uint64_t>(epoch)});
    orders_[0].epoch = epoch;
    ++shuffles_;
  }
  return orders_[0].places;
}

std::int64_t Sampler::shuffles() const {
  const std::lock_guard lock(mutex_);
  return shuffles_;
}

Patch Sampler::operator()(std::int64_t k) const {
  const std::int64_t epoch = k / epoch_length();
  const std::int64_t index = k % epoch_length();
  return {.slice = slices_[place(epoch, index)],
          .seed = core::mix(
              {run_seed_, static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(index)}),
          .epoch = epoch};
}

}  // namespace retina::data
