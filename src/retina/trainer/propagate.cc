#include "retina/trainer/propagate.h"

#include "retina/core/error.h"

namespace retina::trainer {

void propagate(const at::Tensor& loss) {
  if (!loss.requires_grad()) {
    throw Error(ErrorKind::usage,
                Problem{.subject = "optimizer.freeze",
                        .found = "nothing that the loss depends on is trained",
                        .expected = "some of it, from the first step on",
                        .remedy = "freeze less; what optimizer.unfreeze_at adds later does not "
                                  "help the steps before it"});
  }
  loss.backward();
}

}  // namespace retina::trainer
