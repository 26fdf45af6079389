#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// regions.json of a run that leaves out labelled regions.
namespace retina::pipeline {

/// Scores of one class in one region; 1 where neither the labels nor the prediction have it.
struct RegionScore {
  double dice = 0;  ///< F score
  double iou = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("dice", self.dice, "F score");
    visit("iou", self.iou, "intersection over union");
  }
};

/// One class in a region that was left out.
struct RegionClass {
  std::string name;
  RegionScore before;  ///< of the model that training started from
  RegionScore after;   ///< of a training that did not know the region

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("name", self.name, "class");
    visit("before", self.before, "scores of the start");
    visit("after", self.after, "scores of a training that did not know the region");
  }
};

/// A region that was left out. Pixels of its slice.
struct LeftOutRegion {
  std::string slice;
  std::int64_t y = 0, x = 0, height = 0, width = 0;
  std::int64_t pixels = 0;
  std::vector<RegionClass> classes;
  double gain_dice = 0;  ///< mean over the classes
  double gain_iou = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("slice", self.slice, "slice it lies in");
    visit("y", self.y, "first row");
    visit("x", self.x, "first column");
    visit("height", self.height, "rows");
    visit("width", self.width, "columns");
    visit("pixels", self.pixels, "known pixels");
    visit("classes", self.classes, "scores");
    visit("gain_dice", self.gain_dice, "after - before, mean over the classes");
    visit("gain_iou", self.gain_iou, "the same of the IoU");
  }
};

/// What training gains on a region that it does not know.
struct LeaveOneOut {
  double mean_gain_dice = 0;  ///< over the regions
  double mean_gain_iou = 0;
  std::int64_t steps = 0;  ///< limits of each training; 0 = none
  double max_seconds = 0;
  std::vector<LeftOutRegion> regions;  ///< those that are done

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("mean_gain_dice", self.mean_gain_dice, "mean over the regions");
    visit("mean_gain_iou", self.mean_gain_iou, "mean over the regions");
    visit("steps", self.steps, "of each training at most; 0 = no limit");
    visit("max_seconds", self.max_seconds, "of each training at most; 0 = no limit");
    visit("regions", self.regions, "regions that were left out");
  }
};

}  // namespace retina::pipeline
