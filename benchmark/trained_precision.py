#!/usr/bin/env python3
"""What training in bf16 does to single objects, beside what another seed does.

    retina compare -c configs/compare/precision.yaml -o COMPARISON
    benchmark/trained_precision.py RETINA COMPARISON/cells/DATASET/all IMAGES [--threads 2] [--device auto] [--least 500]

Predicts IMAGES in fp32 with the models that were trained in fp32 and in bf16, of every seed. For every object of an fp32-trained model its area
against that of the objects that it touches of the bf16-trained model of its seed, and of the fp32-trained model of the next seed (bf16_gates.py says
how). Needs numpy, Pillow and scipy.
"""
import argparse
import tempfile
from pathlib import Path

import numpy as np
from bf16_gates import area_changes, print_row, retina
from PIL import Image


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("retina", type=Path)
    parser.add_argument("cells", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--threads", default="2")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--least", type=int, default=500)
    args = parser.parse_args()
    seeds = sorted(folder.name for folder in (args.cells / "fp32").iterdir() if folder.is_dir())
    with tempfile.TemporaryDirectory() as scratch:

        def predicted(trained_in, seed):
            folder = Path(scratch) / trained_in / seed
            folder.parent.mkdir(exist_ok=True)
            retina(args.retina, "predict", "--model", args.cells / trained_in / seed / "run", args.images, "-o", folder, "--precision", "fp32",
                   "--axes-mode", "2d", "--threads", args.threads, "--device", args.device)  # fmt: skip
            return [np.asarray(Image.open(file)) for file in sorted(folder.iterdir())]

        labels = {trained_in: [predicted(trained_in, seed) for seed in seeds] for trained_in in ("fp32", "bf16")}
    of_precision, of_seed = [], []
    for i, ours in enumerate(labels["fp32"]):
        for slice_number, plane in enumerate(ours):
            of_precision += area_changes(plane, labels["bf16"][i][slice_number])
            of_seed += area_changes(plane, labels["fp32"][(i + 1) % len(seeds)][slice_number])
    for name, changes in (("trained in bf16", of_precision), ("trained with another seed", of_seed)):
        print_row(f"{name}, objects of {args.least} pixels or more", [c for c in changes if c[0] >= args.least])
        print_row(f"{name}, all objects", changes)


if __name__ == "__main__":
    main()
