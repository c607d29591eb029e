#!/usr/bin/env bash
# A string tensor has no missing value. onnxruntime 1.32.0 in Python, given an object array, writes missing ones out as
# words, without a word of its own: None becomes "None", NaN (what pandas has in a text column) becomes "nan" and
# pandas.NA becomes "<NA>". If a category has that name (a column written by str(), a surname, a reason "None"), a
# missing value is scored as it, and which one depends on the library that read the file. Numbers are written out too:
# 1 and 1.0 are two categories, and an id column that pandas turned to floats for one missing value knows none.
# What to do: fill missing texts with one chosen text before scoring; refuse object arrays that hold anything but str.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python onnx==1.23.2 onnxruntime==1.32.0 pandas==3.1.1 numpy==2.4.6
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import sys
import numpy as np, onnxruntime, pandas as pd
from onnx import TensorProto, helper

names = ["red", "None", "nan", "<NA>", "1"]
node = helper.make_node("LabelEncoder", ["text"], ["code"], domain="ai.onnx.ml", keys_strings=names,
                        values_int64s=list(range(len(names))), default_int64=-1)
graph = helper.make_graph([node], "codes", [helper.make_tensor_value_info("text", TensorProto.STRING, [None])],
                          [helper.make_tensor_value_info("code", TensorProto.INT64, [None])])
domains = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
model = helper.make_model(graph, ir_version=8, opset_imports=domains)
session = onnxruntime.InferenceSession(model.SerializeToString())
codes = lambda values: session.run(None, {"text": np.array(values, dtype=object)})[0].tolist()

columns = {
    "a list with None": ["red", None],
    "pandas' text column": pd.Series(["red", None], dtype="str").to_numpy(dtype=object),
    "pandas' nullable text column": pd.Series(["red", None], dtype="string").to_numpy(dtype=object),
    "whole numbers": pd.Series([1, 1]).to_numpy(dtype=object),
    "whole numbers and a missing one": pd.Series([1, None]).to_numpy(dtype=object),
}
seen = {}
for name, values in columns.items():
    seen[name] = codes(values)
    found = [names[code] if code >= 0 else "unknown" for code in seen[name]]
    print(f"onnxruntime {onnxruntime.__version__}, {name}: {list(values)} is looked up as {found}")
sys.exit(list(seen.values()) != [[0, 1], [0, 2], [0, 3], [4, 4], [-1, 2]])
PYTHON
