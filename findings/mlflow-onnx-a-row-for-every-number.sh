#!/usr/bin/env bash
# mlflow.pyfunc.load_model of an ONNX model answers a DataFrame with a DataFrame. When the graph's output has several
# columns (probabilities of classes, several targets, quantiles) MLflow 3.17.2 puts them under each other: for 4 rows
# and 3 classes there are 12 answers in one column, numbered 0 to 11, without a word. Joined back to the rows by
# position or index, as one does with answers, the first row gets the first class, the second row the first row's
# second class. With one row asked, or one column answered, nothing shows; an array asked is answered in its shape.
# What to do: ask with an array (of the graph's own type), or reshape by the number of rows; check the length.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
  mlflow-skinny==3.17.2 onnx==1.23.2 onnxruntime==1.32.0 pandas==3.1.1 numpy==2.4.6
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import logging, os, sys
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
import mlflow, numpy as np, pandas as pd
from onnx import TensorProto, helper

logging.getLogger("mlflow").setLevel(logging.ERROR)
graph = helper.make_graph(
    [helper.make_node("Softmax", ["x"], ["probabilities"], axis=1)], "classes",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3])],
    [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 3])])
model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
mlflow.onnx.save_model(model, "saved")
loaded = mlflow.pyfunc.load_model("saved")

rows = pd.DataFrame({"a": [2.0, 0, 0, 1], "b": [0.0, 2, 0, 1], "c": [0.0, 0, 2, 1]}, index=[10, 11, 12, 13])
framed = loaded.predict(rows)
plain = loaded.predict(rows.to_numpy(np.float32))["probabilities"]
print(f"MLflow {mlflow.__version__}: asked {rows.shape}, answered {framed.shape}, index {list(framed.index)}")
print(f"by position: {framed['probabilities'].head(4).round(3).tolist()}; an array is answered {plain.shape}:")
print(plain.round(3))
joined = rows.reset_index(drop=True).join(framed)
print(f"joined to the rows: {joined['probabilities'].round(3).tolist()}, the first class really"
      f" {plain[:, 0].round(3).tolist()}")
sys.exit(not (framed.shape == (12, 1) and plain.shape == (4, 3)
              and np.allclose(framed["probabilities"], plain.ravel()) and list(framed.index) == list(range(12))))
PYTHON
