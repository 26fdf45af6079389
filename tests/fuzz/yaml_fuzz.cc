#include "configuration.h"
#include "fuzz.h"

#include "retina/cli/yaml.h"
#include "retina/pipeline/own_yaml.h"

/// A configuration file, as a user writes it and as a run keeps it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  const std::string text(fuzz::text_of(data, size));
  fuzz::refuses_or_works(
      [&] { core::options_from_json<fuzz::Configuration>(cli::parse_yaml(text, "fuzzed")); });
  return fuzz::refuses_or_works([&] { pipeline::parse_own_yaml(text, "fuzzed"); });
}
