"""What four readers make of a parquet file: pyarrow's answer, and who differs."""

import decimal
import math
from pathlib import Path

import duckdb
import fastparquet
import pandas
import polars
import pyarrow.parquet as pq


def opinions(file: Path) -> dict:
    ours = by_pyarrow(file)
    return {**ours, "differs": {name: why for name, read in OTHERS.items() if (why := difference(ours, read, file))}}


def by_pyarrow(file: Path) -> dict:
    table = pq.ParquetFile(file).read()
    return answer(table.column_names, table.num_rows, [column.to_pylist() for column in table.columns])


def by_fastparquet(file: Path) -> dict:
    frame = fastparquet.ParquetFile(str(file)).to_pandas(index=False)
    return answer(
        list(frame.columns),
        len(frame),
        [[None if is_missing(v) else v for v in frame[c].tolist()] for c in frame.columns],
    )


def by_polars(file: Path) -> dict:
    frame = polars.read_parquet(file)
    return answer(frame.columns, frame.height, [frame[c].to_list() for c in frame.columns])


def by_duckdb(file: Path) -> dict:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    table = connection.sql("SELECT * FROM read_parquet(?)", params=[str(file)]).to_arrow_table()
    return answer(table.column_names, table.num_rows, [column.to_pylist() for column in table.columns])


OTHERS = {"fastparquet": by_fastparquet, "polars": by_polars, "DuckDB": by_duckdb}


def answer(names: list[str], rows: int, columns: list[list]) -> dict:
    there = [[value for value in column if not is_missing(value)] for column in columns]
    return {"columns": names, "rows": rows, "nonEmpty": [len(v) for v in there], "sums": [sum_of(v) for v in there]}


def is_missing(value) -> bool:
    return value is None or value is pandas.NA or value is pandas.NaT or isinstance(value, float) and math.isnan(value)


def sum_of(values: list) -> float | None:
    numbers = values and all(isinstance(v, (int, float, decimal.Decimal)) and not isinstance(v, bool) for v in values)
    return math.fsum(map(float, values)) if numbers and all(math.isfinite(v) for v in values) else None


def difference(ours: dict, read, file: Path) -> str | None:
    try:
        theirs = read(file)
    except Exception as error:  # whatever a reader throws is its refusal
        return f"refused: {(str(error).strip() or type(error).__name__).splitlines()[0][:160]}"
    for key in ("columns", "rows"):
        if ours[key] != theirs[key]:
            return f"{key}: {ours[key]} against {theirs[key]}"[:200]
    for key in ("nonEmpty", "sums"):
        for name, mine, other in zip(ours["columns"], ours[key], theirs[key]):
            if mine != other:
                return f"{key} of {name!r}: {mine} against {other}"
    return None
