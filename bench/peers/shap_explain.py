"""Explain single rows with shap's TreeExplainer.

With --train a LightGBM model of so many trees and leaves is trained on made-up rows of --columns features and written
to --folder as text and ONNX, beside the rows (float32s, row after row). Else that model explains rows one by one, and
what it says of the first 50 is written to parts.f64.

The last line printed is a JSON document: the median microseconds that a row took.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import lightgbm as lgb
import numpy as np
import shap
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

warnings.simplefilter("ignore")
CALLS, SHOWN = 300, 50


def train(folder, columns, trees, leaves):
    rng = np.random.default_rng(11)
    # A coarse grid, so that thresholds as float32 part rows as those of LightGBM do.
    rows = np.round(rng.random((20_000, columns)) * 1024).astype(np.float32) / 1024
    score = (np.sin(rows * np.arange(1, columns + 1)) * (np.arange(columns) % 3)).sum(axis=1)
    labels = score + rng.normal(size=len(rows)) > np.median(score)
    params = {"objective": "binary", "num_leaves": leaves, "num_threads": 1, "seed": 1, "verbose": -1}
    booster = lgb.train(params, lgb.Dataset(rows, labels), trees)
    booster.save_model(folder / "model.txt")
    onnx = convert_lightgbm(booster, initial_types=[("X", FloatTensorType([None, columns]))], zipmap=False)
    (folder / "model.onnx").write_bytes(onnx.SerializeToString())
    rows.tofile(folder / "rows.f32")


def explain(folder, columns):
    rows = np.fromfile(folder / "rows.f32", np.float32).reshape(-1, columns)
    booster = lgb.Booster(model_file=str(folder / "model.txt"), params={"num_threads": 1})
    explainer = shap.TreeExplainer(booster)
    parts = [np.asarray(explainer.shap_values(rows[i : i + 1]), float)[0] for i in range(SHOWN)]
    np.asarray(parts).tofile(folder / "parts.f64")
    times = []
    for i in range(CALLS):
        row = rows[i : i + 1]
        start = time.perf_counter()
        explainer.shap_values(row)
        times.append(time.perf_counter() - start)
    return {"us": float(np.median(times) * 1e6)}


parser = argparse.ArgumentParser()
parser.add_argument("--folder", type=Path, required=True)
parser.add_argument("--columns", type=int, required=True)
parser.add_argument("--train", type=int, nargs=2)
args = parser.parse_args()
print(json.dumps(train(args.folder, args.columns, *args.train) if args.train else explain(args.folder, args.columns)))
