#!/usr/bin/env bash
# With reg_sqrt=true LightGBM learns the square root of the target and squares what its trees say (sign kept).
# onnxmltools 1.16.0 converts the trees and leaves the square out, without a word: a price of 100 is scored as 10. The
# objective's name in the model file is still "regression", followed by the word sqrt.
# What to do: compare with predict, not with the trees; or take the root in the pipeline and square the answers there.
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
target = (10 + rows[:, 0] + rows[:, 1]) ** 2
settings = {"objective": "regression", "reg_sqrt": True, "verbosity": -1, "num_threads": 1}

def converted(model):
    graph = convert_lightgbm(model, initial_types=[("x", FloatTensorType([None, 4]))], zipmap=False)
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    return session.run(None, {"x": rows})[-1]

model = lgb.train(settings, lgb.Dataset(rows, target, params=settings), 20)
said = [line for line in model.model_to_string().splitlines() if line.startswith("objective=")]
theirs, ours = model.predict(rows), converted(model)[:, 0]
print(f"LightGBM {lgb.__version__}, {said[0]}: {theirs[:3].round(2)} converted to {ours[:3].round(2)}")
root = np.allclose(ours**2, theirs, rtol=1e-4)
print("the converted number is the root of the trainer's:", root, "; mean target", target.mean().round(1))
sys.exit(not (root and ours.mean() < theirs.mean() / 5))
PYTHON
