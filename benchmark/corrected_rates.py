#!/usr/bin/env python3
"""Which learning rate a fine-tuned model goes on with, given four corrected regions of another tissue.

    benchmark/corrected_rates.py RETINA MODEL DATA WORK [--rates ...] [--seeds ...] [--steps ...] [--squares wrong any] [--jobs 2]

As corrected_regions.py, but each seed corrects other slices (seed, seed + 4, ... of 16), trains in another order, and once on the squares in
which the model is wrong most often, once on any that hold a mitochondrion. Every training sees all four regions; Dice is of the last
slices, whole, which are in no training. What WORK/results.jsonl holds is not trained again. Needs numpy and Pillow.
"""
import argparse
import json
import random
import shutil
import statistics
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

from corrected_regions import (
    DATA, SIDE, UNKNOWN, UNSEEN, files_of, most_wrong, predicted_mask, retina_json, scores_of, squares, write_corrected, write_unseen,
)  # fmt: skip


def correct(folder, data, seed, choice, predicted):
    """Four slices with one known square each."""
    images, masks = files_of(data)
    draw = random.Random(seed)
    apart = UNSEEN[data].start // 4
    for i in range(seed % apart, UNSEEN[data].start, apart):
        mask = np.asarray(Image.open(masks[i]))
        if choice == "wrong":
            corner = most_wrong(mask, predicted_mask(predicted, images[i]))
        else:
            corner = draw.choice([(y, x) for y, x in squares(mask) if (mask[y : y + SIDE, x : x + SIDE] == 1).any()])
        write_corrected(folder, images[i], mask, corner)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("retina", type=Path, help="the program")
    parser.add_argument("model", help="a model of mitochondria that has not seen the data set")
    parser.add_argument("data", choices=sorted(UNSEEN), help="data set below RETINA_DATA")
    parser.add_argument("work", type=Path, help="a folder, new or of an earlier call with this model and data set")
    parser.add_argument("--rates", type=float, nargs="+", default=[0.002, 0.0005, 0.0002, 0.0001])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--squares", choices=["wrong", "any"], nargs="+", default=["wrong", "any"])
    parser.add_argument("--steps", type=int, nargs="+", default=[60])
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time, of one thread each")
    args = parser.parse_args()
    unseen, predicted, before = (args.work / name for name in ("unseen", "predicted", "before"))

    def retina(*arguments):
        return retina_json(args.retina, *arguments, "--no-progress", "--threads", "1")

    def scores(prediction):
        return scores_of(args.retina, prediction, unseen / "masks")

    subject, marker = {"model": args.model, "data": args.data}, args.work / "subject.json"
    if not marker.exists():
        for folder in (unseen, predicted, before):
            shutil.rmtree(folder, ignore_errors=True)
        write_unseen(unseen, args.data)
        retina("predict", "--model", args.model, DATA / args.data / "images", "-o", predicted)
        retina("predict", "--model", args.model, unseen / "images", "-o", before)
        marker.write_text(json.dumps(subject))
    elif json.loads(marker.read_text()) != subject:
        raise SystemExit(f"{args.work} is of {marker.read_text()}: choose another folder")
    results = args.work / "results.jsonl"
    done = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []

    def train(cell):
        seed, choice, steps, rate = cell
        name = f"{choice}_{seed}_{steps}_{rate:g}".replace(".", "_")  # no dot: it would be a file
        corrected, run, after = (args.work / kind / name for kind in ("corrected", "runs", "after"))
        for folder in (corrected, run, after):
            shutil.rmtree(folder, ignore_errors=True)
        correct(corrected, args.data, seed, choice, predicted)
        retina(
            "finetune", "--init", args.model, "--classes", "mitochondria", "--images", corrected / "images", "--masks", corrected / "masks",
            "--set", f"data.ignore_value={UNKNOWN}", "--set", f"optimizer.learning_rate={rate}", "--set", f"seed={seed}",
            "--steps", steps, "--max-seconds", "0", "-o", run,
        )  # fmt: skip
        retina("predict", "--model", run, unseen / "images", "-o", after)
        result = {"squares": choice, "seed": seed, "steps": steps, "rate": rate, **scores(after)}
        with results.open("a") as file:
            file.write(json.dumps(result) + "\n")
        print(json.dumps(result), flush=True)
        return result

    def key(result):
        return result["seed"], result["squares"], result["steps"], result["rate"]

    cells = dict.fromkeys(product(args.seeds, args.squares, args.steps, args.rates))
    with ThreadPoolExecutor(args.jobs) as pool:
        done += pool.map(train, [cell for cell in cells if cell not in {key(r) for r in done}])
    print("before", json.dumps(scores(before)))
    for choice, steps, rate in dict.fromkeys(cell[1:] for cell in cells):
        dice = [r["dice"] for r in done if key(r)[1:] == (choice, steps, rate) and r["seed"] in args.seeds]
        print(f"{choice} {steps} steps, {rate:g}: {statistics.mean(dice):.3f} ({min(dice):.3f} to {max(dice):.3f})")


if __name__ == "__main__":
    main()
