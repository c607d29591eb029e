#!/usr/bin/env bash
# OrdinalEncoder with min_frequency or max_categories gives all rare categories of a column one code. skl2onnx 1.20.0
# converts one column rightly; of several, it uses the first column's groups for all of them, without a word: rare
# categories of the second column stay apart, and frequent ones are put together because their places are rare in the
# first. OneHotEncoder with the same options is refused by name.
# What to do: try a converter with columns that differ from each other; convert an encoder a column.
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
from skl2onnx.common.data_types import StringTensorType
from sklearn.preprocessing import OrdinalEncoder

rng = np.random.default_rng(1)
rows = rng.normal(size=(2000, 4)).astype(np.float32)

def converted(model, rows, **options):
    graph = to_onnx(model, rows[:1], options=options or None)
    return onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"X": rows})

animals = rng.choice(["ant", "bee", "cat"], size=2000, p=[0.47, 0.47, 0.06])
colours = rng.choice(["amber", "blue", "cyan"], size=2000, p=[0.06, 0.06, 0.88])
table = np.stack([animals, colours], axis=1).astype(object)
differ = {}
for options in ({}, {"min_frequency": 0.1}, {"max_categories": 2}):
    for columns in ([0], [1], [0, 1]):
        model = OrdinalEncoder(**options).fit(table[:, columns])
        graph = to_onnx(model, initial_types=[("x", StringTensorType([None, len(columns)]))])
        session = onnxruntime.InferenceSession(graph.SerializeToString())
        theirs, ours = model.transform(table[:, columns]), session.run(None, {"x": table[:, columns]})[0]
        differ[str(options), len(columns)] = max(differ.get((str(options), len(columns)), 0), np.mean(theirs != ours))
        last = table[:, columns[-1]]
        codes = [{name: float(code) for name, code in zip(last, answer[:, -1])} for answer in (theirs, ours)]
        print(f"scikit-learn {sklearn.__version__}, {options}, columns {columns}: the last has {codes[0]},",
              f"converted {codes[1]}")
alone = [share for (_, width), share in differ.items() if width == 1]
together = [share for (options, width), share in differ.items() if width == 2 and options != "{}"]
sys.exit(not (max(alone) == 0 and differ["{}", 2] == 0 and min(together) > 0.02))
PYTHON
