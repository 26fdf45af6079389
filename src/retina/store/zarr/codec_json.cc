// What zarr.json and .zarray say about codecs, and how it is written.
#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "retina/core/options.h"
#include "retina/store/zarr/codec.h"
#include "retina/store/zarr/metadata_fields.h"

namespace retina::store {

namespace {

using Kind = CompressionStep::Kind;

constexpr std::array<std::string_view, 3> kShuffles{"noshuffle", "shuffle", "bitshuffle"};
constexpr int kMostNestedShards = 4;
constexpr std::int64_t kMostChunksPerShard = std::int64_t{1} << 22;
constexpr std::string_view kPackagePrefix = "numcodecs.";

Error bad_codecs(const std::string& found, const std::string& expected) {
  return Error(ErrorKind::bad_data,
               Problem{.subject = "codecs",
                       .found = found,
                       .expected = expected,
                       .remedy = "write the array again, compressed by blosc, zstd or gzip"});
}

template <class T>
T whole_setting(const Json& number, const char* name) {
  const std::optional<T> value = core::whole_number_in<T>(number);
  if (!value) {
    throw bad_codecs(fmt::format("{} {}", name, number.dump()), "a whole number");
  }
  return *value;
}

template <class T>
T whole_setting(const Json& settings, const char* name, T otherwise) {
  return whole_setting<T>(settings.value(name, Json(otherwise)), name);
}

CompressionStep blosc_of(const Json& settings, core::DType dtype) {
  const Json shuffle = settings.value("shuffle", Json(0));
  int how = shuffle.is_number() ? whole_setting<int>(shuffle, "shuffle") : 0;
  if (shuffle.is_string()) {
    const auto known = std::find(kShuffles.begin(), kShuffles.end(), shuffle.get<std::string>());
    how = known == kShuffles.end() ? 0 : static_cast<int>(known - kShuffles.begin());
  }
  return {.kind = Kind::blosc,
          .level = whole_setting(settings, "clevel", 5),
          .compressor = settings.value("cname", "zstd"),
          .shuffle = how,
          .typesize = whole_setting(settings, "typesize", core::size_of(dtype))};
}

CompressionStep parse_step(const Json& codec, core::DType dtype) {
  const std::string name = codec_name(codec);
  const Json settings = codec_configuration(codec);
  if (name == "zstd") {
    return {.kind = Kind::zstd, .level = whole_setting(settings, "level", 0)};
  }
  if (name == "gzip") {
    return {.kind = Kind::gzip, .level = whole_setting(settings, "level", 5)};
  }
  if (name == "crc32c") {
    return {.kind = Kind::crc32c};
  }
  if (name == "blosc") {
    return blosc_of(settings, dtype);
  }
  if (name.starts_with(kPackagePrefix)) {  // zarr v2's codecs as Python's zarr 3 writes them
    Json compressor = settings;
    compressor["id"] = name.substr(kPackagePrefix.size());
    return parse_compressor_v2(compressor, dtype).front();
  }
  throw bad_codecs(
      fmt::format("'{}'", name),
      "transpose, bytes or sharding_indexed, blosc, zstd, gzip, crc32c, in this order");
}

std::vector<std::size_t> parse_order(const Json& order, std::size_t rank) {
  std::vector<std::size_t> out(rank);
  std::iota(out.begin(), out.end(), 0);
  if (order == "C") {
    return out;
  }
  if (order == "F") {
    std::reverse(out.begin(), out.end());
    return out;
  }
  std::vector<std::size_t> given;
  for (const Json& axis : order.is_array() ? order : Json::array()) {
    given.push_back(whole_setting<std::size_t>(axis, "order"));
  }
  if (!std::is_permutation(given.begin(), given.end(), out.begin(), out.end())) {
    throw bad_codecs(fmt::format("transpose of {}", order.dump()),
                     fmt::format("each of {} dimensions once", rank));
  }
  return given;
}

Json step_json(const CompressionStep& step) {
  switch (step.kind) {
    case Kind::zstd:
      return {{"name", "zstd"}, {"configuration", {{"level", step.level}, {"checksum", false}}}};
    case Kind::gzip:
      return {{"name", "gzip"}, {"configuration", {{"level", step.level}}}};
    case Kind::blosc:
      return {{"name", "blosc"},
              {"configuration",
               {{"typesize", step.typesize},
                {"cname", step.compressor},
                {"clevel", step.level},
                {"shuffle", kShuffles[static_cast<std::size_t>(step.shuffle)]},
                {"blocksize", 0}}}};
    case Kind::crc32c:
      return {{"name", "crc32c"}};
    default:
      throw Error(ErrorKind::internal, "to_json: a codec that is only read");
  }
}

}  // namespace

std::string codec_name(const Json& codec) {
  return codec.is_string() ? codec.get<std::string>() : codec.at("name").get<std::string>();
}

Json codec_configuration(const Json& codec) {
  return codec.is_object() ? codec.value("configuration", Json::object()) : Json::object();
}

std::vector<CompressionStep> parse_compressor_v2(const Json& compressor, core::DType dtype) {
  if (compressor.is_null()) {
    return {};
  }
  constexpr int kRawLzma = 3;
  const std::string id = compressor.at("id");
  if (id == "blosc") {
    return {blosc_of(compressor, dtype)};
  }
  if (id == "lzma" && whole_setting(compressor, "format", 1) == kRawLzma) {
    throw bad_codecs("lzma without a container", "format 1 (xz) or 2 (lzma)");
  }
  static constexpr std::array<std::pair<std::string_view, Kind>, 6> kKnown{{{"zstd", Kind::zstd},
                                                                            {"gzip", Kind::gzip},
                                                                            {"zlib", Kind::zlib},
                                                                            {"bz2", Kind::bz2},
                                                                            {"lz4", Kind::lz4},
                                                                            {"lzma", Kind::xz}}};
  for (const auto& [name, kind] : kKnown) {
    if (id == name) {
      return {{.kind = kind, .level = whole_setting(compressor, "level", 1)}};
    }
  }
  throw bad_codecs(fmt::format("compressor '{}'", id),
                   "blosc, zstd, gzip, zlib, bz2, lz4, lzma or none");
}

CodecChain CodecChain::parse(const Json& codecs, const ChunkForm& form) {
  if (!codecs.is_array() || codecs.empty()) {
    throw bad_codecs(codecs.dump(), "a list of codecs");
  }
  CodecChain chain;
  chain.value_size_ = core::size_of(form.dtype);
  chain.form_ = form;
  std::size_t i = 0;
  for (; i < codecs.size() && codec_name(codecs[i]) == "transpose"; ++i) {
    chain.transpose(parse_order(codec_configuration(codecs[i]).at("order"), form.shape.size()));
  }
  const std::string name = i < codecs.size() ? codec_name(codecs[i]) : "transpose";
  if (name == "bytes") {
    chain.is_big_endian_ = codec_configuration(codecs[i]).value("endian", "little") == "big";
  } else if (name == "sharding_indexed") {
    ChunkForm shard = form;
    shard.shape = chain.stored_shape();
    chain.sharding_ =
        std::make_shared<const Sharding>(parse_sharding(codec_configuration(codecs[i]), shard));
  } else {
    throw bad_codecs(fmt::format("'{}' where values become bytes", name),
                     "bytes or sharding_indexed");
  }
  for (++i; i < codecs.size(); ++i) {
    chain.steps_.push_back(parse_step(codecs[i], form.dtype));
  }
  return chain;
}

Sharding parse_sharding(const Json& configuration, const ChunkForm& form) {
  if (form.nesting == kMostNestedShards) {
    throw bad_codecs("shards in shards in shards", fmt::format("at most {}", kMostNestedShards));
  }
  Sharding out;
  out.chunk = parse_sides(configuration.at("chunk_shape"), "chunk_shape", form.shape.size());
  bool is_grid = true;
  std::int64_t count = 1;
  for (std::size_t i = 0; is_grid && i < out.chunk.size(); ++i) {
    is_grid = form.shape[i] % out.chunk[i] == 0 &&
              form.shape[i] / out.chunk[i] <= kMostChunksPerShard / count;
    count *= is_grid ? form.shape[i] / out.chunk[i] : 1;
  }
  if (!is_grid) {
    throw bad_codecs(fmt::format("chunks of {} in shards of {}",
                                 configuration.at("chunk_shape").dump(), Json(form.shape).dump()),
                     "shards that are multiples of chunks, of at most 4 million chunks");
  }
  const ChunkForm chunk{
      .dtype = form.dtype, .shape = out.chunk, .fill = form.fill, .nesting = form.nesting + 1};
  out.codecs = CodecChain::parse(configuration.at("codecs"), chunk);
  Sides entries = out.grid(form.shape);
  entries.push_back(2);
  out.index.codecs = CodecChain::parse(
      configuration.at("index_codecs"),
      {.dtype = core::DType::u64, .shape = std::move(entries), .nesting = kMostNestedShards});
  out.index.codecs.fixed_size(0);
  out.index.place = configuration.value("index_location", "end") == "start"
                        ? ShardIndexForm::Place::start
                        : ShardIndexForm::Place::end;
  return out;
}

CodecChain CodecChain::parse_v2(const ChunkCodingV2& coding, const ChunkForm& form) {
  CodecChain chain;
  chain.value_size_ = core::size_of(form.dtype);
  chain.form_ = form;
  chain.is_big_endian_ = coding.is_big_endian;
  if (coding.is_fortran_order) {
    chain.transpose(parse_order("F", form.shape.size()));
  }
  chain.steps_ = parse_compressor_v2(coding.compressor, form.dtype);
  return chain;
}

Json sharding_json(const Sharding& sharding) {
  const bool is_at_end = sharding.index.place == ShardIndexForm::Place::end;
  return {{"name", "sharding_indexed"},
          {"configuration",
           {{"chunk_shape", sharding.chunk},
            {"codecs", sharding.codecs.to_json()},
            {"index_codecs", sharding.index.codecs.to_json()},
            {"index_location", is_at_end ? "end" : "start"}}}};
}

Json CodecChain::to_json() const {
  Json list = Json::array();
  if (!order_.empty()) {
    list.push_back({{"name", "transpose"}, {"configuration", {{"order", order_}}}});
  }
  if (sharding_) {
    list.push_back(sharding_json(*sharding_));
  } else {
    list.push_back(
        {{"name", "bytes"}, {"configuration", {{"endian", is_big_endian_ ? "big" : "little"}}}});
  }
  for (const CompressionStep& step : steps_) {
    list.push_back(step_json(step));
  }
  return list;
}

Json CodecChain::to_json_v2() const {
  if (steps_.empty()) {
    return nullptr;
  }
  const CompressionStep& step = steps_.front();
  if (steps_.size() > 1 || step.kind != Kind::blosc) {
    throw Error(ErrorKind::internal, "to_json_v2: codecs that are not written");
  }
  return {{"id", "blosc"},
          {"cname", step.compressor},
          {"clevel", step.level},
          {"shuffle", step.shuffle},
          {"blocksize", 0}};
}

}  // namespace retina::store
