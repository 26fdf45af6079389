#pragma once

#include <cstdint>

#include <ATen/record_function.h>

namespace retina::tensor {

/// Work in convolutions, linear layers and attention.
struct OperationCount {
  std::int64_t operations = 0;
  double flops = 0;            ///< two for each multiplication with its addition
  double weight_elements = 0;  ///< of the kernels and matrices
  double value_elements = 0;   ///< what the operations read and write otherwise, once each
  double seconds = 0;          ///< between their beginnings and returns; on the CPU their time
};

/// Counts at::conv2d, at::linear, at::matmul by a matrix and at::scaled_dot_product_attention that
/// this thread calls while the counter lives, from the shapes they are given; those within another
/// one of them do not count (autocast calls an operation again). One counter at a time in a thread.
class OperationCounter {
 public:
  OperationCounter();
  ~OperationCounter();
  OperationCounter(const OperationCounter&) = delete;
  OperationCounter& operator=(const OperationCounter&) = delete;
  const OperationCount& count() const { return count_; }

 private:
  OperationCount count_;
  at::CallbackHandle handle_;
};

}  // namespace retina::tensor
