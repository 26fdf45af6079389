#pragma once

#include "retina/cli/command.h"

namespace retina::cli {

// One function per verb, each in its own `<verb>_command.cc`.
Command bench_command();
Command check_command();
Command compare_command();
Command convert_command();
Command demo_command();
Command doctor_command();
Command evaluate_command();
Command finetune_command();
Command info_command();
Command models_command();
Command pack_command();
Command predict_command();
Command prepare_command();
Command pretrain_command();

}  // namespace retina::cli
