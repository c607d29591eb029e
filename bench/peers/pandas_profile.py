"""Profiles a parquet file as people do with pandas: describe, missing, distinct and the counts of values. Prints the median time, s."""

import json
import statistics
import sys
import time

import pandas as pd


def once(path: str) -> float:
    start = time.perf_counter()
    table = pd.read_parquet(path)
    table.describe()
    table.isna().sum()
    table.nunique()
    for column in table:
        table[column].value_counts()
    return time.perf_counter() - start


once(sys.argv[1])
print(json.dumps({"seconds": statistics.median(once(sys.argv[1]) for _ in range(5))}))
