#pragma once

#include <string>

/// Nothing but what the verb `models` writes is ever replaced: a wrong path must not remove a
/// folder. usage for an output that is in the way.
namespace retina::pipeline {

/// Of an import: nothing, or to `overwrite` an empty folder or a model without anything else in it.
void require_free_folder(const std::string& output, bool overwrite);

/// Of an export: nothing, or to `overwrite` a plain file.
void require_free_file(const std::string& output, bool overwrite);

}  // namespace retina::pipeline
