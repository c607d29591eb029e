#!/usr/bin/env bash
# OneVsOneClassifier predicts class labels. Converted by skl2onnx 1.20.0 it answers positions in the list of classes
# instead, without a word: with classes 10, 20 and 30 the labels are 0, 1 and 2. With classes that are numbered from
# zero, as in every example, nothing shows; with text the graph does not load. OneVsRestClassifier of the same model is
# right.
# What to do: try parity with labels that do not start at zero; look the positions up in classes_ afterwards.
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
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 4)).astype(np.float32)

def converted(model, rows, **options):
    graph = to_onnx(model, rows[:1], options=options or None)
    return onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"X": rows})

position = np.digitize(rows[:, 0] + rows[:, 1], [-1.0, 1.0])
right = {}
for kind in (OneVsRestClassifier, OneVsOneClassifier):
    for classes in ([0, 1, 2], [10, 20, 30], [2, 0, 1]):
        target = np.array(classes)[position]
        model = kind(LogisticRegression()).fit(rows, target)
        labels = converted(model, rows)[0].ravel()
        right[kind, str(classes)] = np.mean(labels == model.predict(rows))
        places = np.mean(np.array(model.classes_)[np.clip(labels, 0, 2)] == model.predict(rows))
        print(f"scikit-learn {sklearn.__version__}, {kind.__name__}, classes {classes}: answers",
              f"{sorted(set(labels.tolist()))}, right {right[kind, str(classes)]:.1%}; as positions {places:.1%}")
        if kind is OneVsOneClassifier and places != 1:
            sys.exit(1)
sys.exit(not (min(right[OneVsRestClassifier, key] for key in ("[0, 1, 2]", "[10, 20, 30]")) == 1
              and right[OneVsOneClassifier, "[10, 20, 30]"] == 0 and right[OneVsOneClassifier, "[0, 1, 2]"] == 1))
PYTHON
