"""NIfTI and Analyze images made by nibabel and SimpleITK for retina to read.

    check_nifti.py write FOLDER        makes files and FOLDER/expected.json

The values are those of check_ome_zarr.expected; nibabel's arrays are x, y, z.
"""
import json
import pathlib
import sys

import nibabel
import numpy as np
import SimpleITK

from check_ome_zarr import expected

SHAPE = (9, 20, 33)
ORIGIN_NM = [3000, -2000, 1000]  # x, y, z
TYPES = "uint8 int8 uint16 int16 uint32 int32 uint64 int64 float32 float64".split()


def write_with_nibabel(path, values, kind=nibabel.Nifti1Image, unit="micron", order="<", slope=None):
    spacing = np.array([0.0046, 0.0046, 0.05]) if unit == "micron" else np.array([4.6e-6, 4.6e-6, 5e-5])
    header = kind.header_class(endianness=order)
    header.set_data_dtype(values.dtype)
    affine = np.diag([*spacing, 1])
    affine[:3, 3] = np.array(ORIGIN_NM) / (1000 if unit == "micron" else 1e6)
    image = kind(values.transpose(2, 1, 0), affine, header)
    if unit:
        image.header.set_xyzt_units(unit)
    if slope:
        image.header.set_slope_inter(*slope)
    nibabel.save(image, path)


def write_with_simple_itk(path, values):
    image = SimpleITK.GetImageFromArray(values)
    image.SetSpacing((4.6e-6, 4.6e-6, 5e-5))
    image.SetOrigin([place / 1e6 for place in ORIGIN_NM])
    SimpleITK.WriteImage(image, str(path), useCompression=path.name.endswith(".gz"))


def write(folder):
    cases = []

    def add(name, dtype, save, voxel=True, stored=None, **options):
        values = expected(SHAPE, dtype)
        save(folder / name, values if stored is None else stored(values), **options)
        cases.append({"path": name, "shape": list(SHAPE), "dtype": str(np.dtype(dtype)),
                      **({"voxel_nm": [50, 4.6, 4.6], "offset_nm": ORIGIN_NM[::-1]} if voxel else {})})

    for dtype in TYPES:
        add(f"{dtype}.nii", dtype, write_with_nibabel)
        add(f"{dtype}.nii.gz", dtype, write_with_nibabel, unit="mm")
        add(f"{dtype}_2.nii", dtype, write_with_nibabel, kind=nibabel.Nifti2Image, unit="mm")
        add(f"{dtype}_big.nii", dtype, write_with_nibabel, order=">")
        add(f"{dtype}_pair.hdr", dtype, write_with_nibabel, kind=nibabel.Nifti1Pair)
        if dtype not in ("int64", "uint64"):
            add(f"{dtype}_itk.nii", dtype, write_with_simple_itk)
            add(f"{dtype}_itk.nii.gz", dtype, write_with_simple_itk)
    add("analyze.hdr", "int16", write_with_nibabel, kind=nibabel.AnalyzeImage, unit=None, voxel=False)
    add("scaled.nii", "float32", write_with_nibabel, slope=(0.5, 0),
        stored=lambda values: (2 * values).astype("int16"))
    add("shifted.nii.gz", "float32", write_with_nibabel, slope=(1, -10),
        stored=lambda values: (values + 10).astype("uint8"))
    (folder / "expected.json").write_text(json.dumps(cases))
    print("written")


if __name__ == "__main__":
    {"write": write}[sys.argv[1]](pathlib.Path(sys.argv[2]))
