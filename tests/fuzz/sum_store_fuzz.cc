#include "fuzz.h"

#include "retina/engine/sum_store.h"

/// The journal of an orthoplane prediction that was killed, beside the sums of its two passes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  constexpr core::Vec3 kShape{4, 6, 5};
  const engine::SumStoreOptions options{
      .channels = 1, .shape = kShape, .folder = fuzz::scratch().path("sums"), .key = "plan"};
  std::filesystem::remove_all(options.folder);
  fuzz::scratch().file("sums/journal", fuzz::text_of(data, size));
  for (const char* name : {"sum_0.u8", "sum_1.u8"}) {
    const engine::ScratchVolume sums(options.folder / name, options.channels, options.shape);
  }
  return fuzz::refuses_or_works([&] {
    engine::SumStore store(options);
    const core::Array shares(core::DType::u8, 1, {2, 6, 5});
    for (int pass = 0; pass < 2; ++pass) {
      for (std::int64_t block = 0; block < 2; ++block) {
        if (!store.is_added(pass, block)) {
          store.add(pass, block, {{2 * block, 0, 0}, shares.shape()}, shares);
        }
      }
      store.finish_pass(pass);
    }
    core::Array total(core::DType::u8, 1, kShape);
    store.add_to(total, core::whole(kShape));
    store.remove();
  });
}
