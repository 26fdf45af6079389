#pragma once

#include <cstdint>
#include <initializer_list>

namespace retina::core {

/// One well-mixed 64-bit value of a key, e.g. mix({run_seed, epoch, index}). Same on every
/// platform.
std::uint64_t mix(std::initializer_list<std::uint64_t> key);

/// Counter-based generator: value n depends on (seed, n) alone, so streams need no shared state.
/// Portable: the same numbers with every compiler and library.
class Rng {
 public:
  explicit Rng(std::uint64_t seed) : seed_(seed) {}
  Rng(std::initializer_list<std::uint64_t> key) : seed_(mix(key)) {}

  std::uint64_t next();                     ///< 64 random bits
  double uniform();                         ///< [0, 1)
  double uniform(double low, double high);  ///< [low, high)
  std::int64_t integer(std::int64_t low,
                       std::int64_t high);  ///< [low, high], both included, unbiased
  double normal();                          ///< mean 0, standard deviation 1
  bool chance(double probability);

 private:
  std::uint64_t seed_;
  std::uint64_t counter_ = 0;
};

}  // namespace retina::core
