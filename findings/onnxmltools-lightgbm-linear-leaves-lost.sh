#!/usr/bin/env bash
# With linear_tree=true a leaf of LightGBM is a small linear model of the features. onnxmltools 1.16.0 converts such a
# model without a word, and keeps only the constant that each leaf would have without it: every prediction differs, and
# the error on the training rows is three times the trainer's. treelite refuses such a model by name.
# What to do: compare a converted model with its trainer before it scores anything, or train without linear_tree.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
  lightgbm==4.7.0 onnxmltools==1.16.0 skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import sys
import lightgbm as lgb, numpy as np, onnxruntime
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 4)).astype(np.float32)
target = 3 * rows[:, 0] - 2 * rows[:, 1] + rng.normal(size=len(rows)) / 10
settings = {"objective": "regression", "num_leaves": 7, "verbosity": -1, "num_threads": 1}

def converted(model):
    graph = convert_lightgbm(model, initial_types=[("x", FloatTensorType([None, 4]))], zipmap=False)
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    return session.run(None, {"x": rows})[-1]

wrong = {}
for linear in (False, True):
    data = lgb.Dataset(rows, target, params={"linear_tree": linear})
    model = lgb.train({**settings, "linear_tree": linear}, data, 20)
    theirs, ours = model.predict(rows), converted(model)[:, 0]
    error = lambda answers: np.sqrt(np.mean((answers - target) ** 2))
    wrong[linear] = np.mean(np.abs(theirs - ours) > 1e-4)
    print(f"LightGBM {lgb.__version__}, linear_tree={linear}: {wrong[linear]:.1%} of rows differ;",
          f"root mean squared error {error(theirs):.3f}, converted {error(ours):.3f}")
sys.exit(not (wrong[False] == 0 and wrong[True] > 0.95 and error(ours) > 2 * error(theirs)))
PYTHON
