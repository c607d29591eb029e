#!/usr/bin/env bash
# LightGBM's parameter sigmoid scales the score before the logistic function: a binary model trained with sigmoid=2
# answers 1/(1+exp(-2 score)). onnxmltools 1.16.0 writes a plain logistic function, without a word: labels and ranks
# are right, every probability is drawn towards one half. Anything that uses the probability itself (a threshold other
# than one half, expected cost, calibration) is wrong.
# What to do: compare probabilities, since labels and an AUC that agree prove nothing about them; leave sigmoid at 1
# for a model to be converted.
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
target = (rows[:, 0] + rows[:, 1] ** 2 > 1).astype(int)

def converted(model):
    graph = convert_lightgbm(model, initial_types=[("x", FloatTensorType([None, 4]))], zipmap=False)
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    return session.run(None, {"x": rows})[-1]

seen = {}
for sigmoid in (1.0, 2.0):
    settings = {"objective": "binary", "sigmoid": sigmoid, "verbosity": -1, "num_threads": 1}
    model = lgb.train(settings, lgb.Dataset(rows, target), 20)
    theirs, ours = model.predict(rows), converted(model)[:, 1]
    scores = model.predict(rows, raw_score=True)
    seen[sigmoid] = np.abs(theirs - ours).max(), np.abs(1 / (1 + np.exp(-scores)) - ours).max()
    print(f"LightGBM {lgb.__version__}, sigmoid={sigmoid}: largest difference {seen[sigmoid][0]:.2g};",
          f"from a plain logistic function {seen[sigmoid][1]:.2g};",
          f"above .8: {np.mean(theirs > 0.8):.1%} of rows, converted {np.mean(ours > 0.8):.1%}")
sys.exit(not (seen[1.0][0] < 1e-5 and seen[2.0][0] > 0.1 and seen[2.0][1] < 1e-5))
PYTHON
