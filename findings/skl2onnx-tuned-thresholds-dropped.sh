#!/usr/bin/env bash
# TunedThresholdClassifierCV finds the probability above which a row is called positive, and predict uses it. skl2onnx
# 1.20.0 converts the classifier inside and drops the threshold, without a word: the graph's labels are those of one
# half. For a rare class, which the tuning is for, most of the positives are gone. (FixedThresholdClassifier, the same
# with a threshold by hand, is refused by name.)
# What to do: keep the threshold beside the graph (best_threshold_), and make labels from its probabilities.
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
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import TunedThresholdClassifierCV

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 4)).astype(np.float32)

def converted(model, rows, **options):
    graph = to_onnx(model, rows[:1], options=options or None)
    return onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"X": rows})

target = (rows[:, 0] + rng.normal(size=len(rows)) > 2).astype(int)
model = TunedThresholdClassifierCV(LogisticRegression(), scoring="balanced_accuracy", random_state=1).fit(rows, target)
theirs, ours = model.predict(rows), converted(model, rows)[0]
half = (model.predict_proba(rows)[:, 1] > 0.5).astype(int)
print(f"scikit-learn {sklearn.__version__}, threshold found {model.best_threshold_:.3f}:",
      f"positives {theirs.sum()}, converted {ours.sum()}, at one half {half.sum()}, true {target.sum()}")
print(f"found of the true ones: {theirs[target == 1].mean():.0%}, converted {ours[target == 1].mean():.0%}")
sys.exit(not ((ours == half).all() and theirs[target == 1].mean() > 0.7 and ours[target == 1].mean() < 0.5))
PYTHON
