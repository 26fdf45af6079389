#!/usr/bin/env python3
"""Whether bf16 may replace fp32 in prediction: the two gates of docs/inference.md, for one model and labelled images.

    benchmark/bf16_gates.py RETINA RUN IMAGES MASKS [--threads 2] [--device auto] [--least 500] [--classes NAME,...]

Predicts IMAGES in fp32 and in bf16. Gate 1: IoU against MASKS (mean over images) differs by at most 0.002 in every class. Gate 2: for every
object of the fp32 prediction (one class, 8 neighbours), its area against that of the bf16 objects of its class that it touches: at most 2 %
apart at the 99th percentile, over all objects; those of --least pixels or more are shown too. Exit code 1 if a gate fails. Needs numpy,
Pillow and scipy.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

IOU_GATE, AREA_GATE = 0.002, 0.02
NEIGHBOURS = np.ones((3, 3), bool)


def retina(program, *arguments):
    command = [str(program.resolve()), *map(str, arguments), "--json", "--quiet", "--no-progress"]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(text.strip().splitlines()[-1])


def predict(args, precision, folder):
    retina(args.retina, "predict", "--model", args.run, args.images, "-o", folder, "--precision", precision, "--axes-mode", "2d",
           "--threads", args.threads, "--device", args.device)  # fmt: skip
    names = ("--classes", args.classes) if args.classes else ()
    scores = retina(args.retina, "evaluate", "--prediction", folder, "--truth", args.masks, *names)["classes"]
    return {c["name"]: c["iou"] for c in scores if c["id"] > 0}


def area_changes(fp32, bf16):
    """(pixels, relative change of area) of every object of the fp32 labels."""
    changes = []
    for class_id in np.unique(fp32[fp32 > 0]):
        ours, count = ndimage.label(fp32 == class_id, NEIGHBOURS)
        others, _ = ndimage.label(bf16 == class_id, NEIGHBOURS)
        areas, other_areas = np.bincount(ours.ravel()), np.bincount(others.ravel())
        for i, place in enumerate(ndimage.find_objects(ours), start=1):
            touched = np.unique(others[place][ours[place] == i])
            area = areas[i]
            changes.append((area, abs(int(other_areas[touched[touched > 0]].sum()) - area) / area))
        assert len(areas) == count + 1
    return changes


def print_row(name, changes):
    values = np.array([c for _, c in changes])
    percentiles = [f"{100 * np.percentile(values, p):.2f} %" for p in (50, 95, 99)] if len(values) else ["-"] * 3
    print(f"{name}: {len(values)} objects; median, 95th, 99th percentile {', '.join(percentiles)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("retina", type=Path)
    parser.add_argument("run")
    parser.add_argument("images", type=Path)
    parser.add_argument("masks", type=Path)
    parser.add_argument("--threads", default="2")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--least", type=int, default=500)
    parser.add_argument("--classes", default="")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folders = {precision: Path(scratch) / precision for precision in ("fp32", "bf16")}
        iou = {precision: predict(args, precision, folder) for precision, folder in folders.items()}
        changes = []
        for file in sorted(folders["fp32"].iterdir()):
            changes += area_changes(*(np.asarray(Image.open(folders[p] / file.name)) for p in ("fp32", "bf16")))
    if not changes:
        raise SystemExit("no object was predicted: nothing to measure")
    passed = True
    for name, value in iou["fp32"].items():
        other = iou["bf16"][name]
        defined = value is not None and other is not None
        ok = value == other or (defined and abs(value - other) <= IOU_GATE)
        passed &= ok
        difference = f"{other - value:+.5f}" if defined else "undefined"
        print(f"IoU of {name}: fp32 {value}, bf16 {other}, {difference}: {'passes' if ok else 'FAILS'} (at most {IOU_GATE})")
    print_row(f"objects of {args.least} pixels or more", [c for c in changes if c[0] >= args.least])
    print_row("all objects", changes)
    ok = np.percentile([c for _, c in changes], 99) <= AREA_GATE
    print(f"areas: {'passes' if ok else 'FAILS'} (at most {100 * AREA_GATE:g} % at the 99th percentile of all objects)")
    sys.exit(0 if passed and ok else 1)


if __name__ == "__main__":
    main()
