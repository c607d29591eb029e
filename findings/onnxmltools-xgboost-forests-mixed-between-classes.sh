#!/usr/bin/env bash
# With num_parallel_tree=k (boosted forests, XGBRFClassifier) XGBoost grows k trees in a row for a class before it goes
# on to the next one, and says so in tree_info. onnxmltools 1.16.0 deals the trees out in turn (tree i to class i mod
# classes), without a word: with three classes and three trees each, two thirds of the trees vote for a class that is
# not theirs. Accuracy falls to that of guessing, probabilities add up to 1. With one tree a class, or two classes,
# nothing shows. The same with XGBoost 3.4.1.
# What to do: try a converter with more than two classes and with the model's own number of parallel trees.
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

target = np.digitize(rows[:, 0] + rows[:, 1] ** 2, [0.0, 1.0])
seen = {}
for parallel in (1, 3):
    settings = {"n_estimators": 10, "max_depth": 4, "subsample": 0.5, "n_jobs": 1, "random_state": 1}
    model = xgboost.XGBClassifier(num_parallel_tree=parallel, **settings)
    model.fit(rows, target)
    theirs, (labels, ours) = model.predict_proba(rows), converted(model)
    seen[parallel] = np.abs(theirs - ours).max(), np.mean(labels == target)
    print(f"XGBoost {xgboost.__version__}, num_parallel_tree={parallel}: largest difference {seen[parallel][0]:.2g},",
          f"right of the training rows {np.mean(model.predict(rows) == target):.1%},",
          f"converted {seen[parallel][1]:.1%}")
sys.exit(not (seen[1][0] < 1e-5 and seen[3][0] > 0.3 and seen[3][1] < 0.6))
PYTHON
