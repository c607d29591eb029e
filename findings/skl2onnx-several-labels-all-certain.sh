#!/usr/bin/env bash
# A DecisionTreeClassifier (or ExtraTreeClassifier) of several outputs, converted by skl2onnx 1.20.0, answers the
# probability 1 for every class that its leaf has seen at all, without a word: both classes of an output have it,
# nearly always. Labels are right, which is all that a check of labels sees. Since scikit-learn 1.3 a leaf holds shares
# and no longer counts, which may be why; a forest of such trees is right.
# What to do: convert one tree a label, or a forest; refuse probabilities that do not add up to 1.
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
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 4)).astype(np.float32)

def converted(model, rows, **options):
    graph = to_onnx(model, rows[:1], options=options or None)
    return onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"X": rows})

target = np.stack([rows[:, 0] > 0, rows[:, 1] ** 2 > 1], axis=1).astype(int) ^ (rng.random((2000, 2)) < 0.1)
as_seen = True
for kind in (DecisionTreeClassifier, ExtraTreeClassifier, RandomForestClassifier):
    model = kind(max_depth=4, random_state=1).fit(rows, target)
    labels, ours = converted(model, rows, zipmap=False)
    theirs = np.stack(model.predict_proba(rows))
    same = np.allclose(theirs, ours, atol=1e-5)
    seen = ((theirs > 0) == ours).all()
    certain = np.mean(np.asarray(ours) == 1)
    print(f"scikit-learn {sklearn.__version__}, {kind.__name__}: {theirs[0][0].round(3)} converted to",
          f"{np.asarray(ours)[0][0].round(3)}, probabilities of exactly 1: {certain:.1%},",
          f"labels that agree {np.mean(labels == model.predict(rows)):.1%}")
    as_seen &= same if kind is RandomForestClassifier else seen and certain > 0.9
sys.exit(not as_seen)
PYTHON
