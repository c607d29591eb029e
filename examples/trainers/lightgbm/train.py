"""Trains LightGBM on what SageMaker's training containers are given, and exports it to ONNX by onnxmltools.

Hyperparameters are LightGBM's own; `rounds` says how many trees.
"""

import csv
import json
import os
from pathlib import Path

import lightgbm as lgb
import numpy as np
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

config = Path(os.environ["SM_INPUT_CONFIG_DIR"])
columns = json.loads((config / "columns.json").read_text())
features = columns["features"]
hyperparameters = json.loads(os.environ["SM_HPS"])


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
rounds = int(hyperparameters.pop("rounds", 100))
parameters = {
    "objective": "binary" if columns["task"] == "binary" else "regression",
    "seed": columns["seed"],
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": int(os.environ["SM_NUM_CPUS"]),
    "verbosity": -1,
    **hyperparameters,
}
categorical = [i for i, feature in enumerate(features) if feature["kind"] == "category"]
train = lgb.Dataset(x, y, weight=weights, categorical_feature=categorical)
booster = lgb.train(
    parameters,
    train,
    rounds,
    valid_sets=[train.create_valid(validation, truth)],
    valid_names=["validation"],
    callbacks=[lgb.log_evaluation(10)],
)

output = Path(os.environ["SM_OUTPUT_DATA_DIR"])
np.savetxt(output / "predictions.csv", booster.predict(validation), fmt="%.17g")
np.savetxt(output / "parity.csv", booster.predict(made_up), fmt="%.17g")
model = convert_lightgbm(booster, "lightgbm", [("X", FloatTensorType([None, len(features)]))], zipmap=False)
(Path(os.environ["SM_MODEL_DIR"]) / "model.onnx").write_bytes(model.SerializeToString())
