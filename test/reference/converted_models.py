"""Models of scikit-learn that skl2onnx is known to convert to something else, as a program: `model` says which.

Each trains and predicts as its user means it; what it exports is the converter's.
"""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, OrdinalEncoder, PowerTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

columns = json.loads((Path(os.environ["SM_INPUT_CONFIG_DIR"]) / "columns.json").read_text())
numbers = [each["name"] for each in columns["features"] if each["kind"] == "number"]
texts = [each["name"] for each in columns["features"] if each["kind"] == "category"]


def read(channel):
    path = Path(os.environ[f"SM_CHANNEL_{channel.upper()}"]) / f"{channel}.csv"
    missing = {name: [""] for name in numbers}
    table = pd.read_csv(path, dtype={name: object for name in texts}, keep_default_na=False, na_values=missing)
    return table[numbers + texts].astype({name: np.float32 for name in numbers}), table.get(columns["label"])


def of_numbers(*steps):
    return make_pipeline(ColumnTransformer([("numbers", "passthrough", numbers)]), *steps)


def filled(*steps):
    return of_numbers(SimpleImputer(), StandardScaler(), *steps)


def of_texts(encoder):
    parts = [("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers), ("texts", encoder, texts)]
    return make_pipeline(ColumnTransformer(parts), DecisionTreeClassifier(max_depth=5, random_state=1))


models = {
    "as it is": lambda: filled(LogisticRegression()),
    "a tree with missing values": lambda: of_numbers(DecisionTreeClassifier(max_depth=5, random_state=1)),
    "a forest with missing values": lambda: of_numbers(RandomForestClassifier(20, max_depth=5, random_state=1)),
    "discriminant analysis": lambda: filled(LinearDiscriminantAnalysis()),
    "neighbours by distance": lambda: filled(KNeighborsClassifier(weights="distance")),
    "an imputer with indicators": lambda: of_numbers(SimpleImputer(add_indicator=True), LogisticRegression()),
    "isotonic calibration": lambda: filled(CalibratedClassifierCV(LogisticRegression(), method="isotonic", cv=2)),
    "a power transform before an imputer": lambda: of_numbers(PowerTransformer(), SimpleImputer(), LogisticRegression()),
    "a normalizer by the maximum": lambda: filled(Normalizer("max"), LogisticRegression()),
    "rare values of several texts": lambda: of_texts(
        OrdinalEncoder(min_frequency=0.1, handle_unknown="use_encoded_value", unknown_value=-1)
    ),
}

x, y = read("train")
model = models[json.loads(os.environ["SM_HPS"])["model"]]()
model.fit(x, y.astype(int))
for name, channel in ("predictions", "validation"), ("parity", "parity"):
    predictions = model.predict_proba(read(channel)[0])[:, 1]
    np.savetxt(Path(os.environ["SM_OUTPUT_DATA_DIR"]) / f"{name}.csv", predictions, fmt="%.17g")
types = [(name, FloatTensorType([None, 1])) for name in numbers]
types += [(name, StringTensorType([None, 1])) for name in texts]
onnx = to_onnx(model, initial_types=types, options={"zipmap": False})
(Path(os.environ["SM_MODEL_DIR"]) / "model.onnx").write_bytes(onnx.SerializeToString())
