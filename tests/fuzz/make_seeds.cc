// Writes the seeds of the fuzz targets: small sound files from the project's own writers.
//   make_seeds tests/fuzz/seeds
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/ATen.h>
#include <zlib.h>

// jpeglib.h needs stdio.h before it
#include <jpeglib.h>

#include "retina/core/file.h"
#include "retina/core/rng.h"
#include "retina/store/hdf5/chunk_log.h"
#include "retina/store/open.h"
#include "retina/store/pack/pack.h"
#include "retina/tensor/torch_file.h"
#include "retina/tensor/zip.h"

namespace {

namespace fs = std::filesystem;
using namespace retina;

core::Array pattern(core::DType dtype, int channels, const core::Vec3& shape) {
  core::Array values(dtype, channels, shape);
  core::Rng rng(1);
  for (std::byte& byte : values.bytes()) {
    byte = static_cast<std::byte>(rng.integer(0, 3));
  }
  return values;
}

void keep(const fs::path& seeds, const std::string& target, const std::string& name,
          const std::string& bytes) {
  fs::create_directories(seeds / target);
  std::ofstream(seeds / target / name, std::ios::binary) << bytes;
}

std::string written(const fs::path& scratch, const std::string& name, core::DType dtype,
                    int channels, const core::Vec3& shape) {
  store::CreateOptions how;
  how.dtype = dtype;
  how.channels = channels;
  how.shape = shape;
  how.voxel_nm = core::Vec3d{40, 4, 4};
  how.overwrite = true;
  const auto file = store::create((scratch / name).string(), how);
  file->write(core::whole(shape), pattern(dtype, channels, shape));
  file->finish();
  return fs::is_regular_file(scratch / name) ? core::read_text(scratch / name) : "";
}

std::string replaced(std::string text, std::string_view found, std::string_view by) {
  return text.replace(text.find(found), found.size(), by);
}

std::string jpeg(int components) {
  jpeg_error_mgr errors{};
  jpeg_compress_struct jpeg{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &out, &size);
  jpeg.image_width = 16;
  jpeg.image_height = 16;
  jpeg.input_components = components;
  jpeg.in_color_space = components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  std::string row(static_cast<std::size_t>(16 * components), 'x');
  auto* line = reinterpret_cast<JSAMPROW>(row.data());
  while (jpeg.next_scanline < jpeg.image_height) {
    jpeg_write_scanlines(&jpeg, &line, 1);
  }
  jpeg_finish_compress(&jpeg);
  std::string bytes(reinterpret_cast<char*>(out), size);
  jpeg_destroy_compress(&jpeg);
  std::free(out);
  return bytes;
}

/// With an EXIF marker that states the orientation 6.
std::string turned(std::string jpeg) {
  const std::string exif(
      "\xFF\xE1\0\x22"
      "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0",
      36);
  return jpeg.insert(2, exif);
}

void images(const fs::path& seeds, const fs::path& scratch) {
  using core::DType;
  keep(seeds, "png", "grey8", written(scratch, "a.png", DType::u8, 1, {1, 7, 9}));
  keep(seeds, "png", "grey16", written(scratch, "a.png", DType::u16, 1, {1, 7, 9}));
  keep(seeds, "png", "colour", written(scratch, "a.png", DType::u8, 3, {1, 7, 9}));
  keep(seeds, "tiff", "grey8", written(scratch, "a.tif", DType::u8, 1, {2, 7, 9}));
  keep(seeds, "tiff", "grey16", written(scratch, "a.tif", DType::u16, 1, {1, 7, 9}));
  keep(seeds, "tiff", "float", written(scratch, "a.tif", DType::f32, 1, {1, 7, 9}));
  keep(seeds, "tiff", "channels", written(scratch, "a.tif", DType::u8, 2, {2, 7, 9}));
  keep(seeds, "nrrd", "grey8", written(scratch, "a.nrrd", DType::u8, 1, {2, 7, 9}));
  keep(seeds, "nrrd", "float", written(scratch, "a.nrrd", DType::f32, 1, {2, 7, 9}));
  keep(seeds, "hdf5", "grey8", written(scratch, "a.h5", DType::u8, 1, {2, 7, 9}));
  keep(seeds, "jpeg", "grey", jpeg(1));
  keep(seeds, "jpeg", "colour", jpeg(3));
  keep(seeds, "jpeg", "turned", turned(jpeg(1)));
}

void zarr(const fs::path& seeds, const fs::path& scratch) {
  written(scratch, "a.zarr", core::DType::u16, 1, {2, 8, 8});
  keep(seeds, "zarr_metadata", "group", "g" + core::read_text(scratch / "a.zarr/zarr.json"));
  keep(seeds, "zarr_metadata", "array", "a" + core::read_text(scratch / "a.zarr/0/zarr.json"));
  for (char layout = 0; layout < 9; ++layout) {
    keep(seeds, "zarr_chunk", "plain" + std::to_string(layout),
         std::string(1, layout) + std::string(128, '\x01'));
  }
  // a shard of four chunks of 32 bytes, its index at the end: layout 6
  std::string shard(1, '\x06');
  shard += std::string(128, '\x02');
  for (std::uint64_t i = 0; i < 4; ++i) {
    const std::uint64_t place[2] = {32 * i, 32};
    shard.append(reinterpret_cast<const char*>(place), sizeof place);
  }
  keep(seeds, "zarr_chunk", "shard", shard);
  const std::string blosc = core::read_text(scratch / "a.zarr/0/c/0/0/0");
  keep(seeds, "zarr_chunk", "blosc", std::string(1, '\x04') + blosc);
}

void pack(const fs::path& seeds, const fs::path& scratch) {
  store::PackItem item;
  item.name = "a";
  item.image = core::in_memory(pattern(core::DType::u8, 1, {2, 7, 9}), core::Vec3d{40, 4, 4});
  item.labels = core::in_memory(pattern(core::DType::u8, 1, {2, 7, 9}));
  store::write_pack((scratch / "p").string(), std::span(&item, 1), {.overwrite = true},
                    core::silent_context());
  std::string seed = core::read_text(scratch / "p/pack.json");
  seed += '\0';
  seed += core::read_text(scratch / "p/index.jsonl");
  keep(seeds, "pack", "labelled", seed);
  keep(seeds, "pack", "large_channels", replaced(seed, R"("channels":1)", R"("channels":1e300)"));
}

std::string safetensors(const std::string& header, std::size_t data) {
  std::uint64_t length = header.size();
  std::string bytes(reinterpret_cast<const char*>(&length), sizeof length);
  return bytes + header + std::string(data, '\x01');
}

template <class T>
void put(std::string& bytes, std::size_t at, std::initializer_list<T> values) {
  for (const T value : values) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
    at += sizeof value;
  }
}

std::string words(std::initializer_list<std::uint32_t> values) {
  std::string bytes(values.size() * sizeof(std::uint32_t), '\0');
  put(bytes, 0, values);
  return bytes;
}

/// Volumes of 2 x 7 x 9 voxels in the formats that are only read.
void plain_volumes(const fs::path& seeds) {
  const std::string voxels(126, '\x03');
  std::string mrc(1024, '\0');
  put<std::int32_t>(mrc, 0, {9, 7, 2, 0});
  put<std::int32_t>(mrc, 28, {9, 7, 2});
  put<float>(mrc, 40, {36, 28, 80});
  put<std::int32_t>(mrc, 64, {1, 2, 3});
  mrc.replace(208, 8, {"MAP \x44\x44\0\0", 8});
  keep(seeds, "mrc", "bytes", mrc + voxels);
  std::string nifti(352, '\0');
  put<std::int32_t>(nifti, 0, {348});
  put<std::int16_t>(nifti, 40, {3, 9, 7, 2, 1, 1, 1, 1});
  put<std::int16_t>(nifti, 70, {2, 8});
  put<float>(nifti, 76, {1, 4, 4, 40});
  put<float>(nifti, 108, {352, 1, 0});
  nifti.replace(344, 4, {"n+1\0", 4});
  keep(seeds, "nifti", "bytes", nifti + voxels);
  keep(seeds, "mha", "bytes",
       "ObjectType = Image\nNDims = 3\nDimSize = 9 7 2\nElementSpacing = 4 4 40\n"
       "ElementType = MET_UCHAR\nElementDataFile = LOCAL\n" +
           voxels);
}

/// Containers of which a target writes the metadata and one chunk of 2 x 8 x 8 voxels.
void chunked_volumes(const fs::path& seeds) {
  const std::string chunk(128, '\x03');
  const std::string end(1, '\0');
  const auto zarr = [&](const std::string& compressor) {
    return R"({"zarr_format":2,"shape":[2,8,8],"chunks":[2,8,8],"dtype":"|u1","fill_value":0,)"
           R"("order":"C","filters":null,"compressor":)" +
           compressor + "}" + end;
  };
  keep(seeds, "zarr_v2", "raw", zarr("null") + chunk);
  for (const char* id : {"zlib", "gzip", "zstd", "bz2", "lz4"}) {
    keep(seeds, "zarr_v2", id, zarr(R"({"id":")" + std::string(id) + R"(","level":1})") + chunk);
  }
  keep(seeds, "zarr_v2", "large_level", zarr(R"({"id":"zstd","level":1e300})") + chunk);
  keep(seeds, "zarr_v2", "blosc",
       zarr(R"({"id":"blosc","cname":"zstd","clevel":3,"shuffle":1,"blocksize":0})") + chunk);
  const std::string block_header("\0\0\0\x03\0\0\0\x08\0\0\0\x08\0\0\0\x02", 16);
  for (const char* type : {"raw", "gzip", "lz4", "xz", "bzip2", "blosc"}) {
    keep(seeds, "n5", type,
         R"({"dimensions":[8,8,2],"blockSize":[8,8,2],"dataType":"uint8","compression":{"type":")" +
             std::string(type) + R"("}})" + end + block_header + chunk);
  }
  const auto precomputed = [&](const std::string& type, const std::string& more) {
    return R"({"@type":"neuroglancer_multiscale_volume","type":"image","data_type":")" + type +
           R"(","num_channels":1,"scales":[{"key":"s","size":[8,8,2],"resolution":[4,4,40],)"
           R"("voxel_offset":[0,0,0],"chunk_sizes":[[8,8,2]],)" +
           more + "}]}" + end;
  };
  keep(seeds, "precomputed", "raw", precomputed("uint8", R"("encoding":"raw")") + chunk);
  keep(seeds, "precomputed", "segmentation",
       precomputed("uint32", R"("encoding":"compressed_segmentation",)"
                             R"("compressed_segmentation_block_size":[8,8,2])") +
           words({1, 2, 2, 7}));
  const std::string sharded =
      precomputed("uint8",
                  R"("encoding":"raw","sharding":{"@type":"neuroglancer_uint64_sharded_v1",)"
                  R"("preshift_bits":0,"hash":"identity","minishard_bits":0,"shard_bits":0,)"
                  R"("minishard_index_encoding":"raw","data_encoding":"raw"})") +
      words({128, 0, 152, 0}) + chunk + words({0, 0, 0, 0, 128, 0});
  keep(seeds, "precomputed", "sharded", sharded);
  keep(seeds, "precomputed", "large_bits",
       replaced(sharded, R"("shard_bits":0)", R"("shard_bits":1e300)"));
}

/// The parts of unfinished outputs of 2 x 7 x 9 voxels that a target puts in their places.
void unfinished(const fs::path& seeds, const fs::path& scratch) {
  const std::string voxels(126, '\x03');
  keep(seeds, "unfinished", "key", "kplan");
  keep(seeds, "unfinished", "pack", std::string("p\1\0", 3));
  keep(seeds, "unfinished", "flat", "n" + words({1, 0}));
  fs::remove(scratch / "chunks");
  store::ChunkLog(scratch / "chunks", 1).put(0, std::as_bytes(std::span(voxels)));
  keep(seeds, "unfinished", "hdf5", "h" + core::read_text(scratch / "chunks"));
  keep(seeds, "unfinished", "slices",
       "s" + written(scratch, "a.png", core::DType::u8, 1, {1, 7, 9}));
  written(scratch, "u.zarr", core::DType::u8, 1, {2, 7, 9});
  keep(seeds, "unfinished", "zarr", "z" + core::read_text(scratch / "u.zarr/0/c/0/0/0"));
  keep(seeds, "unfinished", "precomputed", "c" + voxels);
}

/// `bytes` as a stream of gzip or zlib, as the window's bits say to zlib.
std::string deflated(const std::string& bytes, int window_bits) {
  z_stream z{};
  deflateInit2(&z, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, static_cast<uLong>(bytes.size())), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  ::deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

/// The data.pkl of a file that torch would write.
std::string pickle_of_tensors() {
  tensor::NamedTensors tensors;
  tensors.tensors.emplace_back("layer.weight", at::zeros({2, 3}));
  const fs::path file = fs::temp_directory_path() / "retina_seed.pth";
  tensor::write_torch_file(file, tensors);
  const std::string archive = core::read_text(file);
  fs::remove(file);
  for (const tensor::ZipMember& member :
       tensor::read_zip(std::as_bytes(std::span(archive)), "seed")) {
    if (member.name.ends_with("data.pkl")) {
      return {reinterpret_cast<const char*>(member.bytes.data()), member.bytes.size()};
    }
  }
  return {};
}

/// What runs, grids and jobs write for later ones.
void records(const fs::path& seeds) {
  keep(
      seeds, "checkpoint", "whole",
      R"({"step":12,"seconds":1.5,"best_score":0.5,"best_step":6,"validations":2,"stale":1,)"
      R"("validated_step":12,"validation_seconds":0.25})" +
          std::string(1, '\0') +
          R"({"__metadata__":{"count":"12"},"loss":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})");
  keep(seeds, "finish_record", "three",
       R"({"key":"plan","outputs":{"@/a.tif":[#],"@/b.zarr":[[1,2]],"@/c.h5:data":[null]}})");
  keep(
      seeds, "run_records", "result",
      R"(c{"evaluate":{"volume":true},"training_slices":3,"steps":12,"seconds":1.5,)"
      R"("seconds_per_step":0.5,"device":"cpu","precision":"fp32","scores":{"iou":0.75},)"
      R"("curve":[{"step":6,"iou":0.5,"scores":{"iou":0.25}}],"slices":[{"name":"a","iou":null}]})");
  keep(seeds, "run_records", "trained",
       R"(t{"steps":12,"seconds":1.5,"precision":"fp32","run":"r"})");
  keep(seeds, "run_records", "failed", R"(x{"start":"a1","kind":"bad_data","error":"e"})");
  keep(seeds, "run_records", "step", R"(s{"evaluate":{"volume":true},"scores":{"iou":0.25}})");
  keep(
      seeds, "run_records", "regions",
      R"(r{"mean_gain_dice":0.1,"steps":7,"max_seconds":0,"regions":[{"slice":"a","y":0,"x":4,)"
      R"("height":8,"width":8,"pixels":64,"classes":[{"name":"b","before":{"dice":0.5,"iou":0.25},)"
      R"("after":{"dice":0.5,"iou":0.25}}],"gain_dice":0}]})");
  keep(
      seeds, "run_records", "identity",
      R"(i{"finetune":{"steps":7,"classes":["a"],"optimizer":{"freeze":["x*"]}},"weights":"12ab"})");
  keep(seeds, "run_records", "finetune",
       "fsteps: 7\nclasses: [\"a\"]\nnormalisation:\n  mean: 0.5\n  std: null\nversion: 1\n");
  keep(
      seeds, "run_records", "pretrain",
      "opreset: \"retina\"\nimages: [\"a\"]\naugment:\n  size: 112\nghost_batch: 16\nversion: 1\n");
  keep(seeds, "run_records", "transfer",
       R"(w{"source":"w.pt","digest":"12ab","scope":"all","notes":[],)"
       R"("counts":{"moved":{"tensors":3,"parameters":40}}})");
  keep(seeds, "run_records", "progress",
       R"(p{"step":12,"seconds":1.5,"best_score":null,"best_step":-1})");
  keep(seeds, "sum_store", "first_pass", "plan\n0 0\n0 1\n");
  keep(seeds, "sum_store", "second_pass", "plan\n0 0\n0 1\n1 0\n1 ");
}

/// Descriptions that a new output finds.
void places(const fs::path& seeds) {
  keep(seeds, "replaced", "precomputed", R"(p{"scales":[{"key":"4_4_40"},{"key":"8_8_40"}]})");
  keep(seeds, "replaced", "image",
       R"(z{"zarr_format":3,"node_type":"group","attributes":{"ome":{"version":"0.5",)"
       R"("multiscales":[{"axes":[{"name":"z"},{"name":"y"},{"name":"x"}],)"
       R"("datasets":[{"path":"0"}]}]}}})");
  keep(seeds, "replaced", "labels",
       R"(g{"zarr_format":3,"node_type":"group","attributes":{"ome":{"version":"0.5",)"
       R"("labels":["a"]}}})");
  keep(seeds, "replaced", "labels_v2", R"(a{"labels":["a"]})");
}

void texts(const fs::path& seeds) {
  keep(seeds, "safetensors", "two",
       safetensors(
           R"({"__metadata__":{"a":"b"},"x":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
           R"("y":{"dtype":"BOOL","shape":[3],"data_offsets":[16,19]}})",
           19));
  keep(seeds, "safetensors", "none", safetensors("{}", 0));
  tensor::ZipBuilder zip;
  zip.add("archive/data.pkl", "text");
  zip.add("archive/data/0", std::string_view("\1\2\3\4"));
  const std::vector<std::byte> archive = zip.finish();
  keep(seeds, "zip", "two", {reinterpret_cast<const char*>(archive.data()), archive.size()});
  keep(seeds, "pickle", "dict", pickle_of_tensors());
  keep(seeds, "npy", "floats",
       std::string("\x93NUMPY\1\0\x47\0", 10) +
           "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }           \n" +
           std::string(16, '\1'));
  keep(seeds, "yaml", "all",
       "input: a.png\nsize: 3\nmode: exact\nthreshold: 0.5\nclasses: [a, 'b']\n"
       "labels: {x: 1, y: 2}\ninner:\n  rate: 1e-3\n  range: [0, +2.5]\n");
  keep(seeds, "yaml", "anchors", "inner: &a {rate: 0.1}\nlabels: *a\nclasses: |\n  text\n  more\n");
  keep(seeds, "yaml", "large_number", "size: 86666666666666666666\n");
  keep(seeds, "yaml", "own", "size: 3\ninner:\n  rate: 0.5\n  range: [1, 2]\nclasses: [\"a\"]\n");
  keep(seeds, "published_config", "all",
       "num_classes: 2\nclass_names: [a, b]\nclass_weights: [1, 2]\ndata_dir: d\nmodel_dir: m\n"
       "norms: {mean: 0.5, std: 0.2}\nsave_interval: 5\nbsz: 4\nlr: 0.01\niters: 100\nnum_prints: "
       "3\n"
       "pretrain: imagenet\npretrain_file: w.pt\nseed: 1\noptim: SGD\naugmentations:\n"
       "  - {aug: PadIfNeeded, min_height: 224}\n  - {aug: RandomResizedCrop, scale: [0.1, 1], p: "
       "1}\n"
       "  - {aug: Rotate, limit: 180}\n  - {aug: GaussNoise, var_limit: [1, 2]}\n");
  keep(
      seeds, "model_card", "small",
      R"({"version":1,"name":"a","network":"transunet","network_options":{"hidden":8},"classes":)"
      R"([{"id":0,"name":"background"},{"id":1,"name":"b"}],"preprocess":{"range":{"low":0,"high":255},)"
      R"("mean":0.5,"std":0.2},"voxel_nm_seen":[[8,8,8]],"threshold":0.5,"provenance":{},"metrics":{},"licence":""})");
  keep(seeds, "metrics", "two",
       "{\"step\": 1, \"wall_time\": 0.5, \"loss\": 0.7}\n{\"step\": 20, \"loss\": null}\n{\"ste");
  keep(seeds, "metrics", "no_numbers",
       "{\"step\": 1, \"wall_time\": \"late\", \"loss\": null}\n{\"step\": 2}\n");
  keep(seeds, "metrics", "large_step", "{\"step\": 18446744073709551615}\n{\"step\": 2}\n");
  keep(seeds, "ome_xml", "image",
       R"(<?xml version="1.0" encoding="UTF-8"?><!-- a --><OME )"
       R"(xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:1">)"
       R"(<Image ID="Image:0" Name="a"><Description>offset_nm=0,4,8 &lt;&#181;&#xB5;</Description>)"
       R"(<Pixels DimensionOrder="XYZCT" Type="uint8" SizeX="9" SizeY="7" SizeZ="2" SizeC="1" )"
       R"(SizeT="1" PhysicalSizeX="4" PhysicalSizeXUnit="nm" PhysicalSizeY="4">)"
       R"(<TiffData IFD="0" FirstZ="1" PlaneCount="2"><UUID FileName="a.tif">urn:uuid:1</UUID>)"
       R"(</TiffData></Pixels></Image></OME>)");
  keep(seeds, "ome_xml", "elsewhere",
       R"(<OME><BinaryOnly MetadataFile="a.companion.ome" UUID="urn:uuid:2"/></OME>)");
  keep(seeds, "gunzip", "gzip", deflated(std::string(300, '\x03'), 31));
  keep(seeds, "gunzip", "zlib", deflated(std::string(300, '\x03'), 15));
  keep(seeds, "numbering", "gap", "slice1\nslice2\nslice10\nslice010\na\n7b\n");
  keep(seeds, "location", "inner", "volume.zarr:/labels/a");
  keep(seeds, "location", "plain", "./a.b/c:d/");
  keep(seeds, "options", "flags",
       "in.png\n--output\nout\n--size=3\n--set\ninner.rate=0.5\n--classes\na,b\n--no-overwrite\n--"
       "mode\nfast\n");
}

}  // namespace

int main(int count, char** values) {
  if (count != 2) {
    std::fputs("usage: make_seeds FOLDER\n", stderr);
    return 2;
  }
  const fs::path scratch = fs::temp_directory_path() / "retina_seeds";
  fs::create_directories(scratch);
  images(values[1], scratch);
  zarr(values[1], scratch);
  pack(values[1], scratch);
  plain_volumes(values[1]);
  chunked_volumes(values[1]);
  unfinished(values[1], scratch);
  records(values[1]);
  places(values[1]);
  texts(values[1]);
  fs::remove_all(scratch);
  return 0;
}
