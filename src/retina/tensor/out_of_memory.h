#pragma once

#include <functional>
#include <string>

namespace retina::tensor {

/// Calls `attempt`; true if it ran, false if memory (the device's or the machine's) did not suffice
/// for it. Other errors pass through.
bool fits_memory(const std::function<void()>& attempt);

/// What a batch does after it did not fit: half of it, said through `warn`; resource error where
/// one sample alone is too large. Gives the new size.
int halve_batch(int batch, const std::string& what,
                const std::function<void(const std::string&)>& warn);

}  // namespace retina::tensor
