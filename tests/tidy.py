#!/usr/bin/env python3
"""clang-tidy over the product's sources.

    tests/tidy.py BUILD [FILE...]    FILEs, or all sources as they are compiled: in CMake's unity files, or one by one

BUILD is a configured build folder (its compile_commands.json). Prints what clang-tidy finds; exit code 1 if that is anything.
"""
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def all_units(commands):
    for entry in commands:
        path = Path(entry["file"])
        is_ours = "/src/retina/" in str(path) and "cmake_pch" not in path.name
        is_test = "_test.dir" in entry["command"] or path.stem.endswith("_test")
        if is_ours and not is_test:
            yield str(path)


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    build = Path(sys.argv[1])
    files = sys.argv[2:] or list(all_units(json.loads((build / "compile_commands.json").read_text())))

    def check(file):
        # unity files are made of includes of sources
        command = ["clang-tidy", "--quiet", "--checks=-bugprone-suspicious-include", "-p", str(build), file]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if done.stdout or done.returncode != 0:
            print(f"{file}\n{done.stdout}", flush=True)
        return done.returncode == 0 and not done.stdout

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        clean = list(pool.map(check, files))
    print(f"clang-tidy: {sum(clean)} of {len(clean)} units are clean", file=sys.stderr)
    sys.exit(0 if all(clean) else 1)


if __name__ == "__main__":
    main()
