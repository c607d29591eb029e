#!/usr/bin/env bash
# A parquet file in a folder `year=2024` that has a column `year` of its own (1999 here): who reads it decides what year it is.
# DuckDB, given the path of that one file and no option, takes the folder's name and drops the file's own values; pandas and
# pyarrow, given the same path, read the file's values; Polars reads the file's values of the file and the folder's of the folder;
# pyarrow, given the folder, refuses to merge the two. Nothing of this is told.
# What follows for us: files are always read with hive_partitioning = false, and columns of folders are put in by our own
# hand, where the source asks for them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0 pandas==3.1.1 pyarrow==26.0.1 polars==2.1.0
"$folder/venv/bin/python" - "$folder/sales" <<'PYTHON'
import sys
from pathlib import Path
import duckdb, pandas as pd, polars as pl, pyarrow as pa, pyarrow.parquet as pq

whole = Path(sys.argv[1])
one = whole / "year=2024" / "part.parquet"
one.parent.mkdir(parents=True)
pq.write_table(pa.table({"amount": [1], "year": [1999]}), one)
readers = {
    "pandas, file": lambda: int(pd.read_parquet(one)["year"][0]),
    "pyarrow, file": lambda: pq.read_table(one)["year"][0].as_py(),
    "Polars, file": lambda: pl.read_parquet(one)["year"][0],
    "Polars, folder": lambda: pl.read_parquet(whole)["year"][0],
    "DuckDB, file": lambda: duckdb.sql(f"SELECT year FROM read_parquet('{one}')").fetchall()[0][0],
    "DuckDB, told not to": lambda: duckdb.sql(f"SELECT year FROM read_parquet('{one}', hive_partitioning = false)").fetchall()[0][0],
    "pyarrow, folder": lambda: pq.read_table(whole)["year"][0].as_py(),
}
said = {}
for reader, read in readers.items():
    try:
        said[reader] = read()
    except pa.ArrowException as error:
        said[reader] = "refused"
        print("pyarrow, folder:", error)
print("DuckDB", duckdb.__version__, "pandas", pd.__version__, "pyarrow", pa.__version__, "Polars", pl.__version__)
print(said)
expected = {"pandas, file": 1999, "pyarrow, file": 1999, "Polars, file": 1999, "Polars, folder": 2024, "DuckDB, file": 2024,
            "DuckDB, told not to": 1999, "pyarrow, folder": "refused"}
sys.exit(said != expected)
PYTHON
