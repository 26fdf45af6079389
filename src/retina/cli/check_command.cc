#include "retina/cli/commands.h"
#include "retina/core/error.h"
#include "retina/pipeline/check.h"

namespace retina::cli {
namespace {

/// `retina check DATASET` is short for --set data.path=DATASET.
struct CheckFlags : pipeline::CheckOptions {
  std::string dataset;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("dataset", self.dataset, "dataset folder or pack (short for data.path)");
    pipeline::CheckOptions::fields(self, visit);
  }
};

}  // namespace

Command check_command() {
  return make_command<CheckFlags>(
      "check", "Verify a dataset before training: pairs, shapes, types, labels.", {"dataset"},
      [](const CheckFlags& flags, const core::Context& context) {
        pipeline::CheckOptions options = flags;
        if (!flags.dataset.empty()) {
          options.data.path = flags.dataset;
        }
        const pipeline::CheckReport report = pipeline::check(options, context);
        return Rendered{.json = to_json(report),
                        .text = to_table(report),
                        .exit_code = report.ok() ? 0 : exit_code(ErrorKind::bad_data)};
      });
}

}  // namespace retina::cli
