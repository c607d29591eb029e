"""Rows as Python has them, as the JSON that a gateway reads."""

import datetime
import json
import math
from typing import Any, Iterable, List, Mapping

from .errors import RequestInvalid

#: Past this, whole numbers lose digits where JSON is read as doubles.
_widest = 2**53 - 1


def body_of(value: object) -> bytes:
    """JSON without NaN: missing values are null."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()


def records_of(rows: Any) -> List[Mapping[str, Any]]:
    """Dicts of JSON values from dicts, one dict, or a pandas (or polars) frame.

    :raises RequestInvalid: for a value that JSON has no form for
    """
    if isinstance(rows, Mapping):
        rows = [rows]
    elif hasattr(rows, "to_dicts"):
        rows = rows.to_dicts()
    elif hasattr(rows, "to_dict") and hasattr(rows, "columns"):
        rows = rows.to_dict("records")
    return [_record(row, i) for i, row in enumerate(_iterable(rows))]


def _iterable(rows: Any) -> Iterable[Any]:
    if isinstance(rows, (str, bytes)) or not hasattr(rows, "__iter__"):
        raise RequestInvalid("REQUEST_INVALID", f"rows are {type(rows).__name__}: give dicts, or a frame")
    return rows  # type: ignore[no-any-return]


def _record(row: Any, i: int) -> Mapping[str, Any]:
    if not isinstance(row, Mapping):
        raise RequestInvalid("REQUEST_INVALID", f"rows[{i}] is {type(row).__name__}, not a dict")
    return {str(name): json_value(value, f"rows[{i}].{name}") for name, value in row.items()}


def json_value(value: Any, where: str) -> Any:
    """A value as JSON has it: times in ISO 8601 (UTC without a zone), NaN, NaT and pandas' NA as null."""
    if value is None or isinstance(value, (bool, str)):
        return value
    # NaT is a datetime, and a number without value is a float: neither is equal to itself.
    if isinstance(value, (float, datetime.date)) and value != value:
        return None
    if isinstance(value, datetime.datetime):
        return value.isoformat() + ("Z" if value.tzinfo is None else "")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, int):
        # z.int64() columns take their digits as text.
        return int(value) if abs(value) <= _widest else str(int(value))
    if isinstance(value, float):
        if math.isinf(value):
            raise RequestInvalid("REQUEST_INVALID", f"{where} is {value}, which JSON cannot say")
        return float(value)
    if type(value).__name__ == "NAType":
        return None
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        return json_value(_plain(value), where)
    if type(value).__name__ == "Decimal":
        return json_value(float(value), where)
    raise RequestInvalid("REQUEST_INVALID", f"{where} is {type(value).__name__}, which JSON cannot say")


def _plain(scalar: Any) -> Any:
    """A numpy scalar as Python has it: times as times whatever their unit."""
    if type(scalar).__name__ == "datetime64":
        return scalar.astype("datetime64[us]").item()
    return scalar.item()
