#!/usr/bin/env python3
"""Ten tables that public packages ship, as numbers: tuning_tables.py FOLDER

Of each at most MOST rows, drawn with a fixed seed; texts as codes in the order of their names. Written are
<name>.columns.f32 (column after column) and <name>.labels.f64; tables.json says the task and the rows of each.
"""

import json
import sys
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pandas as pd

MOST = 15_000  # rows
folder = Path(sys.argv[1])


def read(package: str, path: str, **options) -> pd.DataFrame:
    return pd.read_csv(distribution(package).locate_file(path), **options)


def cancer():
    """The first line counts rows and columns, the rows end with the class."""
    table = read("scikit-learn", "sklearn/datasets/data/breast_cancer.csv", skiprows=1, header=None)
    return table.iloc[:, :-1], table.iloc[:, -1]


def diabetes():
    columns = read("scikit-learn", "sklearn/datasets/data/diabetes_data_raw.csv.gz", sep=" ", header=None)
    labels = read("scikit-learn", "sklearn/datasets/data/diabetes_target.csv.gz", sep=" ", header=None)
    return columns, labels[0]


def digits():
    """Whether a drawn digit is odd."""
    table = read("scikit-learn", "sklearn/datasets/data/digits.csv.gz", header=None)
    return table.iloc[:, :-1], table.iloc[:, -1] % 2


def diamonds():
    table = read("plotnine", "plotnine/data/diamonds.csv")
    return table.drop(columns="price"), np.log(table["price"])


def affairs():
    table = read("statsmodels", "statsmodels/datasets/fair/fair.csv")
    return table.drop(columns="affairs"), table["affairs"] > 0


def visits():
    table = read("statsmodels", "statsmodels/datasets/randhie/randhie.csv")
    return table.drop(columns="mdvis"), np.log1p(table["mdvis"])


def bikes():
    table = read("ISLP", "ISLP/data/Bikeshare.csv")
    return table.drop(columns=["casual", "registered", "bikers"]), np.sqrt(table["bikers"])


def wages():
    table = read("ISLP", "ISLP/data/Wage.csv")
    return table.drop(columns=["wage", "logwage"]), table["logwage"]


def juice():
    table = read("ISLP", "ISLP/data/OJ.csv")
    return table.drop(columns="Purchase"), table["Purchase"] == "CH"


def profit():
    """Whether an order of a shop earned something."""
    table = read("bokeh_sampledata", "bokeh_sampledata/_data/SampleSuperstore.csv.gz")
    return table.drop(columns=["Profit", "City"]), table["Profit"] > 0


tables = {}
for make in (cancer, diabetes, digits, diamonds, affairs, visits, bikes, wages, juice, profit):
    name = make.__name__
    columns, labels = make()
    kept = np.random.default_rng(1).permutation(len(columns))[:MOST]
    columns, labels = columns.iloc[kept], np.asarray(labels, dtype=np.float64)[kept]
    numbers = [
        column if pd.api.types.is_numeric_dtype(column) else pd.Series(pd.factorize(column, sort=True)[0])
        for _, column in columns.items()
    ]
    np.concatenate([np.asarray(column, dtype=np.float32) for column in numbers]).tofile(folder / f"{name}.columns.f32")
    labels.tofile(folder / f"{name}.labels.f64")
    task = "binary" if set(np.unique(labels)) <= {0.0, 1.0} else "regression"
    tables[name] = {"task": task, "rows": len(labels), "columns": len(numbers)}
(folder / "tables.json").write_text(json.dumps(tables))
