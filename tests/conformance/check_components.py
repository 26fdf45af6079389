"""Objects and filled holes against cc3d and scipy.

    check_components.py check FOLDER

FOLDER/cases.json lists arrays of the raw files that are in it: labels (uint8), ids (uint64) by connectivity, and filled
(uint8). Ids are compared exactly once both sides are numbered in C order of the first voxel; ours must be so already.
"""
import json
import pathlib
import sys

import cc3d
import numpy as np
from scipy import ndimage


def load(folder, name, dtype, shape):
    return np.fromfile(folder / name, dtype).reshape(shape)


def in_scan_order(ids):
    """The same objects numbered 1, 2, ... in C order of their first voxel."""
    values, first = np.unique(ids, return_index=True)
    order = values[np.argsort(first)]
    order = order[order != 0]
    table = np.zeros(int(ids.max()) + 1, np.uint64)
    table[order] = np.arange(1, len(order) + 1)
    return table[ids]


def by_slices(function, labels):
    """`function` of every slice, numbered through."""
    result, count = np.zeros(labels.shape, np.uint64), 0
    for z, plane in enumerate(labels):
        ids = in_scan_order(function(plane))
        result[z] = np.where(ids > 0, ids + np.uint64(count), 0)
        count += int(ids.max())
    return result


def with_cc3d(labels, connectivity):
    return cc3d.connected_components(labels, connectivity=connectivity).astype(np.uint64)


def with_scipy(labels, connectivity):
    steps = {4: 1, 8: 2, 6: 1, 18: 2, 26: 3}[connectivity]
    structure = ndimage.generate_binary_structure(labels.ndim, steps)
    ids, count = np.zeros(labels.shape, np.uint64), 0
    for value in np.unique(labels[labels > 0]):
        found, number = ndimage.label(labels == value, structure)
        ids[found > 0] = found[found > 0] + count
        count += number
    return ids


def filled_with_scipy(labels, slices):
    """Background regions off the border that one label alone encloses get that label."""
    result = labels.copy()
    parts = [(z, labels[z]) for z in range(len(labels))] if slices else [(slice(None), labels)]
    for where, part in parts:
        cross = ndimage.generate_binary_structure(part.ndim, 1)
        regions, count = ndimage.label(part == 0, cross)
        outside = np.unique(np.concatenate([regions.take(i, axis).ravel() for axis in range(part.ndim) for i in (0, -1)]))
        for region in np.setdiff1d(np.arange(1, count + 1), outside):
            around = part[ndimage.binary_dilation(regions == region, cross) & (part > 0)]
            if len(np.unique(around)) == 1:
                result[where][regions == region] = around[0]
    return result


def check_equal(found, wanted, what):
    if not np.array_equal(found, wanted):
        raise SystemExit(f"{what}: {np.count_nonzero(found != wanted)} of {found.size} voxels differ")


def check(folder):
    for case in json.loads((folder / "cases.json").read_text()):
        labels = load(folder, case["labels"], np.uint8, case["shape"])
        for number, name in case["ids"].items():
            connectivity = int(number)
            ours = load(folder, name, np.uint64, case["shape"])
            check_equal(ours, in_scan_order(ours), f"{name}: scan order")
            for peer in (with_cc3d, with_scipy):
                if connectivity in (4, 8):
                    theirs = by_slices(lambda plane: peer(plane, connectivity), labels)
                else:
                    theirs = in_scan_order(peer(labels, connectivity))
                check_equal(ours, theirs, f"{name} {peer.__name__}")
        for kind, name in case["filled"].items():
            filled = load(folder, name, np.uint8, case["shape"])
            check_equal(filled, filled_with_scipy(labels, kind == "2d"), f"{name} filled {kind}")
            if labels.max() == 1:
                parts = [ndimage.binary_fill_holes(p) for p in labels] if kind == "2d" else ndimage.binary_fill_holes(labels)
                check_equal(filled > 0, np.asarray(parts), f"{name} binary_fill_holes {kind}")
    print("equal")


if __name__ == "__main__":
    {"check": check}[sys.argv[1]](pathlib.Path(sys.argv[2]))
