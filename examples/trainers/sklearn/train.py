"""Trains a pipeline of scikit-learn on what SageMaker's training containers are given; exports it to ONNX by skl2onnx.

The model takes its columns by their names: numbers are imputed and scaled, texts become one column a value. The
hyperparameter `C` is that of the logistic regression, `alpha` that of the ridge regression.
"""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

config = Path(os.environ["SM_INPUT_CONFIG_DIR"])
columns = json.loads((config / "columns.json").read_text())
numbers = [each["name"] for each in columns["features"] if each["kind"] == "number"]
texts = [each["name"] for each in columns["features"] if each["kind"] == "category"]
# A text that is missing or not among these counts as none of them, here as in the model that is exported.
known = [each["categories"] for each in columns["features"] if each["kind"] == "category"]
isBinary = columns["task"] == "binary"
hyperparameters = json.loads(os.environ["SM_HPS"])


def read(channel):
    path = Path(os.environ[f"SM_CHANNEL_{channel.upper()}"]) / f"{channel}.csv"
    missing = {name: [""] for name in numbers}
    table = pd.read_csv(path, dtype={name: object for name in texts}, keep_default_na=False, na_values=missing)
    weights = table[columns["weight"]] if channel == "train" and "weight" in columns else None
    return table[numbers + texts].astype({name: np.float32 for name in numbers}), table.get(columns["label"]), weights


x, y, weights = read("train")
validation, truth, _ = read("validation")
made_up, _, _ = read("parity")
last = (
    LogisticRegression(C=float(hyperparameters.get("C", 1)), max_iter=1_000)
    if isBinary
    else Ridge(alpha=float(hyperparameters.get("alpha", 1)))
)
model = make_pipeline(
    ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
            ("texts", OneHotEncoder(categories=known, handle_unknown="ignore"), texts),
        ]
    ),
    last,
)
model.fit(x, y.astype(int) if isBinary else y, **{f"{model.steps[-1][0]}__sample_weight": weights})
print(f"validation score={model.score(validation, truth)}")

for name, rows in ("predictions", validation), ("parity", made_up):
    predictions = model.predict_proba(rows)[:, 1] if isBinary else model.predict(rows)
    np.savetxt(Path(os.environ["SM_OUTPUT_DATA_DIR"]) / f"{name}.csv", predictions, fmt="%.17g")
types = [(name, FloatTensorType([None, 1])) for name in numbers]
types += [(name, StringTensorType([None, 1])) for name in texts]
onnx = to_onnx(model, initial_types=types, options={"zipmap": False} if isBinary else None)
(Path(os.environ["SM_MODEL_DIR"]) / "model.onnx").write_bytes(onnx.SerializeToString())
