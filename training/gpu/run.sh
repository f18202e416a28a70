#!/usr/bin/env bash
# All of a training run on a borrowed machine, from a checkout and one packed file:
#     bash training/gpu/run.sh PACK.zip OUT [options of training.restoration.train, e.g. --device cuda --minutes 8]
# Every minute OUT holds a checkpoint, the exported weights and the log; files over 15 MiB are split at the end.
set -euo pipefail
pack=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
shift 2
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
export PYTHONUNBUFFERED=1
"$python" -m training.gpu.unpack "$pack" "$work"
"$python" -m training.restoration.train "$work/items" "$out" "$@" 2>&1 | tee -a "$out/train.log"
find "$out" -maxdepth 1 -type f -size +15M | while read -r file; do
  split --bytes=15M --numeric-suffixes "$file" "$file.part" && rm "$file"
done
ls -l "$out"
