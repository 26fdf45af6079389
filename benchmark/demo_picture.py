#!/usr/bin/env python3
"""Draws docs/images/demo.png from a finished `retina demo`: image, truth, prediction and errors on the middle slice.

    .tools/bin/python benchmark/demo_picture.py demo docs/images/demo.png
"""
import sys
from pathlib import Path

import numpy as np
import zarr
from PIL import Image

PALETTE = np.array([[0, 0, 0], [230, 60, 60], [90, 90, 90], [60, 160, 230], [250, 220, 40], [240, 120, 240], [80, 200, 120], [250, 140, 30]], np.uint8)


def full_size(path):
    return np.asarray(zarr.open(str(path), mode="r")["0"])


def coloured(grey, colours, mask):
    picture = np.repeat(grey[..., None], 3, 2).astype(np.float32)
    picture[mask] = 0.45 * picture[mask] + 0.55 * colours[mask]
    return picture.astype(np.uint8)


def main():
    demo, target = Path(sys.argv[1]), Path(sys.argv[2])
    image, truth, predicted = (full_size(demo / name) for name in ("unseen.zarr", "unseen.zarr/labels/semantic", "prediction.zarr"))
    z = image.shape[0] // 2
    grey, structures, found = image[z], truth[z], predicted[z] == 1
    real = structures == 1
    errors = np.zeros((*grey.shape, 3), np.uint8)
    errors[real & found], errors[~real & found], errors[real & ~found] = (60, 200, 90), (230, 60, 60), (70, 110, 240)
    rows = [np.repeat(grey[..., None], 3, 2), coloured(grey, PALETTE[structures], structures > 0),
            coloured(grey, np.broadcast_to(PALETTE[1], errors.shape), found), coloured(grey, errors, real | found)]
    target.parent.mkdir(parents=True, exist_ok=True)
    strip = Image.fromarray(np.concatenate(rows, 1))
    strip.resize((1440, 360 * strip.height // (strip.width // 4)), Image.LANCZOS).save(target, optimize=True)


if __name__ == "__main__":
    main()
