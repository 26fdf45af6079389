#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

/// transfer.json of a run folder: what its training took over from other weights, as
/// write_transfer() leaves it.
namespace retina::pipeline {

std::filesystem::path transfer_path(const std::filesystem::path& run);

/// The digest of the weights; empty where nothing was moved.
std::string transferred_digest(const std::filesystem::path& run);

/// Name and value for a page; none where nothing was moved.
std::vector<std::pair<std::string, std::string>> transfer_facts(const std::filesystem::path& run);

}  // namespace retina::pipeline
