#include "retina/pipeline/evaluate/evaluation_report.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "retina/pipeline/text_table.h"

namespace retina::pipeline {
namespace {

constexpr std::size_t kImagesInTable = 50;

struct ScoreColumn {
  std::string_view key;
  std::string_view title;
  Score ClassScores::*member;
};

constexpr std::array<ScoreColumn, 7> kColumns{{
    {"iou", "IoU", &ClassScores::iou},
    {"pooled_iou", "pooled IoU", &ClassScores::pooled_iou},
    {"f", "F", &ClassScores::f},
    {"precision", "precision", &ClassScores::precision},
    {"recall", "recall", &ClassScores::recall},
    {"mfd", "MFD [px]", &ClassScores::mfd},
    {"mfd_nm", "MFD [nm]", &ClassScores::mfd_nm},
}};

struct CremiColumn {
  std::string_view key;
  std::string_view title;
  Score CremiReport::*member;
};

constexpr std::array<CremiColumn, 5> kCremiColumns{{
    {"adgt", "ADGT [nm]", &CremiReport::adgt},
    {"adf", "ADF [nm]", &CremiReport::adf},
    {"score", "score [nm]", &CremiReport::score},
    {"false_positives", "false positives", &CremiReport::false_positives},
    {"false_negatives", "false negatives", &CremiReport::false_negatives},
}};

void put_score(Json& object, std::string_view key, const Score& score) {
  const std::string name(key);
  if (score.value) {
    object[name] = *score.value;
    return;
  }
  object[name] = nullptr;
  object["reason"][name] = score.reason;
}

Json class_to_json(const ClassScores& scores) {
  Json object{{"id", scores.id}, {"name", scores.name}};
  for (const ScoreColumn& column : kColumns) {
    put_score(object, column.key, scores.*column.member);
  }
  object["counts"] = {{"tp", scores.counts.tp}, {"fp", scores.counts.fp}, {"fn", scores.counts.fn}};
  if (scores.cremi) {
    Json cremi = Json::object();
    for (const CremiColumn& column : kCremiColumns) {
      put_score(cremi, column.key, (*scores.cremi).*column.member);
    }
    object["cremi"] = cremi;
  }
  return object;
}

Json classes_to_json(const std::vector<ClassScores>& classes) {
  Json list = Json::array();
  for (const ClassScores& scores : classes) {
    list.push_back(class_to_json(scores));
  }
  return list;
}

Json image_to_json(const ImageScores& image) {
  Json object{{"name", image.name}, {"shape", image.shape}};
  object["voxel_nm"] = image.voxel_nm ? Json(*image.voxel_nm) : Json(nullptr);
  object["voxels"] = image.voxels;
  object["ignored"] = image.ignored;
  put_score(object, "mean_iou", image.mean_iou);
  object["classes"] = classes_to_json(image.classes);
  return object;
}

std::string cell_of(const Score& score, int digits) {
  return score.value ? fmt::format("{:.{}f}", *score.value, digits) : "undefined";
}

std::string class_table(const EvaluateReport& report) {
  const bool has_nm = std::any_of(report.classes.begin(), report.classes.end(),
                                  [](const ClassScores& c) { return c.mfd_nm.value.has_value(); });
  std::vector<std::vector<std::string>> rows{{"class", "id"}};
  const std::size_t columns = kColumns.size() - (has_nm ? 0 : 1);
  for (std::size_t c = 0; c < columns; ++c) {
    rows[0].emplace_back(kColumns[c].title);
  }
  for (const char* title : {"tp", "fp", "fn"}) {
    rows[0].emplace_back(title);
  }
  for (const ClassScores& scores : report.classes) {
    std::vector<std::string> row{scores.name, fmt::format("{}", scores.id)};
    for (std::size_t c = 0; c < columns; ++c) {
      row.push_back(cell_of(scores.*kColumns[c].member, 4));
    }
    for (const std::int64_t n : {scores.counts.tp, scores.counts.fp, scores.counts.fn}) {
      row.push_back(fmt::format("{}", n));
    }
    rows.push_back(std::move(row));
  }
  rows.push_back({"mean", "", cell_of(report.mean_iou, 4)});
  return text_table(rows);
}

std::string cremi_table(const EvaluateReport& report) {
  std::vector<std::vector<std::string>> rows{{"CREMI"}};
  for (const CremiColumn& column : kCremiColumns) {
    rows[0].emplace_back(column.title);
  }
  for (const ClassScores& scores : report.classes) {
    if (scores.cremi) {
      std::vector<std::string> row{scores.name};
      for (const CremiColumn& column : kCremiColumns) {
        row.push_back(cell_of((*scores.cremi).*column.member, 2));
      }
      rows.push_back(std::move(row));
    }
  }
  return rows.size() > 1 ? "\n" + text_table(rows) : "";
}

std::string image_table(const EvaluateReport& report) {
  if (report.images.size() < 2) {
    return "";
  }
  std::vector<std::vector<std::string>> rows{{"image", "voxels", "mean IoU"}};
  for (const ClassScores& scores : report.classes) {
    rows[0].push_back("IoU " + scores.name);
  }
  const std::size_t shown = std::min(report.images.size(), kImagesInTable);
  for (std::size_t i = 0; i < shown; ++i) {
    const ImageScores& image = report.images[i];
    std::vector<std::string> row{image.name, fmt::format("{}", image.voxels),
                                 cell_of(image.mean_iou, 4)};
    for (const ClassScores& scores : image.classes) {
      row.push_back(cell_of(scores.iou, 4));
    }
    rows.push_back(std::move(row));
  }
  std::string text = "\n" + text_table(rows);
  if (shown < report.images.size()) {
    text += fmt::format("and {} more images (all are in the JSON)\n", report.images.size() - shown);
  }
  return text;
}

/// Titles of undefined scores by their reason, in the order of the columns.
using Reasons = std::vector<std::pair<std::string, std::string>>;

void add_reason(Reasons& reasons, std::string_view title, const Score& score) {
  if (score.value) {
    return;
  }
  const auto same = std::find_if(reasons.begin(), reasons.end(),
                                 [&](const auto& entry) { return entry.first == score.reason; });
  if (same == reasons.end()) {
    reasons.emplace_back(score.reason, title);
  } else {
    same->second += fmt::format(", {}", title);
  }
}

std::string reason_lines(const EvaluateReport& report) {
  std::string text;
  for (const ClassScores& scores : report.classes) {
    Reasons reasons;
    for (const ScoreColumn& column : kColumns) {
      add_reason(reasons, column.title, scores.*column.member);
    }
    for (const CremiColumn& column : kCremiColumns) {
      if (scores.cremi) {
        add_reason(reasons, column.title, (*scores.cremi).*column.member);
      }
    }
    for (const auto& [reason, titles] : reasons) {
      text += fmt::format("undefined for {}: {} ({})\n", scores.name, titles, reason);
    }
  }
  return text.empty() ? "" : "\n" + text;
}

template <class Owner>
std::vector<Score> collect(const std::vector<const Owner*>& owners, Score Owner::*member) {
  std::vector<Score> scores;
  for (const Owner* owner : owners) {
    scores.push_back(owner->*member);
  }
  return scores;
}

}  // namespace

Score mean_score(const std::vector<Score>& scores) {
  double sum = 0;
  std::size_t defined = 0;
  for (const Score& score : scores) {
    sum += score.value.value_or(0);
    defined += score.value ? 1 : 0;
  }
  if (defined == 0) {
    return {std::nullopt, scores.empty() ? "nothing to average" : scores.front().reason};
  }
  return {sum / static_cast<double>(defined), ""};
}

ClassScores average_class(const std::vector<ImageScores>& images, std::size_t index) {
  std::vector<const ClassScores*> parts;
  std::vector<const CremiReport*> cremi;
  ClassScores result{.id = images.at(0).classes.at(index).id,
                     .name = images.at(0).classes.at(index).name};
  for (const ImageScores& image : images) {
    parts.push_back(&image.classes.at(index));
    result.counts += parts.back()->counts;
    if (parts.back()->cremi) {
      cremi.push_back(&*parts.back()->cremi);
    }
  }
  for (const ScoreColumn& column : kColumns) {
    result.*column.member = mean_score(collect(parts, column.member));
  }
  const auto pooled = result.counts.iou();
  result.pooled_iou = {pooled, pooled ? "" : result.pooled_iou.reason};
  if (!cremi.empty()) {
    result.cremi.emplace();
    for (const CremiColumn& column : kCremiColumns) {
      (*result.cremi).*column.member = mean_score(collect(cremi, column.member));
    }
  }
  return result;
}

std::vector<std::string> undefined_notes(const std::vector<ImageScores>& images) {
  std::vector<std::string> notes;
  for (std::size_t k = 0; k < images.at(0).classes.size(); ++k) {
    for (const ScoreColumn& column : kColumns) {
      std::size_t undefined = 0;
      std::string reason;
      for (const ImageScores& image : images) {
        const Score& score = image.classes.at(k).*column.member;
        undefined += score.value ? 0 : 1;
        reason = score.value || !reason.empty() ? reason : score.reason;
      }
      if (undefined > 0 && undefined < images.size() && column.key != "pooled_iou") {
        notes.push_back(
            fmt::format("{} of {}: undefined in {} of {} images ({}); the mean is over the others",
                        column.title, images[0].classes[k].name, undefined, images.size(), reason));
      }
    }
  }
  return notes;
}

Json to_json(const EvaluateReport& report) {
  Json object = Json::object();
  put_score(object, "mean_iou", report.mean_iou);
  object["classes"] = classes_to_json(report.classes);
  object["images"] = Json::array();
  for (const ImageScores& image : report.images) {
    object["images"].push_back(image_to_json(image));
  }
  object["notes"] = report.notes;
  return object;
}

std::string to_table(const EvaluateReport& report) {
  std::int64_t voxels = 0;
  std::int64_t ignored = 0;
  for (const ImageScores& image : report.images) {
    voxels += image.voxels;
    ignored += image.ignored;
  }
  const bool single = report.images.size() == 1;
  std::string text = fmt::format("{} {}, {} voxels scored, {} ignored\n\n", report.images.size(),
                                 single ? "image" : "images", voxels, ignored);
  text += class_table(report) + cremi_table(report) + image_table(report) + reason_lines(report);
  for (const std::string& note : report.notes) {
    text += "note: " + note + "\n";
  }
  return text;
}

}  // namespace retina::pipeline
