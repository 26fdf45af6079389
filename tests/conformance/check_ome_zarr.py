"""Reads what retina wrote, and writes what retina shall read, with the Python packages of the field.

    check_ome_zarr.py read FOLDER      opens FOLDER/*.zarr with zarr, ome-zarr and tensorstore
    check_ome_zarr.py write FOLDER     makes arrays in many codecs for retina to read

Voxel (c, z, y, x) of every array holds expected(c, z, y, x); FOLDER/expected.json says which arrays there are.
"""
import json
import pathlib
import sys

import numpy as np
import zarr


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

    return ts.open({"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path)}}).result().read().result()


def scales_of_ome_zarr(path):
    """Voxel size of each level as the ome-zarr package understands it."""
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    nodes = [node for node in Reader(parse_url(str(path)))() if node.zarr.basename() == path.name]
    if not nodes:
        raise SystemExit(f"{path}: ome-zarr finds no image")
    image = nodes[0]
    return image, [[t["scale"] for t in level if t["type"] == "scale"][0]
                   for level in image.metadata["coordinateTransformations"]]


def check_image(path, case):
    shape, dtype = case["shape"], np.dtype(case["dtype"])
    wanted = expected(shape, dtype)
    check_equal(zarr.open_array(path / "0", mode="r")[...], wanted, f"zarr {path}")
    check_equal(np.asarray(read_with_tensorstore(path / "0")), wanted, f"tensorstore {path}")
    image, scales = scales_of_ome_zarr(path)
    check_equal(np.asarray(image.data[0]), wanted, f"ome-zarr {path}")
    if len(image.data) != case["levels"]:
        raise SystemExit(f"{path}: {len(image.data)} levels, expected {case['levels']}")
    for level, scale in enumerate(scales):
        if not np.allclose(scale[-3:], case["scales"][level], rtol=1e-12):
            raise SystemExit(f"{path}: scale {scale} of level {level}, expected {case['scales'][level]}")
    for level in range(1, case["levels"]):
        coarse = zarr.open_array(path / str(level), mode="r")[...]
        check_equal(np.asarray(read_with_tensorstore(path / str(level))), coarse, f"level {level} of {path}")


def read(folder):
    for case in json.loads((folder / "expected.json").read_text()):
        check_image(folder / case["path"], case)
        if case["path"].count("/labels/"):
            root, name = case["path"].split("/labels/")
            labels = zarr.open_group(folder / root / "labels", mode="r").attrs["ome"]["labels"]
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


def write(folder):
    cases = []

    def add(name, shape, dtype, **options):
        array = zarr.create_array(folder / name, shape=shape, dtype=dtype, zarr_format=3, fill_value=0, **options)
        array[...] = expected(shape, dtype)
        cases.append({"path": name, "shape": list(shape), "dtype": str(np.dtype(dtype))})

    for name, codecs in compressors():
        add(f"{name}.zarr", (9, 20, 33), "uint16", chunks=(4, 8, 16), compressors=codecs)
        add(f"{name}_sharded.zarr", (9, 20, 33), "uint16", chunks=(4, 8, 16), shards=(8, 16, 32), compressors=codecs)
    for dtype in "uint8 int8 uint32 int32 uint64 int64 float32 float64".split():
        add(f"{dtype}.zarr", (5, 20, 33), dtype, chunks=(4, 8, 16), shards=(8, 16, 32))
    add("channels.zarr", (2, 5, 20, 33), "uint8", chunks=(2, 4, 8, 16), dimension_names=("c", "z", "y", "x"))
    add("plane.zarr", (20, 33), "uint8", chunks=(8, 16), dimension_names=("y", "x"))
    add("big_endian.zarr", (5, 20, 33), "uint16", chunks=(4, 8, 16),
        serializer=zarr.codecs.BytesCodec(endian="big"))
    (folder / "expected.json").write_text(json.dumps(cases))
    print("written")


if __name__ == "__main__":
    {"read": read, "write": write}[sys.argv[1]](pathlib.Path(sys.argv[2]))
