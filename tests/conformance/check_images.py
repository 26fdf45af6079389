"""PNG and TIFF both ways against pillow and tifffile.

    check_images.py read FOLDER        opens what retina wrote: FOLDER/*.png, *.tif and folders of PNG
    check_images.py write FOLDER       makes files for retina to read

The values are those of check_ome_zarr.expected; FOLDER/expected.json lists the files.
"""
import json
import pathlib
import sys

import numpy as np
import tifffile
from PIL import Image

from check_ome_zarr import check_equal, expected


def read_file(path):
    if path.is_dir():
        return np.stack([np.asarray(Image.open(name)) for name in sorted(path.glob("*.png"))])
    if path.suffix == ".png":
        return np.asarray(Image.open(path))
    return tifffile.imread(path)


def check_voxel(path, voxel_nm):
    with tifffile.TiffFile(path) as tiff:
        described = tiff.imagej_metadata
        numerator, denominator = tiff.pages[0].tags["XResolution"].value
    if described["unit"] != "nm" or not np.isclose(described["spacing"], voxel_nm[0]):
        raise SystemExit(f"{path}: ImageJ metadata {described}, expected a spacing of {voxel_nm[0]} nm")
    if not np.isclose(denominator / numerator, voxel_nm[2], rtol=1e-5):
        raise SystemExit(f"{path}: pixels of {denominator / numerator}, expected {voxel_nm[2]} nm")


def read(folder):
    for case in json.loads((folder / "expected.json").read_text()):
        path = folder / case["path"]
        wanted = expected(case["shape"], case["dtype"])
        check_equal(read_file(path).reshape(case["shape"]), wanted, str(path))
        if "voxel_nm" in case:
            check_voxel(path, case["voxel_nm"])
    print("equal")


def write(folder):
    cases = []

    def add(name, shape, dtype, save, **more):
        save(folder / name, expected(shape, dtype))
        cases.append({"path": name, "shape": list(shape), "dtype": str(np.dtype(dtype)), **more})

    for dtype in ("uint8", "uint16"):
        add(f"{dtype}.png", (20, 33), dtype, lambda path, values: Image.fromarray(values).save(path))
    add("rgb_grey.png", (20, 33), "uint8", lambda path, values: Image.fromarray(values).convert("RGB").save(path))
    add("rgba_grey.png", (20, 33), "uint8", lambda path, values: Image.fromarray(values).convert("RGBA").save(path))
    for compression in (None, "zlib", "lzw", "packbits", "zstd"):
        for dtype in ("uint8", "uint16", "float32"):
            name = f"{compression}_{dtype}"
            add(f"{name}.tif", (4, 50, 33), dtype, lambda path, values: tifffile.imwrite(
                path, values, compression=compression, rowsperstrip=7, photometric="minisblack"))
            add(f"{name}_tiled.tif", (4, 50, 33), dtype, lambda path, values: tifffile.imwrite(
                path, values, compression=compression, tile=(16, 16), photometric="minisblack"))
    add("predictor.tif", (4, 50, 33), "uint16", lambda path, values: tifffile.imwrite(
        path, values, compression="zlib", predictor=True, photometric="minisblack"))
    add("big.tif", (4, 50, 33), "uint16", lambda path, values: tifffile.imwrite(
        path, values, bigtiff=True, byteorder=">", photometric="minisblack"))
    add("imagej.tif", (4, 50, 33), "uint16", lambda path, values: tifffile.imwrite(
        path, values, imagej=True, resolution=(1 / 4.6, 1 / 4.6),
        metadata={"unit": "nm", "spacing": 50, "axes": "ZYX"}), voxel_nm=[50, 4.6, 4.6])
    add("ome.ome.tif", (4, 50, 33), "uint16", lambda path, values: tifffile.imwrite(
        path, values, photometric="minisblack",
        metadata={"axes": "ZYX", "PhysicalSizeX": 4.6, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 4.6,
                  "PhysicalSizeYUnit": "nm", "PhysicalSizeZ": 0.05, "PhysicalSizeZUnit": "µm"}),
        voxel_nm=[50, 4.6, 4.6])
    (folder / "expected.json").write_text(json.dumps(cases))
    print("written")


if __name__ == "__main__":
    {"read": read, "write": write}[sys.argv[1]](pathlib.Path(sys.argv[2]))
