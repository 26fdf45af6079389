"""MRC files made by mrcfile for retina to read.

    check_mrc.py write FOLDER          makes files and FOLDER/expected.json

The values are those of check_ome_zarr.expected.
"""
import json
import pathlib
import sys

import mrcfile
import numpy as np

from check_ome_zarr import expected

SHAPE = (9, 20, 33)


def write(folder):
    cases = []

    def add(name, dtype, axes=(3, 2, 1), byte_order="<", extended=None, origin=(0, 0, 0), start=(0, 0, 0),
            offset_nm=(0, 0, 0)):
        """`axes`: what sections, rows and columns of the file are (X, Y, Z = 1, 2, 3); `origin` x, y, z in Angstrom; `start` of
        columns, rows and sections."""
        values = expected(SHAPE, dtype)
        stored = values.transpose([3 - axis for axis in axes])
        with mrcfile.new(folder / name) as mrc:
            mrc.set_data(np.ascontiguousarray(stored).astype(values.dtype.newbyteorder(byte_order)))
            if extended:
                mrc.set_extended_header(np.frombuffer(extended, dtype="V1"))
            header = mrc.header
            header.maps, header.mapr, header.mapc = axes
            header.mx, header.my, header.mz = SHAPE[2], SHAPE[1], SHAPE[0]
            header.origin = origin
            header.nxstart, header.nystart, header.nzstart = start
            header.cella = (46 * SHAPE[2], 46 * SHAPE[1], 500 * SHAPE[0])
        cases.append({"path": name, "shape": list(SHAPE), "dtype": str(np.dtype(dtype)), "voxel_nm": [50, 4.6, 4.6],
                      "offset_nm": list(offset_nm)})

    for dtype in ("int8", "int16", "uint16", "float32"):
        add(f"{dtype}.mrc", dtype)
        add(f"{dtype}_big.mrc", dtype, byte_order=">")
        for number, axes in enumerate([(3, 1, 2), (2, 3, 1), (2, 1, 3), (1, 3, 2), (1, 2, 3)]):
            add(f"{dtype}_{number}.rec", dtype, axes=axes)
    add("origin.mrc", "int16", origin=(120, -40, 1000), offset_nm=(100, -4, 12))
    add("start.mrc", "int16", start=(2, -3, 4), offset_nm=(200, -13.8, 9.2))
    add("start_turned.mrc", "int16", axes=(1, 3, 2), start=(2, -3, 4), offset_nm=(-150, 9.2, 18.4))
    add("extended.map", "int16", extended=bytes(range(200)))
    (folder / "expected.json").write_text(json.dumps(cases))
    print("written")


if __name__ == "__main__":
    {"write": write}[sys.argv[1]](pathlib.Path(sys.argv[2]))
