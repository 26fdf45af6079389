#!/usr/bin/env python3
"""The user's case: a model meets another tissue and is fine-tuned on four corrected regions of 256 x 256.

    benchmark/corrected_regions.py RETINA MODEL WORK [--threads 2] [--seconds 300]

Data: RETINA_DATA/brain_mito (a model must not have seen it). Of slices 0, 5, 10 and 15 the square each in which the model is wrong most
often keeps its labels, as if a user had looked for mistakes; everything else is unknown. Prints the gain on left-out regions, and on slices
16 to 19, which are in no training. Needs numpy and Pillow.
"""
import argparse
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

DATA = Path(os.environ.get("RETINA_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "brain_mito"
SIDE, UNKNOWN = 256, 255


def worst_square(mask, predicted):
    """The square, of a grid of half its side, with most wrong pixels: where a user would correct."""
    corners = [(y, x) for y in range(0, mask.shape[0] - SIDE + 1, SIDE // 2) for x in range(0, mask.shape[1] - SIDE + 1, SIDE // 2)]
    wrong = (mask == 1) != (predicted == 1)
    return max(corners, key=lambda c: int(wrong[c[0] : c[0] + SIDE, c[1] : c[1] + SIDE].sum()))


def write_data(work, predict):
    """Corrected and unseen images with their masks; `predict(images, folder)` gives what the model says of a folder of images."""
    images, masks = sorted((DATA / "images").iterdir()), sorted((DATA / "masks_mitochondria").iterdir())
    for part in ("corrected", "unseen"):
        for kind in ("images", "masks"):
            (work / part / kind).mkdir(parents=True)
    for i in (0, 5, 10, 15):
        shutil.copy(images[i], work / "corrected/images")
    predict(work / "corrected/images", work / "corrected/predicted")
    for i in (0, 5, 10, 15):
        mask = np.asarray(Image.open(masks[i]))
        y, x = worst_square(mask, np.asarray(Image.open(work / "corrected/predicted" / images[i].name)))
        known = np.full_like(mask, UNKNOWN)
        known[y : y + SIDE, x : x + SIDE] = mask[y : y + SIDE, x : x + SIDE]
        Image.fromarray(known).save(work / "corrected/masks" / images[i].with_suffix(".png").name)
    for i in range(16, 20):
        shutil.copy(images[i], work / "unseen/images")
        shutil.copy(masks[i], work / "unseen/masks")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("retina", type=Path)
    parser.add_argument("model")
    parser.add_argument("work", type=Path)
    parser.add_argument("--threads", default="2")
    parser.add_argument("--seconds", default="300")
    args = parser.parse_args()
    if args.work.exists():
        raise SystemExit(f"{args.work} exists: choose a new folder")

    def retina(*arguments):
        command = [args.retina.resolve(), *map(str, arguments), "--json", "--no-progress", "--threads", args.threads]
        text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        return json.loads(text.strip().splitlines()[-1])

    def scores_on_unseen(model, name):
        retina("predict", "--model", model, args.work / "unseen/images", "-o", args.work / name)
        command = [args.retina.resolve(), "evaluate", "--prediction", args.work / name, "--truth", args.work / "unseen/masks", "--json"]
        text = subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True).stdout
        scores = json.loads(text.strip().splitlines()[-1])["classes"]
        return next({"dice": c["f"], "precision": c["precision"], "recall": c["recall"]} for c in scores if c["id"] == 1)

    write_data(args.work, lambda images, folder: retina("predict", "--model", args.model, images, "-o", folder))

    run = args.work / "run"
    trained = retina(
        "finetune", "--init", args.model, "--classes", "mitochondria", "--leave-one-region-out",
        "--images", args.work / "corrected/images", "--masks", args.work / "corrected/masks",
        "--set", f"data.ignore_value={UNKNOWN}", "--max-seconds", args.seconds, "-o", run,
    )  # fmt: skip
    left_out = trained["leave_one_out"]
    print(json.dumps({
        "seconds": trained["seconds"],
        "left_out_regions": [[r["classes"][0]["before"]["dice"], r["classes"][0]["after"]["dice"]] for r in left_out["regions"]],
        "mean_gain_dice": left_out["mean_gain_dice"],
        "unseen_slices": [scores_on_unseen(args.model, "before"), scores_on_unseen(run, "after")],
    }))  # fmt: skip


if __name__ == "__main__":
    main()
