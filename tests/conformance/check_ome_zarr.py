"""Reads what retina wrote, and writes what retina shall read, with the Python packages of the field.

    check_ome_zarr.py read FOLDER      opens FOLDER/*.zarr with zarr, ome-zarr and tensorstore
    check_ome_zarr.py write FOLDER     makes arrays in many codecs for retina to read

Voxel (c, z, y, x) of every array holds expected(c, z, y, x); FOLDER/expected.json says which arrays there are.
"""
import json
import pathlib
import sys
import warnings

import numpy as np
import zarr

warnings.simplefilter("ignore")  # what is printed is compared


def expected(shape, dtype):
    """((31 c + 13 z + 7 y + 3 x) mod 97) * ((z + y) mod 3 != 0): values with gaps, for any 2 to 4 dimensions."""
    index = np.indices((1,) * (4 - len(shape)) + tuple(shape))
    values = (31 * index[0] + 13 * index[1] + 7 * index[2] + 3 * index[3]) % 97
    values *= (index[1] + index[2]) % 3 != 0
    return values.reshape(shape).astype(dtype)


def check_equal(found, wanted, what):
    if found.dtype != wanted.dtype or not np.array_equal(found, wanted):
        raise SystemExit(f"{what}: values differ ({found.dtype} {found.shape}, expected {wanted.dtype} {wanted.shape})")


def read_with_tensorstore(path):
    import tensorstore as ts

    driver = "zarr3" if (path / "zarr.json").exists() else "zarr"
    return ts.open({"driver": driver, "kvstore": {"driver": "file", "path": str(path)}}).result().read().result()


def scales_of_ome_zarr(path):
    """The image, and scale and translation of each level, as the ome-zarr package understands them."""
    from ome_zarr.format import FormatV04, FormatV05
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    fmt = FormatV05() if (path / "zarr.json").exists() else FormatV04()
    nodes = [node for node in Reader(parse_url(str(path), fmt=fmt))() if node.zarr.basename() == path.name]
    if not nodes:
        raise SystemExit(f"{path}: ome-zarr finds no image")
    image = nodes[0]
    return image, [[[t[kind] for t in level if t["type"] == kind][0] for kind in ("scale", "translation")]
                   for level in image.metadata["coordinateTransformations"]]


def check_close(found, wanted, what):
    if not np.allclose(found, wanted, rtol=1e-12):
        raise SystemExit(f"{what}: {found}, expected {wanted}")


def check_image(path, case):
    shape, dtype = case["shape"], np.dtype(case["dtype"])
    wanted = expected(shape, dtype)
    check_equal(zarr.open_array(path / "0", mode="r")[...], wanted, f"zarr {path}")
    check_equal(np.asarray(read_with_tensorstore(path / "0")), wanted, f"tensorstore {path}")
    image, scales = scales_of_ome_zarr(path)
    check_equal(np.asarray(image.data[0]), wanted, f"ome-zarr {path}")
    if len(image.data) != case["levels"]:
        raise SystemExit(f"{path}: {len(image.data)} levels, expected {case['levels']}")
    for level, (scale, translation) in enumerate(scales):
        check_close(scale[-3:], case["scales"][level], f"scale of level {level} of {path}")
        check_close(translation[-3:], case["translations"][level], f"translation of level {level} of {path}")
    axes = [(axis["name"], axis.get("unit")) for axis in image.metadata["axes"]]
    wanted = [("c", None)] * (len(shape) - 3) + [(name, "nanometer") for name in "zyx"]
    if axes != wanted:
        raise SystemExit(f"{path}: axes {axes}, expected {wanted}")
    for level in range(1, case["levels"]):
        coarse = zarr.open_array(path / str(level), mode="r")[...]
        check_equal(np.asarray(read_with_tensorstore(path / str(level))), coarse, f"level {level} of {path}")


def read(folder):
    for case in json.loads((folder / "expected.json").read_text()):
        check_image(folder / case["path"], case)
        if case["path"].count("/labels/"):
            root, name = case["path"].split("/labels/")
            attributes = dict(zarr.open_group(folder / root / "labels", mode="r").attrs)
            labels = attributes.get("ome", attributes)["labels"]
            if name not in labels:
                raise SystemExit(f"{folder / root}: label {name} is not listed in {labels}")
    print("equal")


def compressors():
    from zarr.codecs import BloscCodec, Crc32cCodec, GzipCodec, ZstdCodec

    yield "none", None
    yield "zstd", [ZstdCodec(level=3)]
    yield "zstd_checksum", [ZstdCodec(level=1, checksum=True)]
    yield "gzip", [GzipCodec(level=5)]
    yield "crc32c", [Crc32cCodec()]
    yield "zstd_crc32c", [ZstdCodec(level=1), Crc32cCodec()]
    for name in ("lz4", "zstd", "zlib", "blosclz", "lz4hc"):
        for shuffle in ("noshuffle", "shuffle", "bitshuffle"):
            yield f"blosc_{name}_{shuffle}", [BloscCodec(cname=name, clevel=5, shuffle=shuffle)]


def compressors_v2():
    import numcodecs

    yield "none", None
    yield "zlib", numcodecs.Zlib(level=3)
    yield "gzip", numcodecs.GZip(level=3)
    yield "bz2", numcodecs.BZ2(level=3)
    yield "lz4", numcodecs.LZ4()
    yield "lzma", numcodecs.LZMA()
    yield "lzma_alone", numcodecs.LZMA(format=2)
    yield "zstd", numcodecs.Zstd(level=3)
    for name in ("lz4", "zstd", "zlib", "blosclz", "lz4hc"):
        for shuffle in (0, 1, 2):
            yield f"blosc_{name}_{shuffle}", numcodecs.Blosc(cname=name, clevel=5, shuffle=shuffle)


def nested_codecs():
    from zarr.codecs import BytesCodec, Crc32cCodec, GzipCodec, ShardingCodec, TransposeCodec, ZstdCodec

    inner = ShardingCodec(chunk_shape=(2, 4, 8), codecs=[BytesCodec(endian="big"), ZstdCodec()])
    yield "transpose", {"filters": [TransposeCodec(order=(2, 0, 1))]}
    yield "index_first", {"serializer": ShardingCodec(
        chunk_shape=(4, 8, 16), codecs=[BytesCodec(), GzipCodec()], index_location="start"), "compressors": None}
    yield "transposed_chunks", {"serializer": ShardingCodec(
        chunk_shape=(4, 8, 16), codecs=[TransposeCodec(order=(1, 2, 0)), BytesCodec(), ZstdCodec()]), "compressors": None}
    yield "shards_in_shards", {"serializer": ShardingCodec(chunk_shape=(4, 8, 16), codecs=[inner]), "compressors": None}
    yield "around_shards", {"filters": [TransposeCodec(order=(2, 0, 1))],
                            "serializer": ShardingCodec(chunk_shape=(4, 8, 8), codecs=[BytesCodec(), GzipCodec()]),
                            "compressors": [Crc32cCodec()]}


def write_images(folder, cases):
    """OME-Zarr of both versions as the ome-zarr package writes it, with a pyramid and labels."""
    from ome_zarr.format import FormatV04, FormatV05
    from ome_zarr.writer import write_multiscale, write_multiscale_labels

    values = expected((6, 40, 36), "uint16")
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]
    for fmt, zarr_format in ((FormatV04(), 2), (FormatV05(), 3)):
        name = f"image_{fmt.version}.zarr"
        root = zarr.open_group(folder / name, mode="w", zarr_format=zarr_format)
        transformations = [[{"type": "scale", "scale": [0.05, 0.004 * step, 0.004 * step]},
                            {"type": "translation", "translation": [1, 0.008, 0.002 * step]}] for step in (1, 2)]
        write_multiscale([values, values[:, ::2, ::2]], root, fmt=fmt, axes=axes,
                         coordinate_transformations=transformations)
        write_multiscale_labels([values], root, "semantic", fmt=fmt, axes=axes,
                                coordinate_transformations=transformations[:1])
        described = {"shape": list(values.shape), "dtype": "uint16", "axes": "zyx",
                     "voxel_nm": [50, 4, 4], "offset_nm": [1000, 8, 2]}
        cases.append({"path": name, "format": f"ome-zarr {fmt.version}", **described})
        cases.append({"path": f"{name}/labels/semantic", **described})


def write_with_tensorstore(folder, cases):
    import tensorstore as ts

    values = expected((9, 20, 33), "uint16")
    for driver, metadata in (("zarr", {"chunks": [4, 8, 16], "order": "F", "dtype": ">u2", "dimension_separator": "/"}),
                             ("zarr3", {"codecs": [{"name": "transpose", "configuration": {"order": [2, 1, 0]}}, {
                                 "name": "sharding_indexed", "configuration": {"chunk_shape": [16, 4, 2], "codecs": [
                                     {"name": "transpose", "configuration": {"order": [1, 0, 2]}}, {"name": "bytes"},
                                     {"name": "blosc"}]}}],
                                 "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [4, 8, 32]}}})):
        path = folder / f"tensorstore_{driver}.zarr"
        ts.open({"driver": driver, "kvstore": {"driver": "file", "path": str(path)}, "metadata": metadata}, create=True,
                dtype=ts.uint16, shape=values.shape).result().write(values).result()
        cases.append({"path": path.name, "shape": list(values.shape), "dtype": "uint16"})


def write(folder):
    cases = []

    def add(name, shape, dtype, order=None, zarr_format=3, **options):
        values = expected(shape, dtype)
        stored = values if order is None else values.transpose(order)
        options.setdefault("fill_value", 0)
        array = zarr.create_array(folder / name, shape=stored.shape, dtype=dtype, zarr_format=zarr_format, **options)
        array[...] = stored
        cases.append({"path": name, "shape": list(shape), "dtype": str(np.dtype(dtype).newbyteorder("="))})
        return array

    for name, codecs in compressors():
        add(f"{name}.zarr", (9, 20, 33), "uint16", chunks=(4, 8, 16), compressors=codecs)
        add(f"{name}_sharded.zarr", (9, 20, 33), "uint16", chunks=(4, 8, 16), shards=(8, 16, 32), compressors=codecs)
    for dtype in "uint8 int8 uint32 int32 uint64 int64 float32 float64".split():
        add(f"{dtype}.zarr", (5, 20, 33), dtype, chunks=(4, 8, 16), shards=(8, 16, 32))
        for byte_order in "<>":
            v2_type = np.dtype(dtype).newbyteorder(byte_order)
            add(f"{dtype}_{'little' if byte_order == '<' else 'big'}_v2.zarr", (5, 20, 33), v2_type, chunks=(4, 8, 16),
                zarr_format=2)
    add("channels.zarr", (2, 5, 20, 33), "uint8", chunks=(2, 4, 8, 16), dimension_names=("c", "z", "y", "x"))
    add("plane.zarr", (20, 33), "uint8", chunks=(8, 16), dimension_names=("y", "x"))
    add("big_endian.zarr", (5, 20, 33), "uint16", chunks=(4, 8, 16),
        serializer=zarr.codecs.BytesCodec(endian="big"))
    add("channels_last.zarr", (2, 5, 20, 33), "uint16", order=(1, 2, 3, 0), chunks=(2, 8, 16, 1),
        dimension_names=("z", "y", "x", "c"))
    add("xyz.zarr", (5, 20, 33), "float32", order=(2, 1, 0), chunks=(16, 8, 2), dimension_names=("x", "y", "z"),
        fill_value=float("nan"))
    for name, codecs in nested_codecs():
        add(f"{name}.zarr", (9, 20, 33), "uint16", chunks=(8, 16, 32), **codecs)
    for name, codec in compressors_v2():
        add(f"{name}_v2.zarr", (9, 20, 33), "uint16", chunks=(4, 8, 16), compressors=codec, zarr_format=2)
        if codec is not None:
            settings = {key: value for key, value in codec.get_config().items() if key != "id"}
            add(f"{name}_package.zarr", (9, 20, 33), "uint16", chunks=(4, 8, 16),
                compressors=[{"name": f"numcodecs.{codec.codec_id}", "configuration": settings}])
    add("no_fill_v2.zarr", (5, 20, 33), "int32", chunks=(4, 8, 16), zarr_format=2, fill_value=None)
    fortran = zarr.create_array(folder / "order_f_v2.zarr", shape=(5, 20, 33), dtype=">u4", zarr_format=2, order="F",
                                chunks=(4, 8, 16), chunk_key_encoding={"name": "v2", "separator": "/"}, fill_value=0)
    fortran[...] = expected((5, 20, 33), ">u4")
    cases.append({"path": "order_f_v2.zarr", "shape": [5, 20, 33], "dtype": "uint32"})
    xarray = add("xarray_v2.zarr", (3, 20, 33), "uint8", chunks=(2, 8, 16), zarr_format=2)
    xarray.attrs.update({"_ARRAY_DIMENSIONS": ["z", "y", "x"], "resolution": [40, 4, 4], "offset": [400, 36, 32]})
    cases[-1].update({"voxel_nm": [40, 4, 4], "offset_nm": [400, 36, 32]})
    write_images(folder, cases)
    write_with_tensorstore(folder, cases)
    (folder / "expected.json").write_text(json.dumps(cases))
    print("written")


if __name__ == "__main__":
    {"read": read, "write": write}[sys.argv[1]](pathlib.Path(sys.argv[2]))
