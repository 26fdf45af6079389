#include "retina/cli/commands.h"

#include "retina/cli/command.h"

namespace retina::cli {

std::vector<Command> all_commands() {
  return {info_command(),     check_command(),    convert_command(),  pack_command(),
          prepare_command(),  pretrain_command(), finetune_command(), predict_command(),
          evaluate_command(), compare_command(),  models_command(),   demo_command(),
          doctor_command(),   bench_command()};
}

}  // namespace retina::cli
