#!/usr/bin/env bash
# Isotonic calibration (CalibratedClassifierCV, method="isotonic") is a line through knots: between two knots scikit-
# learn interpolates. skl2onnx 1.20.0 converts it to a graph that takes the value of the nearest knot, without a word:
# the probability jumps, and two rows that differ become equal. Reported upstream since 2019; it is there at the
# newest.
# What to do: keep the calibration's knots outside the graph and interpolate there; judge parity on rows that were not
# trained on.
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
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 4)).astype(np.float32)

def converted(model, rows, **options):
    graph = to_onnx(model, rows[:1], options=options or None)
    return onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"X": rows})

def target_of(rows):
    return (rows[:, 0] + rng.normal(size=len(rows)) > 0).astype(int)

fresh = rng.normal(size=(5000, 4)).astype(np.float32)
seen = {}
for method in ("sigmoid", "isotonic"):
    model = CalibratedClassifierCV(LogisticRegression(), method=method, cv=2).fit(rows[:400], target_of(rows[:400]))
    theirs, ours = model.predict_proba(fresh)[:, 1], converted(model, fresh, zipmap=False)[1][:, 1]
    seen[method] = np.mean(np.abs(theirs - ours) > 1e-3)
    print(f"scikit-learn {sklearn.__version__}, {method}: differ {seen[method]:.1%} of fresh rows, by up to",
          f"{np.abs(theirs - ours).max():.3f}; distinct probabilities {len(np.unique(theirs.round(5)))},",
          f"converted {len(np.unique(ours.round(5)))}")

# One calibrator alone: its own knots, the nearest of them, against what the graph answers.
model = CalibratedClassifierCV(LogisticRegression(), method="isotonic", ensemble=False)
model.fit(rows[:400], target_of(rows[:400]))
inner = model.calibrated_classifiers_[0]
knots, values = inner.calibrators[0].X_thresholds_, inner.calibrators[0].y_thresholds_
scores = inner.estimator.decision_function(fresh)
nearest = values[np.abs(scores[:, None] - knots).argmin(axis=1)]
ours = converted(model, fresh, zipmap=False)[1][:, 1]
same = np.mean(np.abs(nearest - ours) < 1e-5)
print(f"one calibrator: the converted probability is the nearest knot's for {same:.1%} of rows")
sys.exit(not (seen["sigmoid"] == 0 and seen["isotonic"] > 0.1 and same > 0.99))
PYTHON
