#!/usr/bin/env bash
# DuckDB's sum() of BIGINT is HUGEINT, exact to 38 digits, and COPY ... TO (FORMAT parquet) writes HUGEINT as DOUBLE,
# without a word: a sum of 2^53 + 1 comes back as 2^53, while CSV keeps every digit.
# What follows for us: what is summed and written to parquet is cast first (to BIGINT, or DECIMAL(38, 0)), and
# identity columns never pass through sum().
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys
import duckdb

folder, exact = sys.argv[1], 2**53 + 1
query = f"SELECT sum(cents) AS total FROM (VALUES ({exact}::BIGINT)) accounts(cents)"
read = {}
for form, name in (("csv", "total.csv"), ("parquet", "total.parquet")):
    duckdb.sql(f"COPY ({query}) TO '{folder}/{name}' (FORMAT {form})")
    read[form] = duckdb.sql(f"SELECT total, typeof(total) FROM '{folder}/{name}'").fetchall()[0]
duckdb.sql(f"COPY (SELECT total::BIGINT AS total FROM ({query})) TO '{folder}/cast.parquet' (FORMAT parquet)")
read["parquet, cast"] = duckdb.sql(f"SELECT total, typeof(total) FROM '{folder}/cast.parquet'").fetchall()[0]
print("DuckDB", duckdb.__version__, "sum() in the query:", duckdb.sql(query).fetchall()[0], duckdb.sql(query).types)
for form, value in read.items():
    print(f"through {form}: {value}")
kept = {form: int(value[0]) == exact for form, value in read.items()}
sys.exit(kept != {"csv": True, "parquet": False, "parquet, cast": True})
PYTHON
