#!/usr/bin/env bash
# SimpleImputer(add_indicator=True) appends a column for each one that had missing values, and SimpleImputer drops a
# column that had nothing but missing values. skl2onnx 1.20.0 does neither, without a word. What comes after reads the
# wrong columns: a linear model in the same pipeline answers as if nothing were ever missing (its weights for the
# indicators are dropped), and trees after a dropped column read the one before. No error at conversion, at loading or
# at scoring.
# What to do: compare the widths of each step's output, and put indicators in with a MissingIndicator or as features of
# their own.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
  scikit-learn==1.9.1 skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import sys
import numpy as np, onnxruntime, sklearn
from skl2onnx import to_onnx
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 4)).astype(np.float32)

def converted(model, rows, **options):
    graph = to_onnx(model, rows[:1], options=options or None)
    return onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"X": rows})

absent = rng.random(rows.shape) < 0.2
signal = rows[:, 0] + rows[:, 3] + 3 * absent[:, 0] - 2 * absent[:, 1]
rows[absent] = np.nan
target = (signal > 0).astype(int)
largest = {}
for indicator in (False, True):
    model = make_pipeline(SimpleImputer(add_indicator=indicator), LogisticRegression()).fit(rows, target)
    theirs, (label, ours) = model.predict_proba(rows), converted(model, rows, zipmap=False)
    largest[indicator] = np.abs(theirs - ours).max()
    print(f"scikit-learn {sklearn.__version__}, add_indicator={indicator}: probabilities differ by up to",
          f"{largest[indicator]:.2g}; right of the rows {np.mean(model.predict(rows) == target):.1%},",
          f"converted {np.mean(label == target):.1%}")
forest = {}
for name in ("as it is", "second column empty"):
    if name != "as it is":
        rows[:, 1] = np.nan
    model = make_pipeline(SimpleImputer(), RandomForestRegressor(20, random_state=1)).fit(rows, signal)
    forest[name] = np.mean(np.abs(model.predict(rows) - converted(model, rows)[0].ravel()) > 1e-3)
    print(f"a forest after an imputer, {name}: {forest[name]:.1%} of rows differ")
sys.exit(not (largest[False] < 1e-5 and largest[True] > 0.4 and forest["as it is"] == 0
              and forest["second column empty"] > 0.8))
PYTHON
