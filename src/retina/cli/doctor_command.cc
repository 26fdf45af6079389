#include "retina/cli/commands.h"
#include "retina/pipeline/bench/doctor.h"

namespace retina::cli {

Command doctor_command() {
  return make_command<pipeline::DoctorOptions>(
      "doctor", "Show what hardware would be used, and why.", {},
      [](const pipeline::DoctorOptions& options, const core::Context& context) {
        const pipeline::DoctorReport report = pipeline::doctor(options, context);
        return Rendered{.json = to_json(report), .text = to_text(report)};
      });
}

}  // namespace retina::cli
