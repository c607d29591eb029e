#!/usr/bin/env bash
# A string tensor that onnxruntime-node is given ends each text at its first U+0000: a LabelEncoder that knows "a" answers for "a\0b"
# as if it were "a", and for "\0" as if it were the empty text. onnxruntime in Python, given the same model and texts, looks the whole up.
# What follows for us: a text that is to mean "missing" must not begin with U+0000, for it would be the category "".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check onnx==1.20.1 onnxruntime==1.23.2 numpy==2.3.5
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . onnxruntime-node@1.30.0 >/dev/null
venv/bin/python - <<'PYTHON'
import numpy as np, onnx, onnxruntime
from onnx import TensorProto, helper

node = helper.make_node("LabelEncoder", ["text"], ["number"], domain="ai.onnx.ml", keys_strings=["", "a"], values_floats=[1.0, 2.0], default_float=9.0)
graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("text", TensorProto.STRING, [None])], [helper.make_tensor_value_info("number", TensorProto.FLOAT, [None])])
model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 3)])
onnx.checker.check_model(model)
onnx.save(model, "encoder.onnx")
session = onnxruntime.InferenceSession("encoder.onnx")
answers = session.run(None, {"text": np.array(["a", "a\0b", "\0", "b"], dtype=object)})[0].tolist()
print(f"onnxruntime {onnxruntime.__version__} in Python: a, a\\0b, \\0, b give {answers}")
open("python.txt", "w").write(",".join(f"{answer:g}" for answer in answers))
PYTHON
cat > ask.mjs <<'JS'
import { readFileSync } from 'node:fs'
import { InferenceSession, Tensor } from 'onnxruntime-node'

const session = await InferenceSession.create('encoder.onnx')
const { number } = await session.run({ text: new Tensor('string', ['a', 'a\0b', '\0', 'b'], [4]) })
const [here, python] = [[...number.data].join(), readFileSync('python.txt', 'utf8')]
console.log(`onnxruntime-node 1.30.0: a, a\\0b, \\0, b give [${here}]`)
if (here !== '2,2,1,9' || python !== '2,9,9,9') process.exit(1)
JS
node ask.mjs
