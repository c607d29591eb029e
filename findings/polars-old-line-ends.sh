#!/usr/bin/env bash
# A CSV whose lines end with CR alone (what Excel for Mac still saves as "CSV (Macintosh)") is a table of no rows to polars, without an
# error: the whole file is its header. pandas and pyarrow read every row.
# What follows for us: CR ends a record too, and a reader that finds no rows is checked by a count of another one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check polars==2.1.0 pandas==3.1.1 pyarrow==25.0.1
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys
import pandas, polars, pyarrow, pyarrow.csv

file = f"{sys.argv[1]}/old.csv"
open(file, "wb").write(b"a,b\r1,2\r3,4\r")
rows = polars.read_csv(file).height, len(pandas.read_csv(file)), pyarrow.csv.read_csv(file).num_rows
print(f"two rows ended by CR: polars {polars.__version__} reads {rows[0]}, pandas {pandas.__version__} {rows[1]}, pyarrow {pyarrow.__version__} {rows[2]}")
sys.exit(rows != (0, 2, 2))
PYTHON
