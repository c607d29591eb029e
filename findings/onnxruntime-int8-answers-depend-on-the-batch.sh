#!/usr/bin/env bash
# ONNX Runtime's quantize_dynamic (1.32.0) quantises what a matrix is multiplied with by one scale for the whole tensor,
# found anew with every call: the answer to a row is another one for every batch that it is in. Here a row alone is off
# by less than a hundredth; in a batch with one row a thousand times as large it keeps next to nothing of itself.
# What to do: compare a row alone and in the batches it will be served in; score row by row, or quantise each row by a
# scale of its own, or by scales that are fixed (quantize_static).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
venv/bin/python -W ignore - 2>/dev/null <<'PYTHON'
import sys
import numpy as np, onnx, onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

rng = np.random.default_rng(1)
weights = rng.normal(size=(32, 8)).astype(np.float32)
graph = helper.make_graph(
    [helper.make_node("MatMul", ["x", "w"], ["y"])], "product",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 32])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 8])],
    [numpy_helper.from_array(weights, "w")])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "product.onnx")
quantize_dynamic("product.onnx", "int8.onnx", weight_type=QuantType.QInt8, per_channel=True)
session = onnxruntime.InferenceSession("int8.onnx")
score = lambda x: session.run(None, {"x": x})[0]
rows = rng.normal(size=(4, 32)).astype(np.float32)
exact = rows[0] @ weights
alone, beside = score(rows[:1])[0], score(np.vstack([rows, 1000 * rows[3:]]))[0]
off = [np.abs(y - exact).max() / np.abs(exact).max() for y in (alone, beside)]
print(f"onnxruntime {onnxruntime.__version__}: float32 {exact[:3].round(2)}; int8, the row alone {alone[:3].round(2)}",
      f"(off by {off[0]:.1%}), beside one a thousand times as large {beside[:3].round(2)} (off by {off[1]:.0%})")
sys.exit(not (off[0] < 0.03 and off[1] > 0.5))
PYTHON
