#include "retina/tensor/out_of_memory.h"

#include <new>
#include <string_view>

#include <c10/util/Exception.h>
#include <fmt/format.h>

#include "retina/core/error.h"

namespace retina::tensor {

bool fits_memory(const std::function<void()>& attempt) {
  try {
    attempt();
    return true;
  } catch (const c10::OutOfMemoryError&) {
    return false;
  } catch (const std::bad_alloc&) {
    return false;
  } catch (const c10::Error& error) {  // torch's CPU allocator has no class of its own for it
    const std::string_view message = error.what_without_backtrace();
    if (message.find("can't allocate memory") == std::string_view::npos &&
        message.find("not enough memory") == std::string_view::npos &&
        message.find("out of memory") == std::string_view::npos) {
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
