#!/usr/bin/env bash
# LightGBM's multiclassova trains a binary model a class, and its probabilities are independent (they need not add up
# to 1). onnxmltools 1.16.0 puts a softmax over the raw scores instead, without a word: every row's probabilities
# differ, though the most likely class is the same.
# What to do: look at the sums of a row's probabilities on both sides; or ask for raw scores, and apply the sigmoids
# outside.
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
target = np.digitize(rows[:, 0] + rows[:, 1] ** 2, [0, 1])
settings = {"objective": "multiclassova", "num_class": 3, "verbosity": -1, "num_threads": 1}

def converted(model):
    graph = convert_lightgbm(model, initial_types=[("x", FloatTensorType([None, 4]))], zipmap=False)
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    return session.run(None, {"x": rows})[-1]

model = lgb.train(settings, lgb.Dataset(rows, target), 20)
theirs, ours = model.predict(rows), converted(model)
scores = model.predict(rows, raw_score=True)
softmax = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
print(f"LightGBM {lgb.__version__}: {theirs[0].round(3)} (sum {theirs[0].sum():.3f}) converted to {ours[0].round(3)}")
print(f"largest difference {np.abs(theirs - ours).max():.2f}, from a softmax {np.abs(softmax - ours).max():.1g},",
      f"labels that agree {np.mean(theirs.argmax(1) == ours.argmax(1)):.1%}")
sys.exit(not (np.abs(theirs - ours).max() > 0.1 and np.abs(softmax - ours).max() < 1e-5))
PYTHON
