#!/usr/bin/env bash
# A model of XGBoost may have several targets: columns of y, labels that do not exclude each other, or several
# quantiles. onnxmltools 1.16.0 converts all three without a word and gives every tree to the first target: its answer
# is the sum of all targets' trees, and the others are constant. The output has the right shape, and so passes a check
# of shapes. (With multi_strategy=multi_output_tree it fails loudly.) The same with XGBoost 3.4.1.
# What to do: compare each output by itself, and stop at one that never varies; train and convert one model a target.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
  onnxmltools==1.16.0 skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
# Without its dependencies: they are hundreds of megabytes for graphics cards and plots, and not needed.
venv/bin/uv pip install --quiet --python venv/bin/python --no-deps xgboost==3.2.0
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import sys
import numpy as np, onnxruntime, xgboost
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 4)).astype(np.float32)

def converted(model):
    graph = convert_xgboost(model, initial_types=[("x", FloatTensorType([None, 4]))])
    return onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"x": rows})

both = np.stack([rows[:, 0] + rows[:, 1] ** 2, 2 * rows[:, 2]], axis=1)
settings = {"n_estimators": 20, "max_depth": 4, "n_jobs": 1}
quantiles = {"objective": "reg:quantileerror", "quantile_alpha": [0.2, 0.8]}
cases = {
    "two columns": (xgboost.XGBRegressor(**settings), both),
    "two quantiles": (xgboost.XGBRegressor(**quantiles, **settings), both[:, 0]),
}
as_seen = True
for name, (model, target) in cases.items():
    model.fit(rows, target)
    theirs, ours = model.predict(rows), converted(model)[0]
    # What no tree says: the answer that is left over when the sum of both is in the first.
    added = np.ptp(ours[:, 0] - theirs.sum(axis=1))
    print(f"XGBoost {xgboost.__version__}, {name}: shape {theirs.shape} and {ours.shape},",
          f"first row {theirs[0]} and {ours[0]};")
    print(f"  the second output varies by {np.ptp(ours[:, 1])}, the first is the sum of both",
          f"but for a constant: {added < 1e-4}")
    as_seen &= theirs.shape == ours.shape and np.ptp(ours[:, 1]) == 0 and added < 1e-4
labels = xgboost.XGBClassifier(**settings).fit(rows, (both > 0).astype(int))
theirs, ours = labels.predict_proba(rows), converted(labels)[1]
print(f"two labels: {theirs[0]} and {ours[0]}, largest difference {np.abs(theirs - ours).max():.2f}")
sys.exit(not (as_seen and np.abs(theirs - ours).max() > 0.5))
PYTHON
