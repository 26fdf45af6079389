#!/usr/bin/env python3
"""Fails on an #include that the module table of docs/architecture.md does not allow.

The table's rows are `| module | holds | may include | torch |`; `may include` lists modules separated by commas. Test files,
and headers that include gtest, may also include `testing` and what their CMake target links; they are checked for torch only.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', re.M)
TORCH = re.compile(r"^(torch|ATen|c10|caffe2)/")


def read_table(text):
    """module -> (modules it may include, whether it may include torch)"""
    table = {}
    for line in text.splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if len(cells) == 4 and re.fullmatch(r"`\w+`", cells[0]):
            allowed = set(re.findall(r"\w+", cells[2])) | {cells[0].strip("`")}
            table[cells[0].strip("`")] = (allowed, cells[3] == "yes")
    return table


def problems_of(path, module, table):
    allowed, torch = table[module]
    includes = INCLUDE.findall(path.read_text())
    is_test = path.stem.endswith("_test") or "_test_" in path.stem or "gtest/gtest.h" in includes
    for name in includes:
        if TORCH.match(name) and not torch and not is_test:
            yield f"{path.relative_to(ROOT)}: includes {name}, but module `{module}` builds without torch"
        used = re.match(r"retina/(\w+)/", name)
        if used and used[1] not in allowed and not is_test:
            yield f"{path.relative_to(ROOT)}: includes {name}, but module `{module}` may include only {', '.join(sorted(allowed))}"


def main():
    table = read_table((ROOT / "docs/architecture.md").read_text())
    if len(table) < 10:
        sys.exit("docs/architecture.md: the module table was not found")
    problems = []
    for path in sorted((ROOT / "src/retina").glob("*/**/*.*")):
        if path.suffix in {".h", ".cc", ".cu"}:
            module = path.relative_to(ROOT / "src/retina").parts[0]
            problems += problems_of(path, module, table) if module in table else [f"{path}: module `{module}` is not in the table"]
    print("\n".join(problems) or f"layers: {len(table)} modules, no forbidden include")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
