"""HDF5 both ways against h5py.

    check_hdf5.py read FOLDER          opens FOLDER/*.h5, which retina wrote
    check_hdf5.py write FOLDER         makes files of many kinds for retina to read

The values are those of check_ome_zarr.expected; FOLDER/expected.json lists the datasets.
"""
import json
import pathlib
import sys

import h5py
import hdf5plugin
import numpy as np

from check_ome_zarr import check_equal, expected

SHAPE = (9, 40, 33)


def read(folder):
    for case in json.loads((folder / "expected.json").read_text()):
        name, _, inner = case["path"].partition(":")
        with h5py.File(folder / name) as file:
            dataset = file[inner or "/data"]
            check_equal(dataset[...], expected(case["shape"], case["dtype"]), case["path"])
            found = {"resolution": list(dataset.attrs["resolution"]), "offset": list(dataset.attrs["offset"]),
                     "units": dataset.attrs["units"], "labels": [axis.label for axis in dataset.dims]}
            wanted = {"resolution": case["voxel_nm"], "offset": case["offset_nm"], "units": "nm",
                      "labels": list("czyx"[-len(case["shape"]):])}
            if found != wanted or dataset.compression != "gzip":
                raise SystemExit(f"{case['path']}: {found}, {dataset.compression}; expected {wanted}, gzip")
    print("equal")


def compressions():
    yield "gzip", {"compression": "gzip"}
    yield "gzip_all", {"compression": "gzip", "shuffle": True, "fletcher32": True}
    yield "lzf", {"compression": "lzf"}
    yield "lzf_shuffle", {"compression": "lzf", "shuffle": True}
    yield "fletcher", {"fletcher32": True}
    yield "scaleoffset", {"scaleoffset": 0}
    for name in ("lz4", "zstd", "zlib", "blosclz"):
        yield f"blosc_{name}", hdf5plugin.Blosc(cname=name, shuffle=hdf5plugin.Blosc.SHUFFLE)
    yield "zstd", hdf5plugin.Zstd()


def write(folder):
    cases = []

    def add(name, dtype="uint16", stored=None, shape=SHAPE, attributes=(), file=(), more=(), **options):
        values = expected(shape, dtype)
        stored = values if stored is None else stored(values)
        with h5py.File(folder / name, "w", **dict(file)) as out:
            dataset = out.create_dataset("volumes/raw", data=stored, **options)
            for key, value in dict(attributes).items():
                dataset.attrs[key] = value
            if "labels" in dict(more):
                for axis, label in zip(dataset.dims, dict(more)["labels"]):
                    axis.label = label
        cases.append({"path": name, "shape": list(shape), "dtype": str(np.dtype(dtype)),
                      **{k: v for k, v in dict(more).items() if k != "labels"}})

    for dtype in "uint8 int8 uint16 int16 uint32 int32 uint64 int64 float32 float64".split():
        add(f"{dtype}.h5", dtype)
        add(f"{dtype}_chunked.h5", dtype, chunks=(4, 16, 8), compression="gzip")
        add(f"{dtype}_big.h5", dtype, lambda v: v.astype(v.dtype.newbyteorder(">")), chunks=(4, 16, 8))
        add(f"{dtype}_big_flat.h5", dtype, lambda v: v.astype(v.dtype.newbyteorder(">")))
    for name, options in compressions():
        for dtype in ("uint8", "uint16", "int32"):
            add(f"{name}_{dtype}.h5", dtype, chunks=(4, 16, 8), **options)
    add("half.h5", "float32", lambda v: v.astype("float16"), chunks=(4, 16, 8))
    add("half_flat.h5", "float32", lambda v: v.astype("float16"))
    add("extendible.h5", maxshape=(None, None, None), chunks=(16, 64, 64), compression="gzip")
    for chunks in (SHAPE, (4, 16, 8)):  # the newer indices of chunks
        for name, maxshape in (("fixed", None), ("one", (None, 40, 33)), ("many", (None, None, 33))):
            add(f"latest_{name}_{chunks[0]}.h5", file={"libver": ("v110", "v110")}, chunks=chunks, maxshape=maxshape,
                compression="gzip")
    add("user_block.h5", file={"userblock_size": 1024})
    add("user_block_chunked.h5", file={"userblock_size": 1024}, chunks=(4, 16, 8))

    cremi = {"resolution": (40.0, 4.0, 4.0), "offset": (1520.0, 3644.0, 0.0)}
    add("cremi.hdf", "uint64", attributes=cremi, chunks=(4, 16, 8), compression="gzip",
        more={"voxel_nm": [40, 4, 4], "offset_nm": [1520, 3644, 0], "axes": "zyx"})
    add("micrometres.h5", attributes={"resolution": (0.04, 0.004, 0.004), "offset": (1, 2, 3), "unit": "um"},
        more={"voxel_nm": [40, 4, 4], "offset_nm": [1000, 2000, 3000]})
    add("units.h5", attributes={"voxel_size": (40, 4, 4), "units": ["nm", "nm", "nm"]}, more={"voxel_nm": [40, 4, 4]})
    add("pixels.h5", attributes={"resolution": (40, 4, 4), "units": "pixel"}, more={"voxel_nm": None})
    add("text.h5", attributes={"resolution": "8 nm"}, more={"voxel_nm": None, "note": "text '8 nm'"})
    add("table.h5", attributes={"resolution": np.array((40.0, 4.0), "f8,f8")},
        more={"voxel_nm": None, "note": "compound values"})
    add("element_size.h5", attributes={"element_size_um": (0.04, 0.004, 0.004)}, more={"voxel_nm": [40, 4, 4]})
    tags = json.dumps({"axes": [{"key": key, "typeFlags": 2, "resolution": 0, "description": ""} for key in "tzyxc"]})
    add("ilastik.h5", "float32", lambda v: np.moveaxis(v, 0, -1)[None], (2, *SHAPE), {"axistags": tags},
        chunks=(1, 4, 16, 8, 2), compression="gzip", more={"axes": "tzyxc"})
    add("ilastik_flat.h5", "float32", lambda v: np.moveaxis(v, 0, -1)[None], (2, *SHAPE), {"axistags": tags})
    add("labels.h5", "uint8", shape=(2, *SHAPE), attributes=cremi, chunks=(1, 4, 16, 8),
        more={"labels": "czyx", "axes": "czyx", "voxel_nm": [40, 4, 4], "offset_nm": [1520, 3644, 0]})
    add("xyz.h5", "uint8", lambda v: v.T, attributes={"resolution": (4, 5, 40)}, chunks=(8, 16, 4),
        more={"labels": "xyz", "axes": "xyz", "voxel_nm": [40, 5, 4]})
    add("xyz_flat.h5", "uint8", lambda v: v.T, more={"labels": "xyz", "axes": "xyz"})
    add("plane.h5", "uint8", shape=(40, 33), attributes={"resolution": (4.0, 4.0)},
        more={"axes": "yx", "voxel_nm": [4, 4, 4]})
    (folder / "expected.json").write_text(json.dumps(cases))
    print("written")


if __name__ == "__main__":
    {"read": read, "write": write}[sys.argv[1]](pathlib.Path(sys.argv[2]))
