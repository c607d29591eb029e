#!/usr/bin/env bash
# fastparquet 2026.9.0 reads most of a text column as missing, without a word, when pyarrow wrote it with its defaults and
# its values do not all fit into one dictionary (1 MiB): of 200,000 ids that pandas' own `to_parquet` wrote, it finds 70,240.
# Row counts agree, numbers agree, and pyarrow, Polars and DuckDB read every id. The ids that it loses stand in the
# pages after the writer gave up its dictionary and went on with plain ones.
# What follows for us: a count of rows is no proof that a column was read; snapshots show the missing values of every
# column, and a contract that forbids them fails such a run. Nothing here reads through fastparquet.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pandas==3.1.1 pyarrow==26.0.1 fastparquet==2026.9.0
"$folder/venv/bin/python" -W ignore - "$folder/ids.parquet" <<'PYTHON'
import sys
import fastparquet, pandas as pd, pyarrow as pa, pyarrow.parquet as pq

file, rows = sys.argv[1], 200_000
pd.DataFrame({"id": [f"user-{n:06d}" for n in range(rows)], "n": range(rows)}).to_parquet(file)
print("fastparquet", fastparquet.__version__, "pyarrow", pa.__version__, "pandas", pd.__version__)
print("encodings of id:", pq.ParquetFile(file).metadata.row_group(0).column(0).encodings)
found = {}
for engine in ("pyarrow", "fastparquet"):
    frame = pd.read_parquet(file, engine=engine)
    found[engine] = int(frame["id"].notna().sum())
    print(f"{engine:12} rows {len(frame)}, ids there {found[engine]}, sum of n {frame['n'].sum()}")
sys.exit(found != {"pyarrow": 200_000, "fastparquet": 70_240})
PYTHON
