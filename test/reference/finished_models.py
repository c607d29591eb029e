"""How the finished models among the test fixtures were made, and what scikit-learn says of some rows.

Each is exported by skl2onnx, with one input a column or one matrix. The packages are those of
tree-models-requirements.txt; the same ones give the same bytes.

    python finished_models.py <folder>      writes <folder>/<name>.onnx and <folder>/<name>.json
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

ROWS = 1_000
SHOWN = 40
TOWNS = np.array(["Ulm", "Bonn", "Kiel", "Åre", ""])


def table():
    """Columns of rows, and the log odds of each."""
    random = np.random.default_rng(20261129)
    income = random.integers(20_000, 80_000, ROWS).astype(np.float32)
    age = random.integers(18, 90, ROWS).astype(np.int64)
    town = TOWNS[random.integers(0, len(TOWNS), ROWS)]
    logit = (45_000 - income) / 10_000 + (age - 50) / 30 + np.where(town == "Kiel", 2, -0.5)
    return {"income": income, "age": age, "town": town}, logit, random


def side_by_side(columns):
    """An object array [rows, columns]."""
    return np.column_stack([np.asarray(values, dtype=object) for values in columns.values()])


def exported(model, initial_types, zipmap):
    settings = {id(model): {"zipmap": zipmap}} if zipmap is not None else None
    opsets = {"": 17, "ai.onnx.ml": 3}
    return to_onnx(model, initial_types=initial_types, options=settings, target_opset=opsets)


def save(folder, name, model, rows, answers):
    model.graph.name = name
    opsets = sorted(((each.domain, each.version) for each in model.opset_import))
    del model.opset_import[:]
    model.opset_import.extend(onnx.helper.make_opsetid(*each) for each in opsets)
    (folder / f"{name}.onnx").write_bytes(model.SerializeToString())
    shown = {key: [value.item() for value in values[:SHOWN]] for key, values in rows.items()}
    said = [float(value) for value in answers[:SHOWN]]
    (folder / f"{name}.json").write_text(json.dumps({"rows": shown, "answers": said}, ensure_ascii=False, indent=1) + "\n")


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    columns, logit, random = table()
    labels = (random.random(ROWS) < 1 / (1 + np.exp(-logit))).astype(np.int64)

    # One input a column: float, int64 and string.
    types = [
        ("income", FloatTensorType([None, 1])),
        ("age", Int64TensorType([None, 1])),
        ("town", StringTensorType([None, 1])),
    ]
    one_hot = OneHotEncoder(handle_unknown="ignore")
    transformer = ColumnTransformer([("numbers", StandardScaler(), [0, 1]), ("text", one_hot, [2])])
    model = make_pipeline(transformer, LogisticRegression()).fit(side_by_side(columns), labels)
    shown = {**columns, "town": columns["town"].copy()}
    shown["town"][3] = "Rome"
    answers = model.predict_proba(side_by_side(shown))[:, 1]
    save(folder, "sklearn-columns", exported(model, types, False), shown, answers)
    words = np.where(labels == 1, "bad", "good")
    named = make_pipeline(transformer, LogisticRegression()).fit(side_by_side(columns), words)
    answers = named.predict_proba(side_by_side(shown))[:, list(named.classes_).index("good")]
    save(folder, "sklearn-columns-zipmap", exported(named, types, True), shown, answers)

    # One matrix of float64, numbers that float32 does not tell apart.
    random_numbers = random.normal(size=(ROWS, 3))
    x = random_numbers * [1, 1e-3, 10] + [0, 1e6, 5]
    y = x[:, 0] * 3 + (x[:, 1] - 1e6) * 500 + x[:, 2]
    ridge = make_pipeline(StandardScaler(), Ridge()).fit(x, y)
    matrix = {f"f{i}": x[:, i] for i in range(3)}
    save(folder, "sklearn-double", exported(ridge, [("X", DoubleTensorType([None, 3]))], None), matrix, ridge.predict(x))


main()
