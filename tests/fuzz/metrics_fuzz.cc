#include "fuzz.h"

#include "retina/report/metrics_log.h"

/// metrics.jsonl of a run that is resumed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  const std::string path = fuzz::scratch().file("r/metrics.jsonl", fuzz::text_of(data, size));
  return fuzz::refuses_or_works([&] {
    report::read_metrics(path);
    report::MetricsLog(fuzz::scratch().path("r"), 10).write(11, 0.5, {{"loss", 0.5}});
  });
}
