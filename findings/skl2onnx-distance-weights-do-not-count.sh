#!/usr/bin/env bash
# KNeighborsRegressor and KNeighborsClassifier with weights="distance" let near neighbours count more. skl2onnx 1.20.0
# converts both without a word to graphs that answer what weights="uniform" would: the weights are computed, but from
# negated distances cut off at a tiny positive number, so that they are all the same. A row of the training set no
# longer gets its own value. It is so at every opset from 11 to 21, with the cdist operator, and in onnx's reference
# evaluator too.
# What to do: compare a converted model with the option's other value too: a difference may be an option that does
# nothing.
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
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 4)).astype(np.float32)

def converted(model, rows, **options):
    graph = to_onnx(model, rows[:1], options=options or None)
    return onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"X": rows})

target = rows[:, 0] + rows[:, 1] ** 2
answers = {}
for weights in ("uniform", "distance"):
    model = KNeighborsRegressor(weights=weights).fit(rows, target)
    answers[weights] = model.predict(rows), converted(model, rows)[0].ravel()
    error = lambda answer: np.abs(answer - target).max()
    print(f"scikit-learn {sklearn.__version__}, {weights}: off the training rows' own values by at most",
          f"{error(answers[weights][0]):.2f}, converted {error(answers[weights][1]):.2f}")
apart = np.abs(answers["distance"][1] - answers["uniform"][1]).max()
print(f"converted with distances and converted without differ by at most {apart:.1g}")
model = KNeighborsClassifier(weights="distance").fit(rows, (target > 1).astype(int))
shares = np.abs(model.predict_proba(rows) - converted(model, rows, zipmap=False)[1]).max()
print(f"classifier's probabilities differ by up to {shares:.2f}")
sys.exit(not (np.allclose(*answers["uniform"], atol=1e-4) and apart < 1e-5 and shares > 0.3
              and np.abs(answers["distance"][0] - target).max() < 1e-5))
PYTHON
