#!/usr/bin/env bash
# XGBoost's booster=dart drops trees while it learns and scales what it keeps, so that every tree has a weight
# (weight_drop in the saved model). onnxmltools 1.16.0 converts the trees and not their weights, without a word: here
# the converted model's error is several times the spread of the target. treelite 4.8.1 and LightGBM's dart (whose
# leaves hold the weight) are right. Without drops (rate_drop=0) all weights are 1 and nothing shows, so a try with the
# defaults proves nothing. With XGBoost 3.2.0 the same conversion fails loudly (its configuration lacks a key that
# 3.4.1 writes): it was the trainer's new version that made the old fault silent. In 3.4.1 rate_drop drops trees
# without booster=dart as well.
# What to do: try a converter with the options that the model was trained with, and again after the trainer's update.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# XGBoost 3.4 needs Python 3.12.
for python in python3 python3.14 python3.13 python3.12 ~/.pyenv/versions/3.1[2-9]*/bin/python3; do
  if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then break; fi
done
"$python" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
  onnxmltools==1.16.0 skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
# Without its dependencies: they are hundreds of megabytes for graphics cards and plots, and not needed.
venv/bin/uv pip install --quiet --python venv/bin/python --no-deps xgboost==3.4.1
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import json, sys
import numpy as np, onnxruntime, xgboost
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 4)).astype(np.float32)

def converted(model):
    graph = convert_xgboost(model, initial_types=[("x", FloatTensorType([None, 4]))])
    return onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"x": rows})

target = rows[:, 0] + rows[:, 1] ** 2
for rate in (0.0, 0.5):
    model = xgboost.XGBRegressor(booster="dart", rate_drop=rate, n_estimators=20, max_depth=4, n_jobs=1, random_state=1)
    model.fit(rows, target)
    theirs, ours = model.predict(rows), converted(model)[0].ravel()
    saved = json.loads(model.get_booster().save_raw("json"))["learner"]["gradient_booster"]["model"]
    weights = saved.get("weight_drop", [1.0])
    error = lambda answers: np.sqrt(np.mean((answers - target) ** 2))
    print(f"XGBoost {xgboost.__version__}, rate_drop={rate}: weights {min(weights):.2f} to {max(weights):.2f},",
          f"rows that differ {np.mean(np.abs(theirs - ours) > 1e-3):.1%},",
          f"error {error(theirs):.2f}, converted {error(ours):.2f}, spread of the target {target.std():.2f}")
    if rate == 0 and not np.allclose(theirs, ours, atol=1e-4):
        sys.exit(1)
sys.exit(not (np.mean(np.abs(theirs - ours) > 1e-3) > 0.95 and error(ours) > 3 * error(theirs)))
PYTHON
