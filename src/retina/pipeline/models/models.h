#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "retina/core/json.h"
#include "retina/core/options.h"
#include "retina/core/progress.h"
#include "retina/net/transunet_options.h"
#include "retina/pipeline/finetune/finetune_options.h"

namespace retina::pipeline {

enum class ModelsAction { list, show, import, export_weights };
constexpr core::EnumTable<ModelsAction, 4> enum_table(ModelsAction) {
  return {{{ModelsAction::list, "list"},
           {ModelsAction::show, "show"},
           {ModelsAction::import, "import"},
           {ModelsAction::export_weights, "export"}}};
}

/// The network of weights that are imported, as far as the user tells it. Its window is that of the
/// weights unless one is given.
struct ImportedNetwork {
  net::TransUNetOptions options;  ///< but for the window
  std::optional<int> window;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    net::TransUNetOptions::fields(self.options,
                                  [&](std::string_view name, auto& field, std::string_view help) {
                                    if (name == "window") {
                                      visit(name, self.window, help);
                                    } else {
                                      visit(name, field, help);
                                    }
                                  });
  }
};

struct ModelsOptions {
  ModelsAction action = ModelsAction::list;
  std::string path;
  std::string output;
  std::string name;
  std::vector<std::string> classes;
  std::string licence;
  NormalisationOptions normalisation;
  ImportedNetwork network;
  bool overwrite = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("action", self.action, "list, show, import or export");
    visit("path", self.path,
          "import: file of weights (.safetensors, .pt, .pth, .npz); else a model");
    visit("output", self.output,
          "import: model folder to write; export: file to write (.safetensors or .pth)");
    visit("name", self.name, "import: name of the model; empty = that of the file");
    visit("classes", self.classes, "import: names of the classes 1, 2, ...");
    visit("licence", self.licence, "import: licence of the weights");
    visit("normalisation", self.normalisation,
          "import: mean and standard deviation that the network was trained with");
    visit("network", self.network,
          "import: what weights do not tell, such as the number of heads and the pixel stride; the "
          "window, if it is to be another than theirs");
    visit("overwrite", self.overwrite, "replace what the output names");
  }
  std::vector<Problem> validate() const;
};

struct ModelsReport {
  Json json = Json::object();
  std::string text;
};

/// `given` with the keys of the authors' configuration (img_size, num_heads, ...) put under
/// `network`, over what the file of weights tells of it.
Json resolve_models(const Json& given, const core::Context& context);

/// Lists the models that names find, shows a model's card, turns other people's weights into a
/// model folder, writes a model's weights for other programs. The card travels with exported
/// weights: in the metadata of .safetensors, beside a .pth as FILE.json.
ModelsReport models(const ModelsOptions& options, const core::Context& context);

}  // namespace retina::pipeline
