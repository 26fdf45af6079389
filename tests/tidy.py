#!/usr/bin/env python3
"""clang-tidy over the product's sources.

    tests/tidy.py BUILD [FILE...]    FILEs, or all sources in units of ten: most of the time goes into headers, which a unit reads once

BUILD is a configured build folder (its compile_commands.json). Prints what clang-tidy finds; exit code 1 if that is anything.
"""
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

UNIT = 10


def units_of_all(commands, folder):
    """Entries of compile_commands.json: CMake's own unity files, and units made here of sources that are compiled one by one."""
    units, alone = [], defaultdict(list)
    for entry in commands:
        path = Path(entry["file"])
        if "_test.dir" in entry["command"] or "retina_e2e_test" in entry["command"] or "cmake_pch" in path.name or "/src/retina/" not in str(path):
            continue
        if "Unity" in path.parts:
            units.append(entry)
        elif path.suffix == ".cc" and not path.stem.endswith("_test"):
            module = path.as_posix().split("/src/retina/")[1].split("/")[0]
            flags = entry["command"].split(" -o ")[0]  # sources of other headers or definitions lie apart
            alone[(module, flags)].append(entry)
    for number, ((module, _), entries) in enumerate(alone.items()):
        for start in range(0, len(entries), UNIT):
            part = entries[start:start + UNIT]
            unit = folder / f"{module}_{number}_{start // UNIT}.cc"
            unit.write_text("".join(f'#include "{e["file"]}"\n' for e in part))
            units.append({**part[0], "file": str(unit), "command": part[0]["command"].replace(part[0]["file"], str(unit))})
    return units


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    build = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch:
        folder, options, files = Path(scratch), [], sys.argv[2:]
        if not files:
            units = units_of_all(json.loads((build / "compile_commands.json").read_text()), folder)
            (folder / "compile_commands.json").write_text(json.dumps(units))
            # the units made here lie outside of the project's folder, and are made of includes
            options = [f"--config-file={Path(__file__).parents[1] / '.clang-tidy'}", "--checks=-bugprone-suspicious-include"]
            build, files = folder, [u["file"] for u in units]

        def check(file):
            done = subprocess.run(["clang-tidy", "--quiet", "-p", str(build), *options, file], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            if done.stdout or done.returncode != 0:
                print(f"{file}\n{done.stdout}", flush=True)
            return done.returncode == 0 and not done.stdout

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            clean = list(pool.map(check, files))
    print(f"clang-tidy: {sum(clean)} of {len(clean)} units are clean", file=sys.stderr)
    sys.exit(0 if all(clean) else 1)


if __name__ == "__main__":
    main()
