#pragma once

#include <functional>
#include <string>
#include <vector>

#include "program.h"

#include "retina/core/file.h"

namespace retina::e2e {

/// One accident: how the files are made, what is run, and what the user must be told.
struct BadInput {
  const char* name;
  std::function<void(const std::filesystem::path&)> make;
  std::string arguments;  ///< run inside the folder
  int exit_code;
  std::vector<std::string> words;        ///< each occurs in the message
  std::string surroundings = {};         ///< shell before the program: limits, another user
  std::vector<std::string> absent = {};  ///< names that must not exist afterwards
};

inline void PrintTo(const BadInput& bad, std::ostream* out) {
  *out << bad.name;
}

inline void good_dataset(const std::filesystem::path& folder) {
  write_blob_dataset(folder, 2, 1, 64);
}

inline const std::string kTrain =
    "finetune --preset retina-tiny --classes blob --steps 1 --images images --masks masks -o run";

/// Random grey values or labels at folder/NAME, in the format of its extension.
inline void write_noise(const std::filesystem::path& path, const core::Vec3& shape,
                        core::DType dtype = core::DType::u8) {
  core::Array values(dtype, 1, shape);
  core::Rng rng(3);
  for (std::byte& byte : values.bytes()) {
    byte = static_cast<std::byte>(rng.integer(0, 255));
  }
  store::CreateOptions how;
  how.dtype = dtype;
  how.shape = shape;
  const auto file = store::create(path.string(), how);
  for (std::int64_t z = 0; z < shape[0]; ++z) {
    const core::Box3 slice = core::slice_box(shape, 0, z);
    core::Array page(dtype, 1, slice.shape);
    core::copy_overlap(values, {0, 0, 0}, page, slice.start);
    file->write(slice, page);
  }
  file->finish();
}

inline void write_floats(const std::filesystem::path& path, const core::Vec3& shape,
                         const std::function<float(std::int64_t)>& value) {
  core::Array values(core::DType::f32, 1, shape);
  for (std::size_t i = 0; i < values.values<float>().size(); ++i) {
    values.values<float>()[i] = value(static_cast<std::int64_t>(i));
  }
  std::filesystem::create_directories(path.parent_path());
  const auto file = store::create(path.string(), {.dtype = core::DType::f32, .shape = shape});
  file->write(core::whole(shape), values);
  file->finish();
}

/// Changes bytes of a file from `offset` on (from its end if negative).
inline void overwrite(const std::filesystem::path& file, std::int64_t offset,
                      const std::string& bytes) {
  std::string text = core::read_text(file);
  const auto at = static_cast<std::size_t>(
      offset < 0 ? static_cast<std::int64_t>(text.size()) + offset : offset);
  text.replace(at, bytes.size(), bytes);
  core::write_atomically(file, text);
}

inline void cut_in_half(const std::filesystem::path& file) {
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
}

// The tables of accidents, by what they befall.
std::vector<BadInput> damaged_images();
std::vector<BadInput> damaged_zarrs();
std::vector<BadInput> damaged_hdf5s();
/// Sizes that lie: small files that claim to be huge.
std::vector<BadInput> bombs();
std::vector<BadInput> bad_values();
/// Of training and held-out data together.
std::vector<BadInput> bad_parts();
std::vector<BadInput> bad_models();
std::vector<BadInput> bad_runs();
/// A limit on the size of files acts as a full disk does.
std::vector<BadInput> full_disks();
std::vector<BadInput> forbidden_places();

}  // namespace retina::e2e
