#include "retina/tensor/out_of_memory.h"

#include <algorithm>
#include <array>
#include <new>
#include <string_view>

#include <c10/util/Exception.h>
#include <fmt/format.h>

#include "retina/core/error.h"

namespace retina::tensor {
namespace {

/// The errors that have no class of their own: of torch's CPU allocator, and of the CUDA libraries,
/// among them cuDNN's, which tries one algorithm after the other and says that none works.
bool tells_of_memory(std::string_view message) {
  constexpr std::array kSigns{"can't allocate memory",    "not enough memory", "out of memory",
                              "unable to find an engine", "ALLOC_FAILED",      "ALLOCATION_FAILED"};
  return std::any_of(kSigns.begin(), kSigns.end(), [&](std::string_view sign) {
    return message.find(sign) != std::string_view::npos;
  });
}

}  // namespace

bool fits_memory(const std::function<void()>& attempt) {
  try {
    attempt();
    return true;
  } catch (const c10::OutOfMemoryError&) {
    return false;
  } catch (const std::bad_alloc&) {
    return false;
  } catch (const c10::Error& error) {
    if (!tells_of_memory(error.what_without_backtrace())) {
      throw;
    }
    return false;
  }
}

int halve_batch(int batch, const std::string& what,
                const std::function<void(const std::string&)>& warn) {
  if (batch <= 1) {
    throw Error(ErrorKind::resource, Problem{.subject = what,
                                             .found = "out of memory with a batch of 1",
                                             .expected = "memory for one window",
                                             .remedy = "use a smaller network or --window, another "
                                                       "--device, or free memory on this one"});
  }
  const int half = batch / 2;
  warn(fmt::format("{}: out of memory with a batch of {}: going on with {} at a time", what, batch,
                   half));
  return half;
}

}  // namespace retina::tensor
