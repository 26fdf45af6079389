#include <gtest/gtest.h>

#include "retina/store/conformance.h"

namespace retina::store {
namespace {

INSTANTIATE_TEST_SUITE_P(N5, ConformanceOfReadersE2e,
                         ::testing::Values(PythonWriter{"n5", "check_n5.py"}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace retina::store
