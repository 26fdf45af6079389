"""TIFF both ways against tifffile and imagecodecs, on random data.

    check_tiff.py read FOLDER        opens the FOLDER/*.tif that retina wrote (values of check_ome_zarr.expected)
    check_tiff.py write FOLDER       makes files of every kind for retina to read

`write` lists the files in FOLDER/expected.json, and what they hold in FOLDER/*.raw: values in the order c, z, y, x.
"""
import json
import pathlib
import sys

import numpy as np
import tifffile

from check_ome_zarr import check_equal, expected


def check_described(path, case):
    with tifffile.TiffFile(path) as tiff:
        described = tiff.imagej_metadata
        ome = tiff.ome_metadata
        numerator, denominator = tiff.pages[0].tags["XResolution"].value
        axes = tiff.series[0].axes
    if path.name.endswith(".ome.tif"):
        pixels = tifffile.xml2dict(ome)["OME"]["Image"]["Pixels"]
        size = [(pixels[f"PhysicalSize{axis}"], pixels[f"PhysicalSize{axis}Unit"]) for axis in "ZYX"]
        if size != [(50, "nm"), (4.6, "nm"), (4.6, "nm")]:
            raise SystemExit(f"{path}: OME metadata {pixels}, expected voxels of 50 x 4.6 x 4.6 nm")
    elif described["unit"] != "nm" or not np.isclose(described["spacing"], 50):
        raise SystemExit(f"{path}: ImageJ metadata {described}, expected a spacing of 50 nm")
    if not np.isclose(denominator / numerator, 4.6, rtol=1e-5):
        raise SystemExit(f"{path}: pixels of {denominator / numerator}, expected 4.6 nm")
    if axes != ("ZCYX" if len(case["shape"]) == 4 else "ZYX"):
        raise SystemExit(f"{path}: axes {axes}")


def read(folder):
    for case in json.loads((folder / "expected.json").read_text()):
        path = folder / case["path"]
        shape = case["shape"]
        wanted = expected(shape, case["dtype"])
        if len(shape) == 4:  # written z, c, y, x; the values count c, z, y, x
            wanted = expected([shape[1], shape[0], *shape[2:]], case["dtype"]).swapaxes(0, 1)
        check_equal(tifffile.imread(path), wanted, str(path))
        check_described(path, case)
    print("equal")


class Cases:
    """Files for retina to read, with the values it must find."""

    def __init__(self, folder):
        self.folder = folder
        self.cases = []
        self.random = np.random.default_rng(20261126)

    def values(self, shape, dtype):
        dtype = np.dtype(dtype)
        if dtype == bool:
            return self.random.random(shape) < 0.4
        if dtype.kind == "f":
            return self.random.normal(scale=1000, size=shape).astype(dtype)
        # runs of equal values too, so that each compression finds something
        limits = np.iinfo(dtype)
        values = self.random.integers(limits.min, limits.max, shape, dtype, endpoint=True)
        return np.where(self.random.random(shape) < 0.3, np.array(7, dtype), values)

    def add(self, name, values, axes, write, *, czyx, select="", tolerance=0, **more):
        """`czyx` gives what retina shall read as c, z, y, x; `axes` what it calls the file's axes."""
        write(self.folder / f"{name}.tif", values)
        wanted = np.ascontiguousarray(czyx(values))
        assert wanted.ndim == 4
        wanted.tofile(self.folder / f"{name}.raw")
        dtype = "uint8" if wanted.dtype == bool else str(wanted.dtype)
        self.cases.append({"path": f"{name}.tif{select}", "raw": f"{name}.raw", "shape": list(wanted.shape),
                           "dtype": dtype, "axes": axes, "tolerance": tolerance, **more})


def stack(values):
    return values[None]


def colours_last(values):
    return np.moveaxis(values, -1, 0)


def add_kinds(cases):
    """Every kind of value, byte order, compression, layout."""
    for dtype in "uint8 uint16 uint32 uint64 int8 int16 int32 int64 float32 float64".split():
        for order, big in (("<", False), (">", False), (">", True)):
            cases.add(f"kind_{dtype}_{'be' if order == '>' else 'le'}_{'big' if big else 'classic'}",
                      cases.values((3, 41, 37), dtype), "zyx",
                      lambda path, values: tifffile.imwrite(path, values, byteorder=order, bigtiff=big,
                                                            photometric="minisblack"), czyx=stack)
        for compression in ("zlib", "lzw", "packbits", "zstd", "lzma"):
            for layout in ({"rowsperstrip": 7}, {"tile": (16, 32)}):
                for order in "<>":
                    name = f"{compression}_{dtype}_{next(iter(layout))}_{'be' if order == '>' else 'le'}"
                    cases.add(name, cases.values((3, 41, 37), dtype), "zyx",
                              lambda path, values: tifffile.imwrite(
                                  path, values, compression=compression, byteorder=order,
                                  photometric="minisblack", **layout), czyx=stack)
    for dtype, predictor in (("uint8", 2), ("uint16", 2), ("int32", 2), ("uint64", 2), ("float32", 3), ("float64", 3)):
        for compression in ("zlib", "lzw", "zstd"):
            for order in "<>":
                cases.add(f"predictor_{dtype}_{compression}_{'be' if order == '>' else 'le'}",
                          cases.values((2, 41, 37), dtype), "zyx",
                          lambda path, values: tifffile.imwrite(
                              path, values, compression=compression, predictor=predictor, byteorder=order,
                              photometric="minisblack", tile=(16, 16)), czyx=stack)
    for compression in (None, "packbits"):
        cases.add(f"bilevel_{compression}", cases.values((2, 41, 37), bool), "zyx",
                  lambda path, values: tifffile.imwrite(path, values, compression=compression,
                                                        photometric="minisblack"), czyx=stack)


def add_colours(cases):
    for dtype in ("uint8", "uint16", "float32"):
        for planar in ("contig", "separate"):
            for layout in ({}, {"tile": (16, 16), "compression": "zlib"}):
                name = f"{dtype}_{planar}_{'tiled' if layout else 'strips'}"
                first = planar == "separate"
                shape = (3, 41, 37) if first else (41, 37, 3)
                cases.add(f"rgb_{name}", cases.values(shape, dtype), "yxc",
                          lambda path, values: tifffile.imwrite(path, values, photometric="rgb",
                                                                planarconfig=planar, **layout),
                          czyx=lambda values: values[:, None] if first else colours_last(values)[:, None])
                shape = (5, 41, 37) if first else (41, 37, 5)
                cases.add(f"five_{name}", cases.values(shape, dtype), "yxc",
                          lambda path, values: tifffile.imwrite(path, values, photometric="minisblack",
                                                                planarconfig=planar, **layout),
                          czyx=lambda values: values[:, None] if first else colours_last(values)[:, None])
    cases.add("rgba", cases.values((41, 37, 4), "uint8"), "yxc",
              lambda path, values: tifffile.imwrite(path, values, photometric="rgb", extrasamples=["unassalpha"]),
              czyx=lambda values: colours_last(values)[:3, None])
    cases.add("grey_as_rgb", cases.values((4, 41, 37), "uint8"), "zyx",
              lambda path, values: tifffile.imwrite(path, np.stack([values] * 3, -1), photometric="rgb"),
              czyx=stack)
    cases.add("rgb_stack", cases.values((4, 41, 37, 3), "uint8"), "zyxc",
              lambda path, values: tifffile.imwrite(path, values, photometric="rgb"), czyx=colours_last)
    ramp = np.add.outer(np.arange(64), 2 * np.arange(96)).astype("uint8")

    def jpeg(path, values):
        tifffile.imwrite(path, values, compression="jpeg", compressionargs={"level": 90}, tile=(32, 32),
                         photometric="minisblack" if values.ndim == 2 else "rgb")

    def decoded(name):
        return lambda values: tifffile.imread(cases.folder / f"{name}.tif")

    cases.add("jpeg_grey", ramp, "yx", jpeg, czyx=lambda v: decoded("jpeg_grey")(v)[None, None], tolerance=1)
    cases.add("jpeg_rgb", np.stack([ramp, ramp // 2, 255 - ramp], -1), "yxc", jpeg,
              czyx=lambda v: colours_last(decoded("jpeg_rgb")(v))[:, None], tolerance=4)


IMAGEJ_AXES = {
    "ZYX": ("zyx", stack),
    "CYX": ("cyx", lambda v: v[:, None]),
    "ZCYX": ("zcyx", lambda v: v.swapaxes(0, 1)),
    "TZCYX": ("zcyx", lambda v: v[1].swapaxes(0, 1)),
    "TZYX": ("zyx", lambda v: v[1][None]),
    "YX": ("yx", lambda v: v[None, None]),
}


def add_imagej(cases):
    sizes = {"T": 3, "Z": 4, "C": 2, "Y": 31, "X": 37}
    for axes, (named, czyx) in IMAGEJ_AXES.items():
        for dtype in ("uint8", "uint16", "float32"):
            for order in "<>":
                cases.add(f"imagej_{axes}_{dtype}_{'be' if order == '>' else 'le'}",
                          cases.values([sizes[a] for a in axes], dtype), named,
                          lambda path, values: tifffile.imwrite(
                              path, values, imagej=True, byteorder=order, resolution=(1 / 0.0046, 1 / 0.0046),
                              metadata={"axes": axes, "unit": "micron", "spacing": 0.05, "min": 3.0, "max": 9.0}),
                          czyx=czyx, select=":t=1" if "T" in axes else "", voxel_nm=[50, 4.6, 4.6])
    cases.add("imagej_deflate", cases.values((4, 31, 37), "uint16"), "zyx",
              lambda path, values: tifffile.imwrite(path, values, imagej=True, compression="zlib",
                                                    resolution=(1 / 4.6, 1 / 4.6),
                                                    metadata={"axes": "ZYX", "unit": "nm", "spacing": 50}),
              czyx=stack, voxel_nm=[50, 4.6, 4.6])
    cases.add("unlisted", cases.values((7, 31, 37), "uint16"), "zyx",
              lambda path, values: tifffile.imwrite(path, values, truncate=True, photometric="minisblack"),
              czyx=stack)
    cases.add("inches", cases.values((31, 37), "uint8"), "yx",
              lambda path, values: tifffile.imwrite(path, values, resolution=(2540000, 5080000),
                                                    resolutionunit="INCH"),
              czyx=lambda v: v[None, None], voxel_nm=[5, 5, 10])
    cases.add("imagej_pixels", cases.values((4, 31, 37), "uint8"), "zyx",
              lambda path, values: tifffile.imwrite(path, values, imagej=True, resolution=(200, 200),
                                                    metadata={"axes": "ZYX", "unit": "pixel", "spacing": 2}),
              czyx=stack, note="'pixel' is no unit of length")
    cases.add("orientation", cases.values((31, 37), "uint8"), "yx",
              lambda path, values: tifffile.imwrite(path, values, extratags=[(274, 3, 1, 6, True)]),
              czyx=lambda v: v[None, None], note="Orientation is 6 (right-top)")


OME_AXES = {
    "ZYX": ("zyx", stack),
    "CYX": ("cyx", lambda v: v[:, None]),
    "CZYX": ("czyx", lambda v: v),
    "ZCYX": ("zcyx", lambda v: v.swapaxes(0, 1)),
    "TZCYX": ("zcyx", lambda v: v[1].swapaxes(0, 1)),
    "TCZYX": ("czyx", lambda v: v[1]),
    "CTZYX": ("czyx", lambda v: v[:, 1]),
    "ZTYX": ("zyx", lambda v: v[:, 1][None]),
    "ZYXS": ("zyxc", colours_last),
}


def add_ome(cases):
    sizes = {"T": 3, "Z": 4, "C": 2, "Y": 31, "X": 37, "S": 3}
    units = [("nm", 50, 4.6), ("µm", 0.05, 0.0046), ("mm", 5e-5, 4.6e-6), ("Å", 500, 46)]
    for i, (axes, (named, czyx)) in enumerate(OME_AXES.items()):
        unit, z, xy = units[i % len(units)]
        for dtype in ("uint8", "uint16", "uint32", "int16", "float32", "float64"):
            cases.add(f"ome_{axes}_{dtype}", cases.values([sizes[a] for a in axes], dtype), named,
                      lambda path, values: tifffile.imwrite(
                          path, values, ome=True, bigtiff=dtype == "float64",
                          photometric="rgb" if "S" in axes else "minisblack",
                          compression="zlib" if dtype == "uint16" else None,
                          metadata={"axes": axes, "PhysicalSizeX": xy, "PhysicalSizeXUnit": unit,
                                    "PhysicalSizeY": xy, "PhysicalSizeYUnit": unit,
                                    "PhysicalSizeZ": z, "PhysicalSizeZUnit": unit}),
                      czyx=czyx, select=":t=1" if "T" in axes else "", voxel_nm=[50, 4.6, 4.6])

    for unit, more in (("thou", {"voxel_nm": [50.8, 5.08, 5.08]}), ("pixel", {"note": "no length: 0.002 pixel"})):
        cases.add(f"ome_{unit}", cases.values((4, 31, 37), "uint8"), "zyx",
                  lambda path, values: tifffile.imwrite(
                      path, values, ome=True, photometric="minisblack",
                      metadata={"axes": "ZYX", "PhysicalSizeX": 2e-4, "PhysicalSizeXUnit": unit,
                                "PhysicalSizeY": 2e-4, "PhysicalSizeYUnit": unit,
                                "PhysicalSizeZ": 2e-3, "PhysicalSizeZUnit": unit}),
                  czyx=stack, **more)

    def pyramid(path, values):
        with tifffile.TiffWriter(path, ome=True) as tiff:
            options = {"tile": (16, 16), "photometric": "minisblack", "compression": "zlib"}
            tiff.write(values, subifds=2, metadata={"axes": "ZYX"}, **options)
            tiff.write(values[:, ::2, ::2], subfiletype=1, **options)
            tiff.write(values[:, ::4, ::4], subfiletype=1, **options)

    cases.add("ome_pyramid", cases.values((4, 64, 80), "uint16"), "zyx", pyramid, czyx=stack)

    def two_images(path, values):
        with tifffile.TiffWriter(path, ome=True) as tiff:
            tiff.write(values[:1, :9], photometric="minisblack", metadata={"axes": "ZYX"})
            tiff.write(values, photometric="minisblack", metadata={"axes": "ZYX"})

    cases.add("ome_second_image", cases.values((4, 31, 37), "uint8"), "zyx", two_images, czyx=stack,
              select=":series=1")

    def flagged(path, values):
        with tifffile.TiffWriter(path) as tiff:
            tiff.write(values, photometric="minisblack", metadata=None)
            tiff.write(values[::2, ::2], photometric="minisblack", subfiletype=1, metadata=None)
            tiff.write(values[::4, ::4], photometric="minisblack", metadata=None)

    cases.add("pyramid_in_pages", cases.values((64, 80), "uint8"), "yx", flagged, czyx=lambda v: v[None, None])


def write(folder):
    cases = Cases(folder)
    for add in (add_kinds, add_colours, add_imagej, add_ome):
        add(cases)
    (folder / "expected.json").write_text(json.dumps(cases.cases))
    print("written")


if __name__ == "__main__":
    {"read": read, "write": write}[sys.argv[1]](pathlib.Path(sys.argv[2]))
