#!/usr/bin/env bash
# With zero_as_missing=true LightGBM sends zeros the way it learned for missing values. The converters keep the missing
# value's way and forget that a zero takes it: onnxmltools 1.16.0 and treelite 4.8.1 both compare a zero with the
# threshold, without a word, and a share of exactly the rows with zeros gets other numbers. Sparse counts are what the
# option is made for.
# What to do: put zeros and missing values of every feature among the rows of a parity check; turn zeros into NaN
# before training instead.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
  lightgbm==4.7.0 onnxmltools==1.16.0 skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 treelite==4.8.1
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import sys
import lightgbm as lgb, numpy as np, onnxruntime, treelite
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 4)).astype(np.float32)
rows[rng.random(rows.shape) < 0.2] = 0
absent = rows == 0
target = rows.sum(axis=1) + 3 * absent[:, 0] - 2 * absent[:, 1]

def converted(model):
    graph = convert_lightgbm(model, initial_types=[("x", FloatTensorType([None, 4]))], zipmap=False)
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    return session.run(None, {"x": rows})[-1]

differ = {}
for option in (False, True):
    settings = {"objective": "regression", "zero_as_missing": option, "verbosity": -1, "num_threads": 1}
    model = lgb.train(settings, lgb.Dataset(rows, target, params=settings), 20)
    theirs = model.predict(rows)
    other = treelite.gtil.predict(treelite.frontend.from_lightgbm(model), rows.astype(float)).ravel()
    for name, answers in (("onnxmltools", converted(model)[:, 0]), ("treelite", other)):
        wrong = np.abs(theirs - answers) > 1e-4
        zeros, others = wrong[absent.any(axis=1)].mean(), wrong[~absent.any(axis=1)].mean()
        differ[name, option] = zeros, others
        print(f"zero_as_missing={option}, {name}: differ {zeros:.1%} of rows with a zero, {others:.1%} of the others")
lost = all(differ[name, True][0] > 0.2 and differ[name, True][1] == 0 for name in ("onnxmltools", "treelite"))
kept = all(differ[name, False] == (0, 0) for name in ("onnxmltools", "treelite"))
sys.exit(not (lost and kept))
PYTHON
