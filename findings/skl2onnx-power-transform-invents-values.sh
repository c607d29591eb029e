#!/usr/bin/env bash
# PowerTransformer passes missing values on as missing. Converted by skl2onnx 1.20.0 it answers a number for them,
# without a word: the one that zero would become (the graph fills in zeros to keep two branches apart, and never takes
# them back). What came after it, an imputer or trees that know of missing values, no longer sees that anything is
# missing.
# What to do: count missing values on both sides of a converted transformation; impute before it.
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
from sklearn.preprocessing import PowerTransformer, StandardScaler

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 4)).astype(np.float32)

def converted(model, rows, **options):
    graph = to_onnx(model, rows[:1], options=options or None)
    return onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"X": rows})

rows[rng.random(rows.shape) < 0.1] = np.nan
answers = {}
for kind in (StandardScaler, PowerTransformer):
    model = kind().fit(rows)
    theirs, ours = model.transform(rows), converted(model, rows)[0]
    answers[kind] = np.isnan(theirs).sum(), np.isnan(ours).sum()
    print(f"scikit-learn {sklearn.__version__}, {kind.__name__}: missing {np.isnan(rows).sum()} before,",
          f"{answers[kind][0]} after, {answers[kind][1]} after the converted one")
zero = model.transform(np.zeros((1, 4), np.float32))[0]
invented = ours - zero
invented = np.abs(invented[np.isnan(rows)]).max()
known = ~np.isnan(rows)
print(f"what was missing becomes what zero becomes, but for {invented:.1g}; known values differ by at most",
      f"{np.abs(theirs - ours)[known].max():.1g}")
sys.exit(not (answers[StandardScaler][0] == answers[StandardScaler][1] and answers[PowerTransformer][1] == 0
              and answers[PowerTransformer][0] == np.isnan(rows).sum() and invented < 1e-3))
PYTHON
