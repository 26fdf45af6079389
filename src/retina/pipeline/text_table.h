#pragma once

#include <string>
#include <vector>

namespace retina::pipeline {

/// Rows of cells in columns; the first column to the left, the others to the right.
std::string text_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace retina::pipeline
