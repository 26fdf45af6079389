"""PNG both ways against pillow.

    check_images.py read FOLDER        opens what retina wrote: FOLDER/*.png and folders of PNG
    check_images.py write FOLDER       makes files for retina to read

The values are those of check_ome_zarr.expected; FOLDER/expected.json lists the files.
"""
import json
import pathlib
import sys

import numpy as np
from PIL import Image

from check_ome_zarr import check_equal, expected


def read_file(path):
    if path.is_dir():
        return np.stack([np.asarray(Image.open(name)) for name in sorted(path.glob("*.png"))])
    return np.asarray(Image.open(path))


def read(folder):
    for case in json.loads((folder / "expected.json").read_text()):
        path = folder / case["path"]
        wanted = expected(case["shape"], case["dtype"])
        check_equal(read_file(path).reshape(case["shape"]), wanted, str(path))
    print("equal")


def write(folder):
    cases = []

    def add(name, shape, dtype, save):
        save(folder / name, expected(shape, dtype))
        cases.append({"path": name, "shape": list(shape), "dtype": str(np.dtype(dtype))})

    for dtype in ("uint8", "uint16"):
        add(f"{dtype}.png", (20, 33), dtype, lambda path, values: Image.fromarray(values).save(path))
    add("rgb_grey.png", (20, 33), "uint8", lambda path, values: Image.fromarray(values).convert("RGB").save(path))
    add("rgba_grey.png", (20, 33), "uint8", lambda path, values: Image.fromarray(values).convert("RGBA").save(path))
    (folder / "expected.json").write_text(json.dumps(cases))
    print("written")


if __name__ == "__main__":
    {"read": read, "write": write}[sys.argv[1]](pathlib.Path(sys.argv[2]))
