"""Trains XGBoost on what SageMaker's training containers are given, and exports it to ONNX by onnxmltools.

Hyperparameters are XGBoost's own; `rounds` says how many trees. Texts are taken by their places among the known values.
"""

import csv
import json
import os
from pathlib import Path

import numpy as np
import xgboost as xgb
from onnxmltools import convert_xgboost
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
    return xgb.DMatrix(x, labels, weight=weights)


train, validation, made_up = read("train"), read("validation"), read("parity")
rounds = int(hyperparameters.pop("rounds", 100))
parameters = {
    "objective": "binary:logistic" if columns["task"] == "binary" else "reg:squarederror",
    "seed": columns["seed"],
    "nthread": int(os.environ["SM_NUM_CPUS"]),
    **hyperparameters,
}
booster = xgb.train(parameters, train, rounds, evals=[(validation, "validation")], verbose_eval=10)

output = Path(os.environ["SM_OUTPUT_DATA_DIR"])
np.savetxt(output / "predictions.csv", booster.predict(validation), fmt="%.9g")
np.savetxt(output / "parity.csv", booster.predict(made_up), fmt="%.9g")
model = convert_xgboost(booster, "xgboost", [("X", FloatTensorType([None, len(features)]))])
(Path(os.environ["SM_MODEL_DIR"]) / "model.onnx").write_bytes(model.SerializeToString())
