#include "retina/store/hdf5/hdf5_dataset.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/store/location.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace {

using core::DType;

constexpr hsize_t kGreatestSide = hsize_t{1} << 60;
constexpr hsize_t kGreatestChunk = hsize_t{1} << 32;
constexpr std::size_t kMostAttributeValues = 64;
constexpr std::size_t kLongestText = 65536;
constexpr std::size_t kMostFilters = 32;

struct TypePair {
  DType dtype;
  hid_t little;
  hid_t big;
};

/// The types whose stored bytes are those of this machine, or their reverse.
std::array<TypePair, 10> plain_types() {
  return {{{DType::u8, H5T_STD_U8LE, H5T_STD_U8BE},
           {DType::u16, H5T_STD_U16LE, H5T_STD_U16BE},
           {DType::u32, H5T_STD_U32LE, H5T_STD_U32BE},
           {DType::u64, H5T_STD_U64LE, H5T_STD_U64BE},
           {DType::i8, H5T_STD_I8LE, H5T_STD_I8BE},
           {DType::i16, H5T_STD_I16LE, H5T_STD_I16BE},
           {DType::i32, H5T_STD_I32LE, H5T_STD_I32BE},
           {DType::i64, H5T_STD_I64LE, H5T_STD_I64BE},
           {DType::f32, H5T_IEEE_F32LE, H5T_IEEE_F32BE},
           {DType::f64, H5T_IEEE_F64LE, H5T_IEEE_F64BE}}};
}

const char* class_name(H5T_class_t kind) {
  switch (kind) {
    case H5T_INTEGER:
    case H5T_FLOAT:
      return "numbers of an unusual size";
    case H5T_STRING:
      return "text";
    case H5T_COMPOUND:
      return "compound values (such as complex numbers or tables)";
    case H5T_REFERENCE:
      return "references";
    case H5T_VLEN:
      return "lists of varying length";
    default:
      return "values that are no numbers";
  }
}

/// Filters that the library decodes without harm from damaged files. Its szip crashes on them, and
/// plugins are anybody's code.
bool is_safe_in_library(int filter) {
  return (filter == H5Z_FILTER_DEFLATE || filter == H5Z_FILTER_SHUFFLE ||
          filter == H5Z_FILTER_FLETCHER32 || filter == H5Z_FILTER_SCALEOFFSET) &&
         H5Zfilter_avail(filter) > 0;
}

std::vector<hsize_t> to_hsize(const std::vector<std::int64_t>& values) {
  return {values.begin(), values.end()};
}

std::size_t elements_of(const std::vector<std::int64_t>& sides) {
  std::size_t elements = 1;
  for (const std::int64_t side : sides) {
    elements *= static_cast<std::size_t>(side);
  }
  return elements;
}

/// Throws if a call failed.
using Require = std::function<void(herr_t)>;

/// Texts of a string attribute, of fixed or varying length.
std::vector<std::string> read_texts(hid_t attribute, hid_t type, hid_t space,
                                    const Require& require) {
  const auto count = static_cast<std::size_t>(H5Sget_simple_extent_npoints(space));
  std::vector<std::string> texts;
  const Hdf5Handle memory(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_cset(memory.get(), H5Tget_cset(type));
  if (H5Tis_variable_str(type) > 0) {
    std::vector<char*> values(count, nullptr);
    H5Tset_size(memory.get(), H5T_VARIABLE);
    require(H5Aread(attribute, memory.get(), values.data()));
    for (const char* value : values) {
      texts.emplace_back(value == nullptr ? "" : value);
    }
    H5Dvlen_reclaim(memory.get(), space, H5P_DEFAULT, values.data());
    return texts;
  }
  const std::size_t length = H5Tget_size(type);
  if (length == 0 || length > kLongestText) {
    return texts;
  }
  std::vector<char> values(count * length);
  H5Tset_size(memory.get(), length);
  H5Tset_strpad(memory.get(), H5T_STR_NULLPAD);
  require(H5Aread(attribute, memory.get(), values.data()));
  for (std::size_t i = 0; i < count; ++i) {
    const char* text = values.data() + i * length;
    texts.emplace_back(text, ::strnlen(text, length));
  }
  return texts;
}

void read_attribute(hid_t dataset, const char* name, const std::filesystem::path& file,
                    Hdf5Attributes& out) {
  if (H5Aexists(dataset, name) <= 0) {
    return;
  }
  const Hdf5Handle attribute(H5Aopen(dataset, name, H5P_DEFAULT), H5Aclose);
  const Hdf5Handle type(H5Aget_type(attribute.get()), H5Tclose);
  const Hdf5Handle space(H5Aget_space(attribute.get()), H5Sclose);
  const hssize_t count = space.is_open() ? H5Sget_simple_extent_npoints(space.get()) : 0;
  if (!type.is_open() || count < 1 || std::cmp_greater(count, kMostAttributeValues)) {
    out.others[name] = fmt::format("{} values", count);
    return;
  }
  const Require require = [&](herr_t result) {
    require_hdf5(result, file, fmt::format("attribute '{}' cannot be read", name));
  };
  const H5T_class_t kind = H5Tget_class(type.get());
  if (kind == H5T_STRING) {
    out.texts[name] = read_texts(attribute.get(), type.get(), space.get(), require);
  } else if (kind == H5T_INTEGER || kind == H5T_FLOAT) {
    std::vector<double> values(static_cast<std::size_t>(count));
    require(H5Aread(attribute.get(), H5T_NATIVE_DOUBLE, values.data()));
    out.numbers[name] = std::move(values);
  } else {
    out.others[name] = class_name(kind);
  }
}

/// The texts of a call of the library that wants to be asked for the length first.
template <class Call>
std::string text_of(Call call) {
  const ssize_t length = call(nullptr, 0);
  std::string text(static_cast<std::size_t>(std::max<ssize_t>(length, 0)), '\0');
  call(text.data(), text.size() + 1);
  return text;
}

/// Where the library finds a file that a virtual dataset of `file` names; empty if nowhere.
std::filesystem::path find_source(const std::filesystem::path& file,
                                  const std::filesystem::path& name) {
  if (name == ".") {
    return file;
  }
  const std::filesystem::path tail = name.is_absolute() ? name.filename() : name;
  const char* prefix = std::getenv("HDF5_VDS_PREFIX");
  for (const std::filesystem::path& place :
       {name, std::filesystem::path(prefix == nullptr ? "" : prefix) / tail,
        file.parent_path() / tail, tail}) {
    if (std::filesystem::exists(place)) {
      return place;
    }
  }
  return {};
}

/// The library fills in what it does not find, and says nothing.
void require_sources(hid_t creation, const Hdf5File& file, const std::string& subject) {
  std::size_t count = 0;
  require_hdf5(H5Pget_virtual_count(creation, &count), file.path(), subject);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = text_of([&](char* out, std::size_t size) {
      return H5Pget_virtual_filename(creation, i, out, size);
    });
    const std::string dataset = text_of([&](char* out, std::size_t size) {
      return H5Pget_virtual_dsetname(creation, i, out, size);
    });
    if ((name + dataset).find('%') != std::string::npos) {
      continue;  // a series of any length, which ends where nothing is found
    }
    const std::filesystem::path source = find_source(file.path(), name);
    if (source.empty() || Hdf5File(source).node(dataset) != Hdf5File::Node::dataset) {
      throw bad_file(
          file.path(),
          fmt::format("{} is virtual, and its part '{}:{}' is missing", subject, name, dataset),
          "all parts of a virtual dataset", "put the missing file where it belongs");
    }
  }
}

/// Name of the file that an object lies in: another one behind an external link.
std::string file_of(hid_t object) {
  return text_of([&](char* out, std::size_t size) { return H5Fget_name(object, out, size); });
}

}  // namespace

hid_t hdf5_memory_type(DType dtype) {
  for (const TypePair& pair : plain_types()) {
    if (pair.dtype == dtype) {
      return std::endian::native == std::endian::little ? pair.little : pair.big;
    }
  }
  throw Error(ErrorKind::internal, "a dtype without an HDF5 type");
}

std::size_t Hdf5Layout::chunk_bytes() const {
  return elements_of(chunk) * core::size_of(dtype);
}

Hdf5Dataset::Hdf5Dataset(std::filesystem::path path, std::string name)
    : path_(std::move(path)), name_(std::move(name)), file_bytes_(size_of_file(path_)) {}

// by way of another constructor, so that the destructor runs if this one throws
Hdf5Dataset::Hdf5Dataset(const Hdf5File& file, std::string name)
    : Hdf5Dataset(file.path(), std::move(name)) {
  const Hdf5Lock lock(path_);
  const Hdf5Handle access(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose);
  H5Pset_chunk_cache(access.get(), 0, 0, 1);  // decoded chunks are kept by ChunkCache
  dataset_ = open_hdf5_handle(H5Dopen2(file.id(), name_.c_str(), access.get()), H5Dclose, path_,
                              fmt::format("dataset '{}' cannot be opened", name_));
  if (const std::string place = file_of(dataset_.get()); place != file_of(file.id())) {
    throw bad_file(path_, fmt::format("{} that lies in another file, '{}'", subject(), place),
                   "a dataset of the file itself", "open that file instead");
  }
  describe_type();
  describe_shape();
  describe_storage(file);
}

Hdf5Dataset::~Hdf5Dataset() {
  const Hdf5Lock lock(path_);
  dataset_ = {};
  memory_type_ = {};
}

std::string Hdf5Dataset::subject() const {
  return fmt::format("dataset '{}'", name_);
}

void Hdf5Dataset::describe_type() {
  Hdf5Handle type = open_hdf5_handle(H5Dget_type(dataset_.get()), H5Tclose, path_, subject());
  const H5T_class_t kind = H5Tget_class(type.get());
  if (kind == H5T_ENUM) {  // h5py stores bool so
    memory_type_ = {H5Tget_native_type(type.get(), H5T_DIR_ASCEND), H5Tclose};
    type = open_hdf5_handle(H5Tget_super(type.get()), H5Tclose, path_, subject());
  }
  for (const TypePair& pair : plain_types()) {
    const bool is_big = H5Tequal(type.get(), pair.big) > 0;
    if (is_big || H5Tequal(type.get(), pair.little) > 0) {
      layout_.dtype = pair.dtype;
      layout_.byte_order = is_big ? std::endian::big : std::endian::little;
      if (!memory_type_.is_open()) {
        memory_type_ = {H5Tcopy(hdf5_memory_type(pair.dtype)), H5Tclose};
      }
      return;
    }
  }
  if (kind != H5T_FLOAT || H5Tget_size(type.get()) > sizeof(float)) {
    throw bad_file(path_, fmt::format("{} of {}", subject(), class_name(H5Tget_class(type.get()))),
                   "integers of 8 to 64 bits or floats of up to 64", "choose another dataset");
  }
  layout_.dtype = DType::f32;  // half precision
  layout_.needs_library = true;
  memory_type_ = {H5Tcopy(H5T_NATIVE_FLOAT), H5Tclose};
}

void Hdf5Dataset::describe_shape() {
  const Hdf5Handle space =
      open_hdf5_handle(H5Dget_space(dataset_.get()), H5Sclose, path_, subject());
  const int rank = H5Sget_simple_extent_ndims(space.get());
  std::vector<hsize_t> sides(static_cast<std::size_t>(std::max(rank, 0)));
  H5Sget_simple_extent_dims(space.get(), sides.data(), nullptr);
  for (const hsize_t side : sides) {
    if (side > kGreatestSide) {
      throw bad_file(path_, fmt::format("{} with a side of {}", subject(), side),
                     "sides below 2^60", "the file is damaged: get a fresh copy");
    }
    layout_.sides.push_back(static_cast<std::int64_t>(side));
  }
}

void Hdf5Dataset::describe_storage(const Hdf5File& file) {
  const Hdf5Handle creation =
      open_hdf5_handle(H5Dget_create_plist(dataset_.get()), H5Pclose, path_, subject());
  layout_.fill.resize(core::size_of(layout_.dtype));
  H5D_fill_value_t fill = H5D_FILL_VALUE_UNDEFINED;
  if (H5Pfill_value_defined(creation.get(), &fill) >= 0 && fill == H5D_FILL_VALUE_USER_DEFINED) {
    require_hdf5(H5Pget_fill_value(creation.get(), memory_type_.get(), layout_.fill.data()), path_,
                 subject() + ": its fill value cannot be read");
  }
  const H5D_layout_t kind = H5Pget_layout(creation.get());
  if (kind == H5D_CHUNKED) {
    std::vector<hsize_t> chunk(layout_.sides.size());
    require_hdf5(H5Pget_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data()), path_,
                 subject() + ": its chunks cannot be read");
    hsize_t bytes = core::size_of(layout_.dtype);
    for (const hsize_t side : chunk) {
      bytes = side < 1 || side >= kGreatestChunk / bytes ? kGreatestChunk : bytes * side;
    }
    if (bytes >= kGreatestChunk) {
      throw bad_file(path_, fmt::format("{} in chunks of {}", subject(), fmt::join(chunk, " x ")),
                     "chunks below 4 GiB", "the file is damaged: get a fresh copy");
    }
    layout_.chunk.assign(chunk.begin(), chunk.end());
    describe_filters(creation.get());
    return;
  }
  if (kind == H5D_VIRTUAL) {
    require_sources(creation.get(), file, subject());
  }
  // the library reports a place for values that are nowhere if a user block stands in front
  H5D_space_status_t space = H5D_SPACE_STATUS_ERROR;
  const bool is_flat = kind == H5D_CONTIGUOUS && !layout_.needs_library &&
                       H5Pget_external_count(creation.get()) == 0 &&
                       H5Dget_space_status(dataset_.get(), &space) >= 0 &&
                       space == H5D_SPACE_STATUS_ALLOCATED;
  const haddr_t offset = is_flat ? H5Dget_offset(dataset_.get()) : HADDR_UNDEF;
  if (offset != HADDR_UNDEF) {
    layout_.data_offset = static_cast<std::int64_t>(offset);
    const std::int64_t available = file_bytes_ - *layout_.data_offset;
    auto bytes = static_cast<std::int64_t>(core::size_of(layout_.dtype));
    for (const std::int64_t side : layout_.sides) {
      bytes = side == 0 || bytes <= available / side ? bytes * side : available + 1;
    }
    if (*layout_.data_offset < 0 || bytes > available) {
      throw bad_file(path_, fmt::format("{} of more values than the file holds", subject()),
                     "a whole file", "the file is truncated or damaged: get a fresh copy");
    }
  }
}

void Hdf5Dataset::describe_filters(hid_t creation) {
  const int count = H5Pget_nfilters(creation);
  if (count < 0 || std::cmp_greater(count, kMostFilters)) {
    throw bad_file(path_, subject() + ": its compression cannot be read", "a whole HDF5 file",
                   "get a fresh copy");
  }
  unsigned options = 0;
  H5Pget_chunk_opts(creation, &options);
  layout_.needs_library =
      layout_.needs_library || (options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS) != 0;
  bool is_decodable = true;
  for (unsigned i = 0; std::cmp_less(i, count); ++i) {
    std::array<unsigned, 64> values{};
    std::size_t length = values.size();
    std::array<char, 64> name{};
    unsigned flags = 0;
    const H5Z_filter_t id = H5Pget_filter2(creation, i, &flags, &length, values.data(),
                                           name.size() - 1, name.data(), nullptr);
    require_hdf5(id, path_, subject() + ": its compression cannot be read");
    length = std::min(length, values.size());
    layout_.filters.push_back(
        {.id = id,
         .name = name.data(),
         .values = {values.begin(), values.begin() + static_cast<std::ptrdiff_t>(length)}});
    is_decodable = is_decodable && can_decode(layout_.filters.back());
  }
  layout_.needs_library = layout_.needs_library || !is_decodable;
  for (const Hdf5Filter& filter : layout_.filters) {
    if (layout_.needs_library && !is_safe_in_library(filter.id)) {
      throw bad_file(path_, fmt::format("{} compressed with {}", subject(), name_of_filter(filter)),
                     layout_.dtype == DType::f32 && is_decodable
                         ? "gzip, for values of half precision"
                         : "gzip, lzf, blosc or zstd, with shuffle and fletcher32",
                     "write it again with one of these, for example with h5repack -f GZIP=1");
    }
  }
}

Hdf5Attributes Hdf5Dataset::attributes() const {
  const Hdf5Lock lock(path_);
  Hdf5Attributes out;
  for (const char* name : {"resolution", "voxel_size", "element_size_um", "offset", "units", "unit",
                           "axistags", "DIMENSION_LABELS", "axis_names"}) {
    read_attribute(dataset_.get(), name, path_, out);
  }
  return out;
}

std::optional<Hdf5Dataset::StoredChunk> Hdf5Dataset::stored_chunk(
    const std::vector<std::int64_t>& start) const {
  const Hdf5Lock lock(path_);
  const std::vector<hsize_t> at = to_hsize(start);
  hsize_t size = 0;
  haddr_t address = HADDR_UNDEF;
  unsigned skipped = 0;
  require_hdf5(H5Dget_chunk_info_by_coord(dataset_.get(), at.data(), &skipped, &address, &size),
               path_, subject() + ": a chunk cannot be found");
  if (address == HADDR_UNDEF || size == 0) {
    return std::nullopt;
  }
  if (std::cmp_greater(size, file_bytes_)) {
    throw bad_file(path_, fmt::format("{}: a chunk of {} bytes", subject(), size),
                   "chunks that lie in the file", "the file is damaged: get a fresh copy");
  }
  StoredChunk chunk{.bytes = std::vector<std::byte>(size), .skipped_filters = 0};
  require_hdf5(H5Dread_chunk(dataset_.get(), H5P_DEFAULT, at.data(), &chunk.skipped_filters,
                             chunk.bytes.data()),
               path_, subject() + ": a chunk cannot be read");
  return chunk;
}

std::vector<std::byte> Hdf5Dataset::read(const std::vector<std::int64_t>& start,
                                         const std::vector<std::int64_t>& count) const {
  const Hdf5Lock lock(path_);
  const std::vector<hsize_t> at = to_hsize(start);
  const std::vector<hsize_t> sides = to_hsize(count);
  std::vector<std::byte> values(elements_of(count) * core::size_of(layout_.dtype));
  const Hdf5Handle file_space =
      open_hdf5_handle(H5Dget_space(dataset_.get()), H5Sclose, path_, subject());
  const Hdf5Handle memory_space =
      open_hdf5_handle(H5Screate_simple(static_cast<int>(sides.size()), sides.data(), nullptr),
                       H5Sclose, path_, subject());
  require_hdf5(H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, at.data(), nullptr,
                                   sides.data(), nullptr),
               path_, subject() + ": a block cannot be selected");
  require_hdf5(H5Dread(dataset_.get(), memory_type_.get(), memory_space.get(), file_space.get(),
                       H5P_DEFAULT, values.data()),
               path_, subject() + ": a block cannot be read");
  return values;
}

}  // namespace retina::store
