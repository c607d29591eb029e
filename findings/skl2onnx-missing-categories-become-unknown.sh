#!/usr/bin/env bash
# A missing value can be a category of its own: OrdinalEncoder(encoded_missing_value=-2) gives it that code, and
# TargetEncoder learns its rows' mean. Converted by skl2onnx 1.20.0 both treat it as a value never seen, without a
# word: the code is -1, and the mean is that of all rows. The graph's LabelEncoder could know it (a NaN among its keys
# is found by onnxruntime), but the converter leaves it out.
# What to do: give missing values a code of their own before the encoder, and compare rows that have them.
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
from sklearn.preprocessing import OrdinalEncoder, TargetEncoder

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 4)).astype(np.float32)

def converted(model, rows, **options):
    graph = to_onnx(model, rows[:1], options=options or None)
    return onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"X": rows})

codes = rng.integers(0, 4, (2000, 1)).astype(np.float32)
codes[rng.random(2000) < 0.2] = np.nan
absent = np.isnan(codes[:, 0])
target = codes[:, 0] ** 2
target[absent] = 50
target += rng.normal(size=2000)
seen = {}
for model in (OrdinalEncoder(encoded_missing_value=-2), TargetEncoder(target_type="continuous")):
    model.fit(codes, target)
    theirs, ours = model.transform(codes).ravel(), converted(model, codes)[0].ravel()
    name = type(model).__name__
    seen[name] = theirs[absent][0], ours[absent][0]
    print(f"scikit-learn {sklearn.__version__}, {name}: missing is {seen[name][0]:.2f}, converted {seen[name][1]:.2f};",
          f"the others differ by at most {np.abs(theirs - ours)[~absent].max():.1g}")
print(f"mean of all rows {target.mean():.2f}")
sys.exit(not (seen["OrdinalEncoder"] == (-2, -1) and seen["TargetEncoder"][0] > 40
              and abs(seen["TargetEncoder"][1] - target.mean()) < 1e-3))
PYTHON
