#include "retina/phantom/shading.h"

#include <limits>

namespace retina::phantom {
namespace {

constexpr float kSight = 60.0F;  // nm, how far an organelle changes what lies beside it
constexpr float kCytoplasm = 158.0F;

/// 1 at 0, 0 beyond +-1, smooth.
float bump(float x) {
  const float t = std::max(0.0F, 1.0F - x * x);
  return t * t;
}

float blend(float from, float to, float share) {
  return from + (to - from) * share;
}

/// Distance to the nearest plane of a stack with spacing `spacing`.
float stack_distance(float position, float spacing) {
  const float phase = position / spacing;
  return std::abs(phase - std::floor(phase) - 0.5F) * spacing;
}

void shade_er(const LocalFields& fields, float border, TissueVoxel& voxel) {
  const float d = std::abs(fields.sheet);
  if (fields.patch < 0.04F || d > 24.0F || border < 34.0F) {
    return;
  }
  const float share = smoothstep(0.04F, 0.2F, fields.patch);
  voxel.grey = blend(voxel.grey, 62.0F, share * bump((d - 10.0F) / 10.0F));
  if (fields.patch > 0.12F && d < 16.0F) {
    voxel.structure = Structure::endoplasmic_reticulum;
  }
}

void shade_balls(const VisibleContents& cell, const Point& p, float grain, TissueVoxel& voxel) {
  for (const Ball& vesicle : cell.vesicles) {
    const float d = length(p - vesicle.centre) - vesicle.radius;
    if (d < 6.0F) {
      voxel.grey = blend(voxel.grey, 40.0F, bump((d + 2.0F) / 10.0F));
      if (d < 0) {
        voxel.structure = Structure::vesicle;
      }
    }
  }
  for (const Ball& lysosome : cell.lysosomes) {
    const float d = length(p - lysosome.centre) - lysosome.radius;
    if (d < 4.0F) {
      voxel.grey = blend(voxel.grey, 88.0F + 34.0F * grain, smoothstep(4.0F, -8.0F, d));
      voxel.grey = blend(voxel.grey, 55.0F, bump((d + 4.0F) / 8.0F));
      if (d < 0) {
        voxel.structure = Structure::lysosome;
      }
    }
  }
}

float mitochondrion_grey(const Mitochondrion& whole, const LocalFields& fields, float depth,
                         float grain, float tone) {
  float grey = 112.0F + whole.shade + 0.35F * tone + 12.0F * grain;
  const float position = dot(fields.at, whole.crista_axis) + 30.0F * fields.crista;
  const float d = stack_distance(position, whole.crista_nm);
  // a crista ends somewhere: its sheet is interrupted where the fields say so
  const float number = std::floor(position / whole.crista_nm);
  const float broken = fields.wobble + 0.45F * std::sin(2.4F * number) + 0.35F;
  const float share = smoothstep(22.0F, 34.0F, depth) * smoothstep(-0.15F, 0.2F, broken);
  grey = blend(grey, 66.0F, share * bump(d / 13.0F));
  grey = blend(grey, 150.0F, 0.55F * share * bump((d - 17.0F) / 9.0F));
  grey = blend(grey, 148.0F, 0.7F * bump((depth - 14.0F) / 9.0F));  // between both membranes
  grey = blend(grey, 62.0F, 0.9F * bump((depth - 25.0F) / 9.0F));   // inner membrane
  return blend(grey, 50.0F, bump((depth - 3.0F) / 10.0F));          // outer membrane
}

void shade_mitochondria(const VisibleContents& cell, const LocalFields& fields, float border,
                        float grain, TissueVoxel& voxel) {
  const Mitochondrion* nearest = nullptr;
  float least = kSight;
  for (const auto& part : cell.mitochondria) {
    for (const Segment& segment : part.segments) {
      const float d = segment.distance(fields.at);
      if (d < least) {
        least = d;
        nearest = part.whole;
      }
    }
  }
  if (nearest == nullptr) {
    return;
  }
  const float d = std::max(least + 6.0F * fields.wobble, 21.0F - border);
  if (d < 0) {
    voxel.grey = mitochondrion_grey(*nearest, fields, -d, grain, cell.cell->tone);
    voxel.structure = Structure::mitochondria;
    voxel.instance = nearest->id;
  } else if (d < 16.0F) {  // a clear rim: nothing else touches the outer membrane
    const float clear = kCytoplasm + cell.cell->tone + 8.0F * grain;
    voxel.grey = blend(voxel.grey, clear, smoothstep(16.0F, 8.0F, d));
    voxel.grey = blend(voxel.grey, 50.0F, bump((d + 3.0F) / 10.0F));
    if (voxel.structure == Structure::endoplasmic_reticulum && d < 11.0F) {
      voxel.structure = Structure::background;
    }
  }
}

void shade_nucleus(const CellContents& cell, const LocalFields& fields, float grain,
                   TissueVoxel& voxel) {
  if (cell.site.nucleus_radius <= 0) {
    return;
  }
  const float depth = -(cell.nucleus_distance(fields.at) + 9.0F * fields.wobble);
  if (depth < -12.0F) {
    return;
  }
  if (depth > 0) {
    const float clumps =
        smoothstep(0.0F, 0.5F, fields.patch) + 0.6F * smoothstep(90.0F, 34.0F, depth);
    voxel.grey = 146.0F + 0.5F * cell.tone + 16.0F * grain - 46.0F * std::min(1.0F, clumps);
    voxel.grey = blend(voxel.grey, 165.0F, 0.8F * bump((depth - 17.0F) / 13.0F));
    voxel.structure = Structure::nucleus;
  }
  voxel.grey = blend(voxel.grey, 62.0F, bump((depth - 3.0F) / 10.0F));
  voxel.grey = blend(voxel.grey, 62.0F, bump((depth - 31.0F) / 10.0F));
}

void shade_membrane(const LocalFields& fields, float border, TissueVoxel& voxel) {
  const float half_gap = 3.0F + 16.0F * std::max(0.0F, fields.gap - 0.1F);
  if (border > half_gap + 16.0F) {
    return;
  }
  if (border < half_gap) {
    voxel = {.grey = 150.0F};
  }
  voxel.grey = blend(voxel.grey, 44.0F, bump((border - half_gap - 3.0F) / 11.0F));
  if (border < half_gap + 10.0F && (border > half_gap - 6.0F || half_gap < 8.0F)) {
    voxel = {.grey = voxel.grey, .structure = Structure::membrane};
  }
}

void shade_synapses(const VisibleContents& cell, const Point& p, float border,
                    std::uint32_t neighbour, TissueVoxel& voxel) {
  for (const Synapse& synapse : cell.synapses) {
    const std::uint32_t own = cell.cell->site.index;
    const std::uint32_t other = synapse.from == own ? synapse.to : synapse.from;
    const float off = length(p - synapse.centre);
    if (other != neighbour || off > synapse.radius) {
      continue;
    }
    const float share = smoothstep(synapse.radius, 0.8F * synapse.radius, off);
    const float depth = synapse.to == own ? 46.0F : 22.0F;  // dense material lies after the cleft
    voxel.grey = blend(voxel.grey, 52.0F, 0.85F * share * smoothstep(depth, 0.5F * depth, border));
    if (border < 18.0F) {
      voxel.grey = blend(voxel.grey, 40.0F, 0.8F * share);
      voxel = {.grey = voxel.grey, .structure = Structure::synaptic_cleft};
    }
  }
}

template <class Item, class Reach>
std::vector<Item> within(const std::vector<Item>& items, const Bounds& bounds, Reach reach) {
  std::vector<Item> seen;
  for (const Item& item : items) {
    if (bounds.distance(item.centre) < reach(item)) {
      seen.push_back(item);
    }
  }
  return seen;
}

}  // namespace

VisibleContents visible_within(const CellContents& cell, const Bounds& bounds) {
  VisibleContents seen;
  seen.cell = &cell;
  const Point centre = bounds.centre();
  const float sight = bounds.half_diagonal() + kSight;
  for (const Mitochondrion& mitochondrion : cell.mitochondria) {
    if (mitochondrion.bounds.distance(centre) > sight) {
      continue;
    }
    VisibleContents::Part part{&mitochondrion, {}};
    for (const Segment& segment : mitochondrion.segments) {
      if (segment.distance(centre) < sight) {
        part.segments.push_back(segment);
      }
    }
    if (!part.segments.empty()) {
      seen.mitochondria.push_back(std::move(part));
    }
  }
  const auto ball_reach = [](const Ball& ball) { return ball.radius + 8.0F; };
  seen.vesicles = within(cell.vesicles, bounds, ball_reach);
  seen.lysosomes = within(cell.lysosomes, bounds, ball_reach);
  seen.synapses = within(cell.synapses, bounds, [](const Synapse& s) { return s.radius; });
  return seen;
}

TissueVoxel shade(const VisibleContents& cell, const LocalFields& fields, float border_nm,
                  std::uint32_t neighbour, float grain) {
  TissueVoxel voxel;
  const float ribosomes = smoothstep(0.4F, 0.75F, grain);
  voxel.grey =
      kCytoplasm + cell.cell->tone + 10.0F * fields.tone + 14.0F * grain - 55.0F * ribosomes;
  shade_er(fields, border_nm, voxel);
  shade_balls(cell, fields.at, grain, voxel);
  shade_mitochondria(cell, fields, border_nm, grain, voxel);
  shade_nucleus(*cell.cell, fields, grain, voxel);
  shade_membrane(fields, border_nm, voxel);
  shade_synapses(cell, fields.at, border_nm, neighbour, voxel);
  return voxel;
}

}  // namespace retina::phantom
