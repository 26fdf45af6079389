#pragma once

#include <string>

#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::testing {

/// The message with which `body` refuses what it reads, which must be bad_data; "read" if it does
/// not.
template <class Body>
std::string bad_data_message(Body body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "read";
}

}  // namespace retina::testing
