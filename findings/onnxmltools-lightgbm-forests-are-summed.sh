#!/usr/bin/env bash
# LightGBM's random-forest mode (boosting=rf) answers with the mean of its trees. onnxmltools 1.16.0 converts it
# without a word to a graph that answers with their sum: with twenty trees every prediction of a regression is twenty
# times too large, and a binary model's probabilities are those of twenty times the log-odds, so that most are 0 or 1
# (their order stays, and so does the AUC that would have told).
# What to do: judge parity on values, never on ranks; divide a converted forest by its number of trees, or do not take
# it.
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
signal = rows[:, 0] + rows[:, 1] ** 2
trees = 20
forest = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6, "verbosity": -1, "num_threads": 1}

def converted(model):
    graph = convert_lightgbm(model, initial_types=[("x", FloatTensorType([None, 4]))], zipmap=False)
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    return session.run(None, {"x": rows})[-1]

numbers = lgb.train({**forest, "objective": "regression"}, lgb.Dataset(rows, 5 + signal), trees)
theirs, ours = numbers.predict(rows), converted(numbers)[:, 0]
print(f"LightGBM {lgb.__version__}, regression: {theirs[:3].round(3)} converted to {ours[:3].round(3)}")
summed = np.allclose(ours, trees * theirs, rtol=1e-4)
print("every converted prediction is the trainer's times", trees, ":", summed)

classes = lgb.train({**forest, "objective": "binary"}, lgb.Dataset(rows, signal > 1), trees)
theirs, ours = classes.predict(rows), converted(classes)[:, 1]
certain = np.mean((ours < 0.001) | (ours > 0.999)), np.mean((theirs < 0.001) | (theirs > 0.999))
log_odds = lambda p: np.log(p / (1 - p))
inside = (ours > 1e-4) & (ours < 1 - 1e-4)
steeper = np.allclose(log_odds(ours[inside]), trees * log_odds(theirs[inside]), rtol=0.01, atol=0.01)
print(f"binary: within .001 of 0 or 1 are {certain[0]:.0%} of the converted, {certain[1]:.0%} of the trainer's")
sys.exit(not (summed and steeper and certain[0] > 0.5 and certain[1] == 0))
PYTHON
