"""Parquet by five writers: of tables that packages ship, and of one column for each type."""

import math
import random
from decimal import Decimal

import duckdb
import fastparquet
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from shipped import AIRPORTS, COUNTRIES, PENGUINS, WEATHER, shipped


def arrow(package: str, path: str) -> pa.Table:
    return pa.csv.read_csv(
        shipped(package, path), convert_options=pa.csv.ConvertOptions(null_values=["NA", ""], strings_can_be_null=True)
    )


def parquet() -> dict:
    """Writers by the name of the file they write."""
    penguins, weather, countries, airports = (arrow(*of) for of in (PENGUINS, WEATHER, COUNTRIES, AIRPORTS))
    frame, weather_frame = penguins.to_pandas(), weather.to_pandas()
    types, instants, whole = every_type(), every_instant(), whole_numbers()
    polars_types = pl.from_arrow(types)

    def arrow_writes(table: pa.Table, **options):
        return lambda file: pq.write_table(table, file, **options)

    def duckdb_writes(sql: str, options: str = ""):
        return lambda file: copy(sql, file, options)

    def copy(sql: str, file: str, options: str) -> None:
        connection = duckdb.connect(config={"threads": 1})
        (
            connection.register("penguins", penguins),
            connection.register("types", types),
            connection.register("airports", airports),
        )
        connection.execute(f"SET TimeZone = 'UTC'; COPY ({sql}) TO '{file}' (FORMAT parquet{options})")

    return {
        "pyarrow-default": arrow_writes(penguins),
        "pyarrow-none": arrow_writes(weather, compression="none"),
        "pyarrow-gzip": arrow_writes(countries, compression="gzip"),
        "pyarrow-brotli": arrow_writes(airports, compression="brotli"),
        "pyarrow-zstd": arrow_writes(airports, compression="zstd", compression_level=19),
        "pyarrow-lz4": arrow_writes(penguins, compression="lz4"),
        "pyarrow-v1": arrow_writes(penguins, version="1.0", use_dictionary=False),
        "pyarrow-pages-v2": arrow_writes(weather, data_page_version="2.0", compression="zstd"),
        "pyarrow-small-row-groups": arrow_writes(countries, row_group_size=100),
        "pyarrow-small-pages": arrow_writes(
            airports,
            data_page_size=512,
            dictionary_pagesize_limit=1024,
            write_page_index=True,
            write_page_checksum=True,
        ),
        "pyarrow-delta": arrow_writes(
            whole_and_text(airports),
            use_dictionary=False,
            column_encoding={
                "n": "DELTA_BINARY_PACKED",
                "iata": "DELTA_BYTE_ARRAY",
                "name": "DELTA_LENGTH_BYTE_ARRAY",
                "latitude": "BYTE_STREAM_SPLIT",
            },
        ),
        "pyarrow-no-schema": arrow_writes(types, store_schema=False),
        "pyarrow-types": arrow_writes(types),
        "pyarrow-types-v2-split": arrow_writes(
            types.select(["float32", "float64", "int32", "int64"]),
            use_dictionary=False,
            use_byte_stream_split=True,
            data_page_version="2.0",
        ),
        "pyarrow-decimal-as-integer": arrow_writes(
            types.select(["decimal9", "decimal18", "decimal38"]), store_decimal_as_integer=True
        ),
        "pyarrow-instants": arrow_writes(instants),
        "pyarrow-instants-ms": arrow_writes(instants, coerce_timestamps="ms", allow_truncated_timestamps=True),
        "pyarrow-int96": arrow_writes(instants.select(["ns", "us", "ms", "utc"]), use_deprecated_int96_timestamps=True),
        "pyarrow-categories": arrow_writes(
            pa.table({"species": penguins["species"].dictionary_encode(), "year": penguins["year"]})
        ),
        "pyarrow-large-text": arrow_writes(
            pa.table(
                {
                    "species": penguins["species"].cast(pa.large_string()),
                    "view": penguins["island"].cast(pa.string_view()),
                }
            )
        ),
        "pyarrow-whole-numbers": arrow_writes(whole),
        "pyarrow-half-floats": arrow_writes(
            pa.table({"half": penguins["bill_length_mm"].cast(pa.float16(), safe=False), "year": penguins["year"]})
        ),
        "pyarrow-nan-and-null": arrow_writes(
            pa.table(
                {
                    "x": pa.array([1.5, None, math.nan, -0.0, 1e300], pa.float64()),
                    "y": pa.array([math.nan] * 5, pa.float32()),
                }
            )
        ),
        "pyarrow-all-null": arrow_writes(
            pa.table({"nothing": pa.nulls(9), "text": pa.nulls(9, pa.string()), "n": list(range(9))})
        ),
        "pyarrow-no-rows": arrow_writes(penguins.slice(0, 0)),
        "pyarrow-empty-row-group": empty_row_group(penguins),
        "pyarrow-required": arrow_writes(
            pa.table(
                [pa.array(range(50)), pa.array(map(str, range(50)))],
                pa.schema([pa.field("n", pa.int64(), nullable=False), pa.field("text", pa.string(), nullable=False)]),
            )
        ),
        "pyarrow-nested": arrow_writes(
            pa.table({"n": [1, 2, 3], "list": [[1, 2], [], None], "struct": [{"a": 1}, {"a": None}, None]})
        ),
        "pyarrow-names": arrow_writes(
            pa.table(
                {"a.b": [1, 2], 'quoted "name"': [3, 4], "A": [5, 6], "a": [7, 8], "": [9, 10], "line\nend": [11, 12]}
            )
        ),
        "pyarrow-sorted-statistics-off": arrow_writes(
            countries.sort_by("year"), write_statistics=False, sorting_columns=[pq.SortingColumn(2)]
        ),
        "pandas-default": lambda file: frame.to_parquet(file),
        "pandas-named-index": lambda file: frame.set_index("species").to_parquet(file),
        "pandas-nullable": lambda file: frame.convert_dtypes().to_parquet(file),
        "pandas-categories": lambda file: frame.astype(
            {"species": "category", "island": "category", "year": "category"}
        ).to_parquet(file),
        "pandas-nanoseconds": lambda file: weather_frame.assign(
            date=pd.to_datetime(weather_frame["date"]).astype("datetime64[ns]")
        ).to_parquet(file),
        "pandas-time-zone": lambda file: weather_frame.assign(
            date=pd.to_datetime(weather_frame["date"]).dt.tz_localize("Europe/Berlin")
        ).to_parquet(file, compression="gzip"),
        "fastparquet-default": lambda file: fastparquet.write(file, plain(frame)),
        "fastparquet-gzip-row-groups": lambda file: fastparquet.write(
            file, plain(frame), compression="GZIP", row_group_offsets=50
        ),
        "fastparquet-zstd-no-statistics": lambda file: fastparquet.write(
            file, plain(frame), compression="ZSTD", stats=False
        ),
        "fastparquet-int96": lambda file: fastparquet.write(
            file, plain(weather_frame.assign(date=pd.to_datetime(weather_frame["date"]))), times="int96"
        ),
        "fastparquet-int64": lambda file: fastparquet.write(
            file, plain(weather_frame.assign(date=pd.to_datetime(weather_frame["date"]))), times="int64"
        ),
        "fastparquet-categories": lambda file: fastparquet.write(file, plain(frame).astype({"species": "category"})),
        "polars-default": lambda file: pl.from_arrow(penguins).write_parquet(file),
        "polars-lz4-row-groups": lambda file: pl.from_arrow(countries).write_parquet(
            file, compression="lz4", row_group_size=128
        ),
        "polars-uncompressed-small-pages": lambda file: pl.from_arrow(airports).write_parquet(
            file, compression="uncompressed", data_page_size=1024
        ),
        "polars-types": lambda file: polars_types.write_parquet(file),
        "polars-categories": lambda file: (
            pl.from_arrow(penguins)
            .with_columns(
                pl.col("species").cast(pl.Categorical), pl.col("island").cast(pl.Enum(["Torgersen", "Biscoe", "Dream"]))
            )
            .write_parquet(file)
        ),
        "polars-instants": lambda file: pl.from_arrow(instants).write_parquet(file),
        "duckdb-default": duckdb_writes("SELECT * FROM penguins"),
        "duckdb-v2": duckdb_writes("SELECT * FROM airports", ", PARQUET_VERSION V2, COMPRESSION zstd"),
        "duckdb-brotli-row-groups": duckdb_writes(
            "SELECT * FROM airports", ", COMPRESSION brotli, ROW_GROUP_SIZE 2048"
        ),
        "duckdb-lz4": duckdb_writes("SELECT * FROM penguins", ", COMPRESSION lz4_raw"),
        "duckdb-types": duckdb_writes("SELECT * FROM types"),
        "duckdb-own-types": duckdb_writes(
            "SELECT i::UTINYINT AS tiny, i::HUGEINT AS huge, i::UBIGINT AS big, (i / 4)::DECIMAL(30, 6) AS money, uuid_of AS uuid, TIMESTAMP_NS '2024-02-29 12:00:00.123456789' AS ns, TIMESTAMPTZ '2024-02-29 12:00:00+00' AS tz, i % 2 = 0 AS even FROM (SELECT i, ('00000000-0000-0000-0000-' || lpad(i::VARCHAR, 12, '0'))::UUID AS uuid_of FROM range(100) r(i))"
        ),
    }


def every_type() -> pa.Table:
    """A column of each type that a table of features may come with, a null in every seventh row."""
    random.seed(7)
    numbers = [None if row % 7 == 6 else row for row in range(210)]

    def column(value, kind):
        return pa.array([None if n is None else value(n) for n in numbers], kind)

    return pa.table(
        {
            "bool": column(lambda n: n % 3 == 0, pa.bool_()),
            **{
                f"{kind}": column(lambda n: n % 100 - (50 if kind[0] == "i" else 0), getattr(pa, kind)())
                for kind in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
            },
            "float32": column(lambda n: n / 7, pa.float32()),
            "float64": column(lambda n: random.gauss(0, 1e6), pa.float64()),
            "decimal9": column(lambda n: Decimal(n * 7919) / 100, pa.decimal128(9, 2)),
            "decimal18": column(lambda n: Decimal(n * 10**13 + 1) / 10000, pa.decimal128(18, 4)),
            "decimal38": column(lambda n: Decimal(n) * 10**20 + Decimal("0.000000001"), pa.decimal128(38, 9)),
            "text": column(lambda n: f"row {n} ü" if n % 5 else "", pa.string()),
            "binary": column(lambda n: bytes([n % 256]), pa.binary()),
            "fixed": column(lambda n: bytes([n % 256] * 4), pa.binary(4)),
            "date32": column(lambda n: n * 100 - 5000, pa.date32()),
            "date64": column(lambda n: (n * 100 - 5000) * 86_400_000, pa.date64()),
            "time64": column(lambda n: n * 1_000_000, pa.time64("us")),
            "timestamp": column(lambda n: n * 10**15 - 10**16, pa.timestamp("us")),
        }
    )


def every_instant() -> pa.Table:
    seconds = [0, -1, 951_782_400, 1_709_164_800, None, 4_102_444_800, -2_208_988_800]
    units = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
    columns = {
        unit: pa.array([None if s is None else s * by + by // 4 for s in seconds], pa.timestamp(unit))
        for unit, by in units.items()
    }
    zones = {"utc": "UTC", "berlin": "Europe/Berlin"}
    return pa.table(
        {
            **columns,
            **{
                name: columns["us"].cast(pa.timestamp("us")).cast(pa.int64()).cast(pa.timestamp("us", zone))
                for name, zone in zones.items()
            },
        }
    )


def whole_numbers() -> pa.Table:
    edges = [0, 1, -1, 2**31, -(2**31), 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63), None]
    return pa.table(
        {
            "int64": pa.array(edges, pa.int64()),
            "uint64": pa.array([None if n is None else n % 2**64 for n in edges], pa.uint64()),
        }
    )


def whole_and_text(airports: pa.Table) -> pa.Table:
    return airports.append_column("n", pa.array(range(airports.num_rows), pa.int64())).select(
        ["n", "iata", "name", "latitude"]
    )


def empty_row_group(table: pa.Table):
    def write(file: str) -> None:
        with pq.ParquetWriter(file, table.schema) as writer:
            for part in (table.slice(0, 100), table.slice(0, 0), table.slice(100)):
                writer.write_table(part)

    return write


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """fastparquet wants columns of objects for text."""
    text_columns = [
        name
        for name in frame
        if not pd.api.types.is_numeric_dtype(frame[name]) and not pd.api.types.is_datetime64_any_dtype(frame[name])
    ]
    return frame.astype({name: object for name in text_columns})
