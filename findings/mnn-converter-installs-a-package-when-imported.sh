#!/usr/bin/env bash
# MNN 3.6.1: importing the module behind its command mnnconvert runs "pip install -U" of a package that reports usage.
#
# Seen with mnn 3.6.1 (wheel, CPython 3.11, Linux x86-64):
#   try 'pip install -U aliyun-log-python-sdk'     (printed, and done: twice for one import)
# It is not among the requirements of the wheel, takes whatever version is newest, and the pip that is run is the first
# on the PATH, which need not be that of the environment; an import without network waits for it. With the package at
# hand, each conversion sends facts about the model and the machine. The converter itself needs none of this:
# _tools.mnnconvert(["mnnconvert", "-f", "ONNX", ...]) does the same without the module. unitsearch calls that.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q mnn==3.6.1 numpy==2.3.5

# a pip that only writes down what it is asked for
mkdir "$folder/first"
printf '#!/bin/sh\necho "pip $*" >>"%s/asked"\n' "$folder" >"$folder/first/pip"
chmod +x "$folder/first/pip"
touch "$folder/asked"

PATH="$folder/first:$PATH" "$folder/venv/bin/python" -c "import MNN; import _tools; print(callable(_tools.mnnconvert))"
test ! -s "$folder/asked" # neither MNN itself nor the converter asks for anything
PATH="$folder/first:$PATH" "$folder/venv/bin/python" -c "import MNN.tools.mnnconvert" |
  grep -v "device supports" | tee "$folder/seen"
cat "$folder/asked" | tee -a "$folder/seen"

diff "$folder/seen" - <<'SEEN'
try 'pip install -U aliyun-log-python-sdk'
try 'pip install -U aliyun-log-python-sdk'
pip install -U aliyun-log-python-sdk
pip install -U aliyun-log-python-sdk
SEEN
echo "as seen"
