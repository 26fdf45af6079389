#include "fuzz.h"

#include "retina/trainer/checkpoint.h"
#include "retina/trainer/loop_state.h"

namespace {

/// A file of `data` bytes behind this header.
std::string safetensors(std::string_view header, std::size_t data) {
  const std::uint64_t length = header.size();
  std::string bytes(reinterpret_cast<const char*>(&length), sizeof length);
  return bytes.append(header).append(data, '\x01');
}

}  // namespace

/// checkpoint.json up to the first zero byte, then the header of meters.safetensors, of 8 bytes of
/// data; the other files hold nothing.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  static const std::string kFolder = [] {
    fuzz::scratch().file("step/weights.safetensors", safetensors("{}", 0));
    fuzz::scratch().file("step/optimizer.safetensors", safetensors("{}", 0));
    return fuzz::scratch().path("step");
  }();
  const std::string_view text = fuzz::text_of(data, size);
  const std::size_t end = std::min(text.find('\0'), text.size());
  fuzz::scratch().file("step/checkpoint.json", text.substr(0, end));
  fuzz::scratch().file("step/meters.safetensors",
                       safetensors(text.substr(std::min(end + 1, text.size())), 8));
  return fuzz::refuses_or_works([&] {
    const trainer::Checkpoint checkpoint = trainer::load_checkpoint(kFolder);
    trainer::loop_state_of(checkpoint.progress, "fuzzed");
    if (trainer::metadata_number(checkpoint.meters, "count", "fuzzed") < 0) {
      std::abort();  // no count
    }
  });
}
