#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace retina::store {

/// Numbers missing in the sequence that file stems count (their last run of digits), as text for
/// the user: "slices missing between slice_0003 and slice_0007: 4 to 6". At most `max_lines` lines,
/// the last saying how many more. Stems whose other parts differ are not a sequence and have no
/// gaps.
std::vector<std::string> numbering_gaps(const std::vector<std::string>& stems,
                                        std::size_t max_lines);

}  // namespace retina::store
