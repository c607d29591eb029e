#!/usr/bin/env bash
# scikit-learn's Normalizer(norm="max") divides a row by its largest absolute value. skl2onnx 1.20.0 converts it to the
# operator Normalizer with norm MAX, which divides by the largest value: (1, -4) becomes (1, -4) and not (.25, -1), and
# a row of negative numbers turns positive: (-1, -4) becomes (1, 4). Without a word; rows whose largest number is
# positive are right, and so is all of a try with counts or pixels. Besides, onnxruntime 1.32.0 and onnx's reference
# evaluator 1.23.2 do not agree on rows of negative numbers either.
# What to do: use l1 or l2 for numbers that may be negative, or write the division out.
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
from onnx.reference import ReferenceEvaluator
from sklearn.preprocessing import Normalizer

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 4)).astype(np.float32)

def converted(model, rows, **options):
    graph = to_onnx(model, rows[:1], options=options or None)
    return onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"X": rows})

agree = {}
for name, some in (("positive", np.abs(rows)), ("negative", -np.abs(rows)), ("mixed", rows)):
    for norm in ("l1", "l2", "max"):
        model = Normalizer(norm).fit(some)
        agree[name, norm] = np.mean(np.isclose(model.transform(some), converted(model, some)[0], atol=1e-5).all(axis=1))
        print(f"scikit-learn {sklearn.__version__}, norm={norm}, {name} numbers: {agree[name, norm]:.1%} of rows agree")
pair = np.array([[1, -4], [-1, -4]], np.float32)
model = Normalizer("max").fit(pair)
theirs, ours = model.transform(pair), converted(model, pair)[0]
reference = ReferenceEvaluator(to_onnx(model, pair[:1])).run(None, {"X": pair})[0]
print(f"{pair.tolist()}: scikit-learn {theirs.tolist()}, onnxruntime {ours.tolist()}, reference {reference.tolist()}")
others = all(share == 1 for (name, norm), share in agree.items() if norm != "max" or name == "positive")
sys.exit(not (others and agree["negative", "max"] < 0.01 and agree["mixed", "max"] < 0.8
              and ours.tolist() == [[1, -4], [1, 4]]))
PYTHON
