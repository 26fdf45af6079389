"""Neuroglancer precomputed volumes both ways against tensorstore.

    check_precomputed.py read FOLDER       opens what retina wrote: FOLDER/*.precomputed, all scales
    check_precomputed.py write FOLDER      makes volumes for retina to read
    check_precomputed.py write_jpeg FOLDER makes FOLDER/jpeg* and, as raw values, what tensorstore decodes from them

The values are those of check_ome_zarr.expected; tensorstore's arrays are x, y, z, channel.
"""
import json
import pathlib
import sys

import numpy as np
import tensorstore as ts

from check_ome_zarr import check_equal, expected

RESOLUTION = [4.6, 4.6, 50]
START = [3, -5, 7]  # voxels, x, y, z


def open_scale(path, **more):
    spec = {"driver": "neuroglancer_precomputed", "kvstore": {"driver": "file", "path": str(path)}, **more}
    return ts.open(spec, create="multiscale_metadata" in more).result()


def czyx(volume):
    return np.asarray(volume.read().result()).transpose(3, 2, 1, 0)


def block_mean(values, shape):
    """The mean over the voxels of each block of 2 (1 where a side stays), integers rounded half up."""
    sums, counts = np.zeros(shape, np.float64), np.zeros(shape, np.float64)
    steps = [1 if a == b else 2 for a, b in zip(values.shape, shape)]
    for offset in np.ndindex(*steps):
        part = values[tuple(slice(o, None, s) for o, s in zip(offset, steps))]
        where = tuple(slice(0, n) for n in part.shape)
        sums[where] += part
        counts[where] += 1
    means = sums / counts
    return (np.floor(means + 0.5) if np.issubdtype(values.dtype, np.integer) else means).astype(values.dtype)


def check_volume(path, case):
    info = json.loads((path / "info").read_text())
    is_labels = info["type"] == "segmentation"
    if is_labels != case["path"].startswith("labels") or len(info["scales"]) != 3:
        raise SystemExit(f"{path}: type {info['type']}, {len(info['scales'])} scales")
    shape = case["shape"] if len(case["shape"]) == 4 else [1, *case["shape"]]
    finer = None
    for index, scale in enumerate(info["scales"]):
        if not np.allclose(scale["resolution"], [4.6 * 2**index, 4.6 * 2**index, 50], rtol=1e-12):
            raise SystemExit(f"{path}: resolution {scale['resolution']} of scale {index}")
        found = czyx(open_scale(path, scale_index=index))
        if index == 0:
            check_equal(found, expected(shape, case["dtype"]), str(path))
        elif not is_labels and np.issubdtype(found.dtype, np.integer):
            check_equal(found, block_mean(finer, found.shape), f"{path} scale {index}")
        finer = found


def read(folder):
    for case in json.loads((folder / "expected.json").read_text()):
        check_volume(folder / case["path"], case)
    print("equal")


def sharding(hash_name, index="raw", data="raw", bits=(1, 2, 3)):
    return {"@type": "neuroglancer_uint64_sharded_v1", "hash": hash_name, "preshift_bits": bits[0],
            "minishard_bits": bits[1], "shard_bits": bits[2], "minishard_index_encoding": index,
            "data_encoding": data}


def create(path, values, encoding, kind="image", chunk=(16, 8, 4), **scale):
    """`values` c, z, y, x."""
    shape = values.shape
    volume = open_scale(
        path, multiscale_metadata={"type": kind, "data_type": str(values.dtype), "num_channels": shape[0]},
        scale_metadata={"size": [shape[3], shape[2], shape[1]], "encoding": encoding, "chunk_size": list(chunk),
                        "resolution": RESOLUTION, "voxel_offset": START, **scale})
    volume.write(values.transpose(3, 2, 1, 0)).result()


def all_shardings():
    yield "plain", {}
    for hash_name in ("identity", "murmurhash3_x86_128"):
        for index in ("raw", "gzip"):
            for data in ("raw", "gzip"):
                yield f"{hash_name}_{index}_{data}", {"sharding": sharding(hash_name, index, data)}
    yield "one_shard", {"sharding": sharding("identity", bits=(0, 0, 0))}
    yield "many_bits", {"sharding": sharding("murmurhash3_x86_128", bits=(3, 1, 11))}


def write(folder):
    cases = []

    def add(name, shape, dtype, encoding, **more):
        create(folder / name, expected(shape if len(shape) == 4 else (1, *shape), dtype), encoding, **more)
        cases.append({"path": name, "shape": list(shape), "dtype": dtype, "voxel_nm": RESOLUTION[::-1],
                      "offset_nm": [round(start * side, 9) for start, side in zip(START, RESOLUTION)][::-1]})

    shape = (9, 20, 33)
    for name, more in all_shardings():
        for dtype in ("uint8", "uint16", "float32"):
            add(f"raw_{name}_{dtype}", shape, dtype, "raw", **more)
        for dtype in ("uint32", "uint64"):
            add(f"labels_{name}_{dtype}", shape, dtype, "compressed_segmentation", kind="segmentation",
                compressed_segmentation_block_size=[8, 4, 2], **more)
        add(f"channels_{name}", (3, *shape), "uint8", "raw", **more)
        add(f"png_{name}", shape, "uint16", "png", **more)
        add(f"png_channels_{name}", (3, *shape), "uint8", "png", **more)
    add("labels_8", (20, 40, 50), "uint64", "compressed_segmentation", kind="segmentation", chunk=(32, 32, 32),
        compressed_segmentation_block_size=[8, 8, 8])
    add("labels_channels", (2, *shape), "uint32", "compressed_segmentation", kind="segmentation",
        compressed_segmentation_block_size=[8, 8, 8])
    for dtype in "int8 int16 int32 uint64".split():
        add(f"raw_{dtype}", shape, dtype, "raw")
    (folder / "expected.json").write_text(json.dumps(cases))
    print("written")


def write_jpeg(folder):
    cases = []
    for channels in (1, 3):
        for name, more in all_shardings():
            path = folder / f"jpeg_{channels}_{name}"
            values = expected((channels, 9, 20, 33), "uint8")
            create(path, values, "jpeg", jpeg_quality=90, **more)
            create(folder / f"{path.name}_decoded", czyx(open_scale(path)), "raw")
            cases.append({"path": path.name})
    (folder / "expected.json").write_text(json.dumps(cases))
    print("written")


if __name__ == "__main__":
    {"read": read, "write": write, "write_jpeg": write_jpeg}[sys.argv[1]](pathlib.Path(sys.argv[2]))
