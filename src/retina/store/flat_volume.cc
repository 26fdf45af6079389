#include "retina/store/flat_volume.h"

#include <utility>

namespace retina::store {

namespace {

class FlatVolume final : public core::Volume {
 public:
  FlatVolume(core::VolumeInfo info, std::unique_ptr<ByteSource> source, const FlatLayout& layout)
      : Volume(std::move(info)), source_(std::move(source)), layout_(layout) {
    info_.dtype = layout.dtype;
    info_.channels = static_cast<int>(layout.shape[0]);
    info_.shape = {layout.shape[1], layout.shape[2], layout.shape[3]};
    info_.chunk = unit_of_reading(*source_, layout_);
  }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    return read_flat(*source_, layout_, with_channels(box, info_.channels));
  }

 private:
  std::unique_ptr<ByteSource> source_;
  FlatLayout layout_;
};

}  // namespace

std::unique_ptr<core::Volume> make_flat_volume(core::VolumeInfo info,
                                               std::unique_ptr<ByteSource> source,
                                               const FlatLayout& layout) {
  return std::make_unique<FlatVolume>(std::move(info), std::move(source), layout);
}

}  // namespace retina::store
