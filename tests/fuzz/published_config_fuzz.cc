#include "fuzz.h"

#include "retina/cli/yaml.h"
#include "retina/pipeline/finetune/published_config.h"

/// A configuration file of the authors' repository.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  const std::string text(fuzz::text_of(data, size));
  return fuzz::refuses_or_works([&] {
    const Json yaml = cli::parse_yaml(text, "fuzzed");
    if (pipeline::is_published_config(yaml)) {
      pipeline::from_published_config(yaml);
    }
  });
}
