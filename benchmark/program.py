"""What the benchmarks share: the program that they run, and the machine."""
import os
import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def retina():
    """The program that RETINA_BINARY names, else that of the release build: `./dev build` prints its path last."""
    if "RETINA_BINARY" in os.environ:
        return os.environ["RETINA_BINARY"]
    return subprocess.run([ROOT / "dev", "build"], check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1]


def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()
