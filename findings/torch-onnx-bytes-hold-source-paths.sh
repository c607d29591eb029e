#!/usr/bin/env bash
# torch.onnx.export (PyTorch 2.15.0, the exporter by torch.export) writes into every node of the model the stack that it
# comes from: absolute paths of the script and of the installed torch, line numbers, and lines of the source. The same
# model exported by the same script in another folder is another file, with another digest; and who is given the model
# reads the paths and those lines. Without them the two files are the same bytes.
# What to do: clear metadata_props of all nodes (and of the graph) before saving, as below.
# It fetches 2.9 GB, for torch brings what GPUs need.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.15.0 onnx==1.23.2 onnxscript==0.7.2 numpy==2.4.6
mkdir here there
cat > here/export.py <<'PYTHON'
import hashlib, sys
import torch

torch.manual_seed(1)

class Doubled(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def forward(self, x):
        return 2 * torch.sigmoid(self.layer(x))  # only we know this remark

rows = {0: torch.export.Dim("rows")}
program = torch.onnx.export(Doubled().eval(), (torch.zeros(3, 4),), dynamo=True, dynamic_shapes=(rows,), verbose=False)
for name in "as-it-is", "cleared":
    program.save(f"{name}.onnx", external_data=False)
    for node in program.model.graph.all_nodes():
        node.metadata_props.clear()
PYTHON
cp here/export.py there/
for each in here there; do (cd $each && ../venv/bin/python -W ignore export.py > /dev/null 2>&1); done
differ=$(cmp -s here/as-it-is.onnx there/as-it-is.onnx && echo no || echo yes)
same=$(cmp -s here/cleared.onnx there/cleared.onnx && echo yes || echo no)
paths=$(grep -c -a "$folder/here/export.py" here/as-it-is.onnx || true)
lines=$(grep -c -a "only we know this remark" here/as-it-is.onnx || true)
echo "torch 2.15.0: of two folders the bytes differ: $differ; without metadata they are the same: $same"
echo "lines with the path of the script: $paths, with a line of its source: $lines"
test "$differ" = yes && test "$same" = yes && test "$paths" -gt 0 && test "$lines" -gt 0
