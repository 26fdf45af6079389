#include "retina/tensor/operation_counter.h"

#include <memory>
#include <string_view>

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include "retina/core/clock.h"

namespace retina::tensor {
namespace {

/// Where the calls of this thread are counted; null = nowhere.
thread_local OperationCount* counted = nullptr;
/// Counted operations that this thread is in.
thread_local int call_depth = 0;

enum class Operation { convolution, linear, product, attention };

/// An operation from its call to its return.
struct Call : at::ObserverContext {
  bool is_outermost = false;
  Operation operation = Operation::convolution;
  double value_elements = 0;
  double weight_elements = 0;
  double flops_per_output = 0;  ///< for each element of the result
  core::Stopwatch watch;
};

double elements(const c10::IValue& value) {
  return static_cast<double>(value.toTensor().numel());
}

void read_inputs(Call& call, c10::ArrayRef<const c10::IValue> inputs) {
  const at::Tensor& first = inputs[0].toTensor();
  const at::Tensor& second = inputs[1].toTensor();
  call.value_elements = elements(inputs[0]);
  if (call.operation == Operation::attention) {
    call.value_elements += elements(inputs[1]) + elements(inputs[2]);
    // each value of the result sums over the keys; so does the matrix of weights before it, over
    // the channels of the queries
    const double keys = static_cast<double>(second.size(-2));
    const double channels = static_cast<double>(inputs[2].toTensor().size(-1));
    call.flops_per_output = 2 * keys + 2 * keys * static_cast<double>(first.size(-1)) / channels;
    return;
  }
  call.weight_elements = elements(inputs[1]);
  if (call.operation == Operation::product) {
    call.flops_per_output = 2 * static_cast<double>(second.size(-2));
    return;
  }
  call.flops_per_output =
      2 * static_cast<double>(second.numel()) / static_cast<double>(second.size(0));
}

std::unique_ptr<at::ObserverContext> begin_call(const at::RecordFunction& function) {
  const std::string_view name = function.name();
  auto call = std::make_unique<Call>();
  if (name == "aten::conv2d") {
    call->operation = Operation::convolution;
  } else if (name == "aten::linear") {
    call->operation = Operation::linear;
  } else if (name == "aten::matmul") {  // what torch::nn::Linear does
    call->operation = Operation::product;
  } else if (name == "aten::scaled_dot_product_attention") {
    call->operation = Operation::attention;
  } else {
    return nullptr;
  }
  call->is_outermost = call_depth++ == 0;
  if (call->is_outermost) {
    read_inputs(*call, function.inputs());
  }
  return call;
}

void end_call(const at::RecordFunction& function, at::ObserverContext* context) {
  if (context == nullptr) {
    return;
  }
  const auto& call = static_cast<const Call&>(*context);
  --call_depth;
  if (!call.is_outermost || counted == nullptr) {
    return;
  }
  const double result = elements(function.outputs().at(0));
  ++counted->operations;
  counted->flops += call.flops_per_output * result;
  counted->weight_elements += call.weight_elements;
  counted->value_elements += call.value_elements + result;
  counted->seconds += call.watch.seconds();
}

}  // namespace

OperationCounter::OperationCounter()
    : handle_(at::addThreadLocalCallback(at::RecordFunctionCallback(begin_call, end_call)
                                             .needsInputs(true)
                                             .needsOutputs(true)
                                             .scopes({at::RecordScope::FUNCTION}))) {
  counted = &count_;
}

OperationCounter::~OperationCounter() {
  at::removeCallback(handle_);
  counted = nullptr;
}

}  // namespace retina::tensor
