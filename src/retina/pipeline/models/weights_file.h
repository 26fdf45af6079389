#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "retina/model/card.h"
#include "retina/tensor/safetensors.h"

namespace retina::pipeline {

/// How a file of weights is stored.
enum class WeightsFormat { safetensors, torch, npz };

/// By the extension of the file (.safetensors, .pt, .pth, .npz), or else by how it begins. bad_data
/// for what is not there, for a folder and for a file of something else.
WeightsFormat weights_format(const std::string& path);

/// The tensors of such a file by their plain names; ImageNet-21k arrays become `transformer.*`.
tensor::NamedTensors read_weights_file(const std::string& path);

/// Where the card of the weights in a .pt or .pth file lies, which has no room for one: FILE.json.
std::filesystem::path card_beside(const std::filesystem::path& weights);

/// Keeps the whole card in the metadata of weights.
void tell_card(tensor::NamedTensors& state, const model::Card& card);

/// The card that an export left with a file of weights: in its metadata, or beside it; or that of
/// the model folder whose weights.safetensors it is. None for files of other programs. bad_data
/// naming the place for a card that is damaged.
std::optional<model::Card> told_card(const std::string& path);

}  // namespace retina::pipeline
