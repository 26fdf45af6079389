"""Writes N5 with tensorstore for retina to read.

    check_n5.py write FOLDER

The values are those of check_ome_zarr.expected; FOLDER/expected.json lists the datasets. N5 lists dimensions as x, y, z.
"""
import json
import pathlib
import sys

import tensorstore as ts

from check_ome_zarr import expected

COMPRESSIONS = [{"type": "raw"}, {"type": "gzip", "level": 3}, {"type": "gzip", "useZlib": True}, {"type": "bzip2"},
                {"type": "xz"}, {"type": "zstd"}] + [
    {"type": "blosc", "cname": name, "clevel": 5, "shuffle": shuffle}
    for name in ("lz4", "zstd", "zlib", "blosclz", "lz4hc", "snappy") for shuffle in (0, 1, 2)]


def write_dataset(path, values, block, compression, **attributes):
    """`values` have the slowest dimension first; the dataset has the fastest first."""
    metadata = {"dimensions": list(reversed(values.shape)), "blockSize": block, "dataType": str(values.dtype),
                "compression": compression, **attributes}
    store = ts.open({"driver": "n5", "kvstore": {"driver": "file", "path": str(path)}, "metadata": metadata},
                    create=True).result()
    store.write(values.T).result()


def write(folder):
    cases = []

    def add(path, shape, dtype, block=(16, 8, 4), compression=None, described=None, order=None, **attributes):
        write_dataset(folder / path.replace(":", ""), expected(shape, dtype).transpose(order or range(len(shape))), list(block),
                      compression or {"type": "gzip"}, **attributes)
        cases.append({"path": path, "shape": list(shape), "dtype": dtype, "format": "n5", **(described or {})})

    for i, compression in enumerate(COMPRESSIONS):
        add(f"{i}_{compression['type']}.n5", (9, 20, 33), "uint16", compression=compression)
    for dtype in "uint8 int8 int16 uint32 int32 uint64 int64 float32 float64".split():
        add(f"{dtype}.n5", (5, 20, 33), dtype)
    add("plane.n5", (20, 33), "uint8", block=(16, 8), described={"axes": "yx"})
    add("units.n5", (5, 20, 33), "uint8", described={"axes": "zyx", "voxel_nm": [40, 4, 4]},
        axes=["x", "y", "z"], resolution=[0.004, 0.004, 0.04], units=["um", "um", "um"])
    add("pixels.n5", (5, 20, 33), "uint8", described={"voxel_nm": [40, 5, 4]},
        pixelResolution={"dimensions": [4, 5, 40], "unit": "nm"})
    add("cremi.n5:/volumes/raw", (5, 20, 33), "uint8",
        described={"voxel_nm": [40, 4, 4], "offset_nm": [400, 36, 32]},
        **{"resolution": [40.0, 4.0, 4.0], "offset": [400.0, 36.0, 32.0]})
    add("cremi.n5:/volumes/labels", (5, 20, 33), "uint64")
    add("channels.n5", (2, 3, 20, 33), "uint8", block=(16, 8, 1, 2), described={"axes": "zcyx"}, order=(1, 0, 2, 3),
        axes=["x", "y", "c", "z"])
    add("cosem.n5:/em/s0", (5, 20, 33), "uint8",
        described={"axes": "zyx", "voxel_nm": [40, 4, 4], "offset_nm": [1, 2, 3]},
        transform={"axes": ["z", "y", "x"], "scale": [40, 4, 4], "translate": [1, 2, 3], "units": ["nm"] * 3})
    cases.append({**cases[-1], "path": "cosem.n5"})
    (folder / "expected.json").write_text(json.dumps(cases))
    print("written")


if __name__ == "__main__":
    {"write": write}[sys.argv[1]](pathlib.Path(sys.argv[2]))
