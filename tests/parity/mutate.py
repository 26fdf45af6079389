#!/usr/bin/env python3
"""Shows that the parity tests read every expected value: changes one number of a fixture set at a time and runs its tests.

    tests/parity/mutate.py build/release [--fixtures ../shared/parity] [--only losses] [--sample 5 | --all]

Prints the changes that no test noticed and fails if there is one that UNREAD does not explain. --sample takes that many numbers of
each file, always the same ones. Needs only Python's standard library.
"""
import argparse
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

# fixture -> (module, tests) that read it
TESTS = {
    "losses": [("loss", "*Parity*")],
    "metrics": [("metric", "*Parity*"), ("trainer", "MetersParity*")],
    "schedule.json": [("trainer", "ScheduleParity*")],
    "augment": [("augment", "*Parity*")],
    "transunet_finetune_small": [("net", "*Small*Parity*finetune_small"), ("model", "*Parity*finetune_small*")],
    "transunet_pretrain_small": [("net", "*Small*Parity*pretrain_small")],
    "inference2d": [("pipeline", "InferenceScoresParity*2d"), ("engine", "*Parity*2d*"), ("model", "*Parity*2d*")],
    "inference3d": [("pipeline", "InferenceScoresParity*3d"), ("engine", "*Parity*3d*")],
    "transunet_full": [("net", "FullTransUNetParity*"), ("model", "*Parity*transunet_full*")],
}
QUICK = ["losses", "metrics", "schedule.json", "augment", "transunet_finetune_small", "transunet_pretrain_small"]

# What is no result, or no test can notice, and why.
UNREAD = [
    (r"\.(logits|label|output|target|pred|truth|test_class|truth_class|noise)$|:(image|mask)(_|$)|:volume$", "an input"),
    (r"class_weights|/norms/|steps_per_epoch", "an input"),
    (r"/versions/|/seed$|/rule$|/loss$", "says how the set was made"),
    (r"restated_blending|truncation_flips", "rounding of the reference's own runs, whose results are not stored"),
    (r"opencv5_differences", "another library's differences to the stored images"),
    (r"draw_statistics", "compared at five standard errors: larger than the change made here"),
    (r"dropout_rate|upsample_align_corners|lr_change|/eps/std_conv|/gn_proj_groups", "describes what the outputs show"),
]


NUMBER_IN_TEXT = re.compile(r"\d+\.\d+(?=\D*$)")  # the last one, such as that of "Mean IoU: 0.25"


def numbers_of_json(value, path=""):
    """(path, container, key) of every number, alone or in a text."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in items:
        if isinstance(child, (dict, list)):
            yield from numbers_of_json(child, f"{path}/{key}")
        elif isinstance(child, str) and NUMBER_IN_TEXT.search(child):
            yield f"{path}/{key}", value, key
        elif isinstance(child, (int, float)) and not isinstance(child, bool):
            yield f"{path}/{key}", value, key


def changes_of_json(file):
    for path, _, _ in numbers_of_json(json.loads(file.read_text())):
        yield path


def changed_json(file, path, out):
    value = json.loads(file.read_text())
    for found, container, key in numbers_of_json(value):
        if found == path:
            old = container[key]
            if isinstance(old, str):
                container[key] = NUMBER_IN_TEXT.sub(lambda number: str(float(number[0]) * 1.02 + 1e-3), old)
            else:
                container[key] = old + 1 if isinstance(old, int) else old * 1.02 + 1e-3
    out.write_text(json.dumps(value))


def read_header(data):
    size = struct.unpack_from("<Q", data)[0]
    return json.loads(data[8 : 8 + size]), 8 + size


def changes_of_safetensors(file):
    header, _ = read_header(file.read_bytes())
    yield from (name for name in header if name != "__metadata__")


def changed_safetensors(file, name, out):
    """One element: labels to another class, grey levels by 8, other numbers by 2 percent and a bit."""
    data = bytearray(file.read_bytes())
    header, start = read_header(data)
    entry = header[name]
    begin, end = (start + offset for offset in entry["data_offsets"])
    form = {"F32": "<f", "F64": "<d", "I64": "<q", "U8": "<B"}[entry["dtype"]]
    step = struct.calcsize(form)
    at = begin + random.Random(name).randrange((end - begin) // step) * step
    old = struct.unpack_from(form, data, at)[0]
    if entry["dtype"] == "U8":
        new = old ^ 1 if max(data[begin:end]) < 10 else (old + 8) % 256
    else:
        new = old + 1 if entry["dtype"] == "I64" else old + 0.02 * abs(old) + 1e-2
    struct.pack_into(form, data, at, new)
    out.write_bytes(data)


KINDS = {".json": (changes_of_json, changed_json), ".safetensors": (changes_of_safetensors, changed_safetensors)}


def link_all(source, target):
    target.mkdir()
    for child in source.iterdir():
        (target / child.name).symlink_to(child)


def set_with(root, file, change, folder):
    """A copy of the set, of links but for the one file that differs."""
    own = Path(folder) / "retina"
    link_all(root, own)
    inside = file.relative_to(root)
    if len(inside.parts) == 2:
        (own / inside.parts[0]).unlink()
        link_all(root / inside.parts[0], own / inside.parts[0])
    (own / inside).unlink()
    KINDS[file.suffix][1](file, change, own / inside)


def passes(build, fixture, parity):
    env = os.environ | {"RETINA_PARITY": str(parity), "OMP_NUM_THREADS": "1"}
    for module, tests in TESTS[fixture]:
        program = build / f"src/retina/{module}/retina_{module}_test"
        done = subprocess.run([program, "--gtest_brief=1", f"--gtest_filter={tests}"], env=env, capture_output=True)
        if done.returncode != 0:
            return False
    return True


def chosen(file, arguments):
    changes = [change for change in KINDS[file.suffix][0](file) if not why_unread(f"{file}:{change}")]
    if arguments.all or len(changes) <= arguments.sample:
        return changes
    return random.Random(file.name).sample(changes, arguments.sample)


def why_unread(name):
    return next((why for pattern, why in UNREAD if re.search(pattern, name)), None)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    default = os.environ.get("RETINA_PARITY") or Path(__file__).resolve().parents[3] / "shared/parity"
    parser.add_argument("--fixtures", type=Path, default=default)
    parser.add_argument("--only", action="append", choices=list(TESTS))
    parser.add_argument("--sample", type=int, default=2)
    parser.add_argument("--all", action="store_true")
    arguments = parser.parse_args()
    root = (Path(arguments.fixtures) / "retina").resolve()
    fixtures = [name for name in arguments.only or QUICK if (root / name).exists()]
    if not fixtures:
        print(f"skipped: no fixtures in {root}")
        sys.exit(77)
    tried, unnoticed = 0, 0
    for fixture in fixtures:
        if not passes(arguments.build, fixture, root.parent):
            sys.exit(f"{fixture}: its tests fail already, or are not built")
        place = root / fixture
        for file in sorted(place.iterdir()) if place.is_dir() else [place]:
            for change in chosen(file, arguments) if is_expected(file) else []:
                with tempfile.TemporaryDirectory() as folder:
                    set_with(root, file, change, folder)
                    tried += 1
                    if passes(arguments.build, fixture, folder):
                        unnoticed += 1
                        print(f"unnoticed: {file.relative_to(root)}: {change}", flush=True)
    print(f"{tried} numbers changed one at a time, {unnoticed} unnoticed")
    sys.exit(1 if unnoticed else 0)


def is_expected(file):
    """Weights and inputs are no results; a test that reads a changed one may well be right to pass."""
    return file.suffix in KINDS and "weights" not in file.name and "input" not in file.name


if __name__ == "__main__":
    main()
