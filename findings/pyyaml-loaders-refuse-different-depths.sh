#!/usr/bin/env bash
# PyYAML 6.0.4: the two safe loaders of one package refuse nested lists at different depths, in different ways.
#
# Seen with pyyaml 6.0.3 and 6.0.4 (wheels with libyaml, CPython 3.11, Linux x86-64):
#   6.0.3  500 levels: SafeLoader RecursionError, CSafeLoader reads   1001 levels: RecursionError, CSafeLoader reads
#   6.0.4  500 levels: SafeLoader RecursionError, CSafeLoader reads   1001 levels: RecursionError, CSafeLoader ScannerError
# RecursionError is no YAMLError, and ScannerError names a limit that only the second loader has. A program that
# takes the fast loader where it is there and the other one elsewhere accepts different files on different machines,
# and a patch release changed which. So unitsearch bounds the depth itself, before either loader can refuse.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"

cat >"$folder/depths.py" <<'PYTHON'
import yaml

assert yaml.__with_libyaml__, "this wheel has no libyaml"
for levels in (500, 1001):
    for loader in (yaml.SafeLoader, yaml.CSafeLoader):
        try:
            yaml.load("[" * levels + "]" * levels, loader)
            result = "reads"
        except (RecursionError, yaml.YAMLError) as error:
            result = type(error).__name__
        print(yaml.__version__, levels, loader.__name__, result)
PYTHON

for version in 6.0.3 6.0.4; do
  "$folder/venv/bin/pip" install -q "pyyaml==$version"
  "$folder/venv/bin/python" "$folder/depths.py"
done | tee "$folder/seen"

diff "$folder/seen" - <<'SEEN'
6.0.3 500 SafeLoader RecursionError
6.0.3 500 CSafeLoader reads
6.0.3 1001 SafeLoader RecursionError
6.0.3 1001 CSafeLoader reads
6.0.4 500 SafeLoader RecursionError
6.0.4 500 CSafeLoader reads
6.0.4 1001 SafeLoader RecursionError
6.0.4 1001 CSafeLoader ScannerError
SEEN
echo "as seen"
