#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "retina/store/hdf5/hdf5_dataset.h"

namespace retina::store {

namespace {

constexpr std::size_t kMostObjects = 10000;  // looked at in one file
constexpr int kMostImageAxes = 5;
constexpr hsize_t kLeastImageSide = 16;

/// Names of the datasets under a group, relative to it.
std::vector<std::string> datasets_under(hid_t group, const std::filesystem::path& path) {
  std::vector<std::string> names;
  // without exceptions: the library calls it
  const auto visit = [](hid_t, const char* name, const auto* info, void* out) -> herr_t {
    auto& found = *static_cast<std::vector<std::string>*>(out);
    if (info->type == H5O_TYPE_DATASET) {
      found.emplace_back(name);
    }
    return found.size() < kMostObjects ? 0 : 1;
  };
  require_hdf5(H5Ovisit2(group, H5_INDEX_NAME, H5_ITER_INC, visit, &names, H5O_INFO_BASIC), path,
               "its contents cannot be listed");
  return names;
}

bool is_image_like(hid_t dataset) {
  const Hdf5Handle type(H5Dget_type(dataset), H5Tclose);
  const Hdf5Handle space(H5Dget_space(dataset), H5Sclose);
  if (!type.is_open() || !space.is_open()) {
    return false;
  }
  const H5T_class_t kind = H5Tget_class(type.get());
  const int rank = H5Sget_simple_extent_ndims(space.get());
  if ((kind != H5T_INTEGER && kind != H5T_FLOAT && kind != H5T_ENUM) || rank < 2 ||
      rank > kMostImageAxes) {
    return false;
  }
  hsize_t sides[kMostImageAxes] = {};
  H5Sget_simple_extent_dims(space.get(), sides, nullptr);
  return *std::min_element(sides, sides + rank) > 0 &&
         (rank > 2 || std::min(sides[0], sides[1]) >= kLeastImageSide);
}

}  // namespace

Hdf5File::Hdf5File(std::filesystem::path path) : path_(std::move(path)) {
  const Hdf5Lock lock(path_);
  const Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
#if H5_VERSION_GE(1, 10, 7)
  H5Pset_file_locking(access.get(), 1, 1);  // some network drives have no locks
#endif
  file_ = open_hdf5_handle(H5Fopen(path_.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose, path_,
                           "it cannot be opened");
}

Hdf5File::~Hdf5File() {
  const Hdf5Lock lock(path_);
  file_ = {};
}

Hdf5File::Node Hdf5File::node(const std::string& name) const {
  const Hdf5Lock lock(path_);
  const Hdf5Handle object(H5Oopen(file_.get(), name.c_str(), H5P_DEFAULT), H5Oclose);
  if (!object.is_open()) {
    return Node::nothing;
  }
  const H5I_type_t type = H5Iget_type(object.get());
  return type == H5I_DATASET ? Node::dataset : type == H5I_GROUP ? Node::group : Node::nothing;
}

std::vector<std::string> Hdf5File::names() const {
  const Hdf5Lock lock(path_);
  std::vector<std::string> names;
  // without exceptions: the library calls it
  const auto visit = [](hid_t, const char* name, const auto*, void* out) -> herr_t {
    auto& found = *static_cast<std::vector<std::string>*>(out);
    found.emplace_back(name);
    return found.size() < kMostObjects ? 0 : 1;
  };
  require_hdf5(H5Literate(file_.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, visit, &names), path_,
               "its contents cannot be listed");
  return names;
}

std::vector<std::string> Hdf5File::image_datasets(const std::string& group) const {
  const Hdf5Lock lock(path_);
  const Hdf5Handle node =
      open_hdf5_handle(H5Oopen(file_.get(), group.c_str(), H5P_DEFAULT), H5Oclose, path_,
                       fmt::format("'{}' cannot be opened", group));
  std::vector<std::string> images;
  for (const std::string& name : datasets_under(node.get(), path_)) {
    const Hdf5Handle dataset(H5Dopen2(node.get(), name.c_str(), H5P_DEFAULT), H5Dclose);
    if (dataset.is_open() && is_image_like(dataset.get())) {
      images.push_back(fmt::format("{}/{}", group == "/" ? "" : group, name));
    }
  }
  return images;
}

}  // namespace retina::store
