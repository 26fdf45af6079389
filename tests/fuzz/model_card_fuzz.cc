#include "fuzz.h"

#include "retina/core/json_text.h"
#include "retina/model/card.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  return fuzz::refuses_or_works([&] {
    const model::Card card =
        model::card_from_json(core::parse_json(fuzz::text_of(data, size), "fuzzed"), "fuzzed");
    model::card_from_json(model::to_json(card), "written");
  });
}
