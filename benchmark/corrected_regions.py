#!/usr/bin/env python3
"""The user's case: a model meets another tissue and is fine-tuned on four corrected regions of 256 x 256.

    benchmark/corrected_regions.py RETINA MODEL WORK [--data brain_mito] [--threads 2] [--seconds 300]

Of four slices the square each in which the model is wrong most often keeps its labels, as if a user had looked for mistakes; everything else is
unknown. Prints the gain on left-out regions, and on the last slices, which are in no training. Needs numpy and Pillow.
"""
import argparse
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

DATA = Path(os.environ.get("RETINA_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
CORRECTED = {"brain_mito": range(0, 16, 5), "vnc": range(0, 12, 3)}  # slices
UNSEEN = {"brain_mito": range(16, 20), "vnc": range(12, 15)}
SIDE, UNKNOWN = 256, 255


def files_of(data):
    """Images and masks of a data set, by slice."""
    return sorted((DATA / data / "images").iterdir()), sorted((DATA / data / "masks_mitochondria").iterdir())


def squares(mask):
    """Corners y, x of the squares of a grid of half their side."""
    return [(y, x) for y in range(0, mask.shape[0] - SIDE + 1, SIDE // 2) for x in range(0, mask.shape[1] - SIDE + 1, SIDE // 2)]


def most_wrong(mask, predicted):
    """The corner of the square where a user would correct first."""
    wrong = (mask == 1) != (predicted == 1)
    return max(squares(mask), key=lambda c: int(wrong[c[0] : c[0] + SIDE, c[1] : c[1] + SIDE].sum()))


def predicted_mask(folder, image):
    return np.asarray(Image.open(folder / image.with_suffix(".png").name))


def write_corrected(folder, image, mask, corner):
    """The image file and its mask, of which one square is known, into folder/images and folder/masks."""
    y, x = corner
    known = np.full_like(mask, UNKNOWN)
    known[y : y + SIDE, x : x + SIDE] = mask[y : y + SIDE, x : x + SIDE]
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    shutil.copy(image, folder / "images")
    Image.fromarray(known).save(folder / "masks" / image.with_suffix(".png").name)


def write_unseen(folder, data):
    """The slices that no training sees, into folder/images and folder/masks."""
    for kind, files in zip(("images", "masks"), files_of(data)):
        (folder / kind).mkdir(parents=True)
        for i in UNSEEN[data]:
            shutil.copy(files[i], folder / kind)


def retina_json(retina, *arguments):
    """What a verb prints, its log left on stderr."""
    text = subprocess.run([retina.resolve(), *map(str, arguments), "--json"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(text.strip().splitlines()[-1])


def scores_of(retina, prediction, truth):
    """Dice, precision and recall of mitochondria."""
    scores = retina_json(retina, "evaluate", "--prediction", prediction, "--truth", truth)["classes"]
    return next({"dice": c["f"], "precision": c["precision"], "recall": c["recall"]} for c in scores if c["id"] == 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("retina", type=Path, help="the program")
    parser.add_argument("model", help="a model of mitochondria that has not seen the data set")
    parser.add_argument("work", type=Path, help="a new folder")
    parser.add_argument("--data", choices=sorted(UNSEEN), default="brain_mito", help="data set below RETINA_DATA")
    parser.add_argument("--threads", default="2")
    parser.add_argument("--seconds", default="300", help="of all trainings together")
    args = parser.parse_args()
    if args.work.exists():
        raise SystemExit(f"{args.work} exists: choose a new folder")

    def retina(*arguments):
        return retina_json(args.retina, *arguments, "--no-progress", "--threads", args.threads)

    def scores_on_unseen(model, name):
        retina("predict", "--model", model, args.work / "unseen/images", "-o", args.work / name)
        return scores_of(args.retina, args.work / name, args.work / "unseen/masks")

    images, masks = files_of(args.data)
    write_unseen(args.work / "unseen", args.data)
    retina("predict", "--model", args.model, DATA / args.data / "images", "-o", args.work / "predicted")
    for i in CORRECTED[args.data]:
        mask = np.asarray(Image.open(masks[i]))
        write_corrected(args.work / "corrected", images[i], mask, most_wrong(mask, predicted_mask(args.work / "predicted", images[i])))

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
