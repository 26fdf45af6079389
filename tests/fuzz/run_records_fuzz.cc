#include <algorithm>
#include <cctype>
#include <cstdio>

#include "fuzz.h"

#include "retina/core/json_text.h"
#include "retina/core/record.h"
#include "retina/pipeline/compare/cell_records.h"
#include "retina/pipeline/finetune/left_out_regions.h"
#include "retina/pipeline/models/transfer_record.h"
#include "retina/pipeline/own_yaml.h"
#include "retina/pipeline/pretrain/pretrain_options.h"
#include "retina/pipeline/run/stored_config.h"
#include "retina/trainer/loop_state.h"

namespace {

using namespace retina;

void read_result(const Json& json) {
  const pipeline::CellResult result = pipeline::cell_result_of(json, "fuzzed");
  const Json written = core::options_to_json(result);
  if (core::options_to_json(pipeline::cell_result_of(written, "written")) != written) {
    std::abort();  // another one
  }
}

void read_regions(const Json& json) {
  pipeline::LeaveOneOut regions;
  core::from_record(regions, json, "fuzzed");
}

void read_transfer(std::string_view text) {
  fuzz::scratch().file("run/transfer.json", text);
  pipeline::transferred_digest(fuzz::scratch().path("run"));
  pipeline::transfer_facts(fuzz::scratch().path("run"));
}

/// Options refuse other keys before a run writes them.
bool has_plain_keys(const Json& json) {
  for (const auto& [key, value] : json.items()) {
    const bool is_plain = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    });
    if (json.is_object() && !is_plain) {
      return false;
    }
    if (value.is_structured() && !has_plain_keys(value)) {
      return false;
    }
  }
  return true;
}

template <class Options>
void read_config(const std::string& text) {
  const Json read = pipeline::completed<Options>(pipeline::parse_run_config(text, "fuzzed"));
  if (!has_plain_keys(read)) {
    return;
  }
  try {
    const std::string written = pipeline::to_yaml(pipeline::run_config(read));
    const Json again = pipeline::completed<Options>(pipeline::parse_run_config(written, "written"));
    if (pipeline::run_config(again) == pipeline::run_config(read)) {
      return;
    }
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
  std::abort();  // another one, or none
}

void read_record(std::uint8_t kind, std::string_view text) {
  const auto json = [&] { return core::parse_json(text, "fuzzed"); };
  switch (kind) {
    case 'c':
      return read_result(json());
    case 't':
      pipeline::trained_cell_of(json(), "fuzzed");
      return;
    case 's':
      pipeline::step_scores_of(json(), Json{{"volume", true}}, "fuzzed");
      return;
    case 'r':
      return read_regions(json());
    case 'w':
      return read_transfer(text);
    case 'i':
      pipeline::cell_identity_of(json(), "fuzzed");
      return;
    case 'f':
      return read_config<pipeline::FinetuneOptions>(std::string(text));
    case 'o':
      return read_config<pipeline::PretrainOptions>(std::string(text));
    case 'p':
      trainer::loop_state_of(json(), "fuzzed");
      return;
    case 'x':
      pipeline::cell_failure_of(json(), "fuzzed");
      return;
    default:
      return;
  }
}

}  // namespace

/// What runs and grids write for a later one. The first byte says what the rest is: cell.json (i),
/// result.json (c), trained.json (t), failed.json (x) or a step's scores (s) of a cell, config.yaml
/// (of fine-tuning f, of pre-training o), regions.json (r) or transfer.json (w) of a run, or
/// checkpoint.json (p).
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  if (size == 0) {
    return 0;
  }
  return fuzz::refuses_or_works([&] { read_record(data[0], fuzz::text_of(data + 1, size - 1)); });
}
