"""NRRD and MetaImage against pynrrd and SimpleITK.

    check_nrrd.py read FOLDER          opens FOLDER/*.nrrd, which retina wrote
    check_nrrd.py write FOLDER         makes .nrrd, .nhdr, .mha and .mhd files for retina to read

The values are those of check_ome_zarr.expected; FOLDER/expected.json lists the files.
"""
import json
import pathlib
import sys

import nrrd
import numpy as np
import SimpleITK as sitk

from check_ome_zarr import check_equal, expected

SHAPE = (9, 40, 33)
VOXEL = [50, 4.6, 4.7]
OFFSET = [100, 20, 30.5]


def check_itk(path, wanted, case):
    image = sitk.ReadImage(str(path))
    values = sitk.GetArrayFromImage(image)
    if wanted.ndim == 4:  # SimpleITK puts channels last
        values = np.moveaxis(values, -1, 0)
    check_equal(values, wanted, f"SimpleITK {path}")
    found = [list(image.GetSpacing())[::-1], list(image.GetOrigin())[::-1]]
    if not np.allclose(found, [case["voxel_nm"], case["offset_nm"]], rtol=1e-12):
        raise SystemExit(f"SimpleITK {path}: spacing and origin {found}")


def read(folder):
    for case in json.loads((folder / "expected.json").read_text()):
        path = folder / case["path"]
        wanted = expected(case["shape"], case["dtype"])
        values, header = nrrd.read(str(path))
        check_equal(values.T, wanted, f"pynrrd {path}")
        if not np.allclose(np.diag(header["space directions"][:3])[::-1], case["voxel_nm"], rtol=1e-12):
            raise SystemExit(f"pynrrd {path}: {header['space directions']}")
        if header["space units"] != ["nm"] * 3 or list(header["space origin"])[::-1] != case["offset_nm"]:
            raise SystemExit(f"pynrrd {path}: {header}")
        check_itk(path, wanted, case)
    print("equal")


def write(folder):
    cases = []

    def add(name, shape, dtype, save, **more):
        save(str(folder / name), expected(shape, dtype))
        cases.append({"path": name, "shape": list(shape), "dtype": str(np.dtype(dtype)), **more})

    directions = {"space dimension": 3, "space directions": np.diag(VOXEL[::-1]), "space origin": OFFSET[::-1],
                  "space units": ["nm"] * 3, "kinds": ["domain"] * 3}
    dtypes = "uint8 int8 uint16 int16 uint32 int32 uint64 int64 float32 float64".split()
    for dtype in dtypes:
        for encoding in ("raw", "gzip"):
            add(f"{dtype}_{encoding}.nrrd", SHAPE, dtype, lambda path, values: nrrd.write(
                path, values.T, {**directions, "encoding": encoding}),
                voxel_nm=VOXEL, offset_nm=OFFSET, axes="zyx")
            if np.dtype(dtype).itemsize > 1:
                add(f"{dtype}_{encoding}_big.nrrd", SHAPE, dtype, lambda path, values: nrrd.write(
                    path, values.astype(values.dtype.newbyteorder(">")).T, {"encoding": encoding}), voxel_nm=None)
    for encoding in ("raw", "gzip"):
        add(f"detached_{encoding}.nhdr", SHAPE, "uint16", lambda path, values: nrrd.write(
            path, values.T, {**directions, "encoding": encoding}, detached_header=True),
            voxel_nm=VOXEL, offset_nm=OFFSET)
    add("spacings.nrrd", SHAPE, "uint8", lambda path, values: nrrd.write(
        path, values.T, {"spacings": [4.7, 4.6, 50], "units": ["nm"] * 3}), voxel_nm=VOXEL)
    add("micrometres.nrrd", SHAPE, "uint8", lambda path, values: nrrd.write(
        path, values.T, {"spacings": [0.0047, 0.0046, 0.05], "units": ["um"] * 3}), voxel_nm=VOXEL)
    add("no_unit.nrrd", SHAPE, "uint8", lambda path, values: nrrd.write(
        path, values.T, {"spacings": [4.7, 4.6, 50]}), voxel_nm=None)
    add("plane.nrrd", (40, 33), "uint8", lambda path, values: nrrd.write(path, values.T), axes="yx")
    add("channels_first.nrrd", (3, *SHAPE), "uint8", lambda path, values: nrrd.write(
        path, np.moveaxis(values, 0, -1).T, {"kinds": ["RGB-color"] + ["domain"] * 3}), axes="zyxc")

    def with_itk(path, values, compressed, vectors=False):
        if vectors:
            values = np.moveaxis(values, 0, -1)
        image = sitk.GetImageFromArray(values, isVector=vectors)
        image.SetSpacing(VOXEL[::-1])
        image.SetOrigin(OFFSET[::-1])
        sitk.WriteImage(image, path, useCompression=compressed)

    for extension in ("nrrd", "nhdr", "mha", "mhd"):
        for compressed in (False, True):
            for dtype in dtypes:
                add(f"itk_{dtype}_{compressed}.{extension}", SHAPE, dtype,
                    lambda path, values: with_itk(path, values, compressed), voxel_nm=None, axes="zyx")
            add(f"itk_vectors_{compressed}.{extension}", (3, *SHAPE), "uint16",
                lambda path, values: with_itk(path, values, compressed, True), voxel_nm=None, axes="zyxc")
            add(f"itk_plane_{compressed}.{extension}", (40, 33), "uint16", lambda path, values: sitk.WriteImage(
                sitk.GetImageFromArray(values), path, useCompression=compressed), axes="yx")
    (folder / "expected.json").write_text(json.dumps(cases))
    print("written")


if __name__ == "__main__":
    {"read": read, "write": write}[sys.argv[1]](pathlib.Path(sys.argv[2]))
