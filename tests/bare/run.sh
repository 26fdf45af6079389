#!/usr/bin/env bash
# Builds without container formats, YAML and tests, from torch, CMake, a compiler and carried headers alone; then trains, predicts
# and evaluates on a pack that a full build made.
#   tests/bare/run.sh RETINA WORK [CMAKE OPTIONS...]      RETINA: the program of a full build; WORK: folder for everything made
# With RETINA_BARE_ROOT, building and running happen in that root folder (tests/bare/in_chroot), where all paths must be the same.
set -euo pipefail
full=${1:?usage: run.sh RETINA WORK [CMAKE OPTIONS...]}
work=${2:?usage: run.sh RETINA WORK [CMAKE OPTIONS...]}
shift 2
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
mkdir -p "$work"
work=$(cd "$work" && pwd)
inside() { ${RETINA_BARE_ROOT:+chroot "$RETINA_BARE_ROOT"} "$@"; }
rm -rf "$work"/{tissue.zarr,tissue.pack,slices,slices.pack,run,labels.pack,labels_of_slices.pack}
"$full" demo --phantom-only --shape 8,160,160 --seed 5 -o "$work/tissue.zarr" --quiet
"$full" pack --set dataset.images="$work/tissue.zarr" --set dataset.masks="$work/tissue.zarr/labels/semantic" \
  --set 'dataset.labels={"0": 0, "1": 1, "2": 0, "3": 0, "4": 0, "5": 0, "6": 0, "7": 0}' -o "$work/tissue.pack" --quiet
"$full" convert "$work/tissue.zarr" -o "$work/slices" --quiet
"$full" pack "$work/slices" -o "$work/slices.pack" --quiet

"$source_dir/benchmark/carry_headers" "$work/headers"
inside cmake -S "$source_dir" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DRETINA_WITH_IO=OFF -DRETINA_TESTS=OFF \
  -DRETINA_HEADERS="$work/headers" "$@" > "$work/configure.log"
inside cmake --build "$work/build" -j "$(nproc)" --target retina_program
cat > "$work/config.json" <<JSON
{"preset": "retina-tiny", "classes": ["mitochondria"], "data": {"path": "$work/tissue.pack"},
 "network": {"window": 128}, "batch": 2, "steps": 3, "threads": 2}
JSON
bare=$work/build/retina
inside "$bare" finetune -c "$work/config.json" -o "$work/run" --quiet
inside "$bare" predict --model "$work/run" "$work/tissue.pack" -o "$work/labels.pack" --axes-mode stack --quiet
inside "$bare" evaluate --prediction "$work/labels.pack" --truth "$work/tissue.pack:tissue/labels" --volume --classes mitochondria --quiet
inside "$bare" predict --model "$work/run" "$work/slices.pack" -o "$work/labels_of_slices" --quiet
inside "$bare" info "$work/labels_of_slices.pack" | grep "holds 8 datasets"
echo "the build without container formats trains, predicts and evaluates"
