"""Trains CatBoost on what SageMaker's training containers are given, and exports it to ONNX by its own `save_model`.

Hyperparameters are CatBoost's own; `iterations` says how many trees. Its export knows numbers only: texts are taken by
their places among the known values.
"""

import csv
import json
import os
from pathlib import Path

import numpy as np
import onnx
from catboost import CatBoostClassifier, CatBoostRegressor

config = Path(os.environ["SM_INPUT_CONFIG_DIR"])
columns = json.loads((config / "columns.json").read_text())
features = columns["features"]


def read(channel):
    """Features as the model takes them [rows, features], labels where a channel has some, and weights."""
    codes = {each["name"]: {text: code for code, text in enumerate(each.get("categories", []))} for each in features}

    def value(row, feature):
        text = row[feature["name"]]
        if feature["kind"] == "category":
            return codes[feature["name"]].get(text, np.nan)
        return float(text) if text else np.nan

    with open(Path(os.environ[f"SM_CHANNEL_{channel.upper()}"]) / f"{channel}.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    x = np.array([[value(row, feature) for feature in features] for row in rows], dtype=np.float32)
    weights = [float(row[columns["weight"]]) for row in rows] if channel == "train" and "weight" in columns else None
    labels = None if channel == "parity" else np.array([float(row[columns["label"]]) for row in rows])
    return x, labels, weights


x, y, weights = read("train")
validation, truth, _ = read("validation")
made_up, _, _ = read("parity")
isBinary = columns["task"] == "binary"
model = (CatBoostClassifier if isBinary else CatBoostRegressor)(
    **{
        "iterations": 100,
        "random_seed": columns["seed"],
        "thread_count": int(os.environ["SM_NUM_CPUS"]),
        "allow_writing_files": False,
        "verbose": 20,
        **json.loads(os.environ["SM_HPS"]),
    }
)
labels = y.astype(int) if isBinary else y
model.fit(x, labels, sample_weight=weights, eval_set=(validation, truth), use_best_model=False)

for name, rows in ("predictions", validation), ("parity", made_up):
    predictions = model.predict_proba(rows)[:, 1] if isBinary else model.predict(rows)
    np.savetxt(Path(os.environ["SM_OUTPUT_DATA_DIR"]) / f"{name}.csv", predictions, fmt="%.17g")
file = str(Path(os.environ["SM_MODEL_DIR"]) / "model.onnx")
model.save_model(file, format="onnx")
# What is written beside the graph is another one every time: when it was trained, by how many threads, a random name.
exported = onnx.load(file)
del exported.metadata_props[:]
onnx.save(exported, file)
