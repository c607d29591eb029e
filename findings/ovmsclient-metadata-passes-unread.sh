#!/usr/bin/env bash
# ovmsclient 2023.1, a client of TensorFlow Serving's REST API, reads a model's status by the API's own keys
# (model_version_status) and its metadata by camel case (modelSpec, tensorShape), as OpenVINO's server alone writes it. Given the
# documented answer of TensorFlow Serving (model_spec, tensor_shape), get_model_metadata raises nothing: it hands out the answer as
# it came, so the same call returns {"inputs", "outputs", "model_version"} of one server and {"model_spec", "metadata"} of another.
# What follows for us: gateways answer as TensorFlow documents it, and docs/works-with.md and test/reference/ovms_client.py read that.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet ovmsclient==2023.1
cat > ask.py <<'PY'
import http.server
import json
import os
import threading

os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
from ovmsclient import make_http_client

tensor = {"dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}, "name": "x:0"}
signature = {"inputs": {"x": tensor}, "outputs": {"y": tensor}, "method_name": "tensorflow/serving/predict"}
documented = {
    "model_spec": {"name": "m", "signature_name": "", "version": "1"},
    "metadata": {"signature_def": {"signature_def": {"serving_default": signature}}},
}
camel = json.loads(
    json.dumps(documented)
    .replace("model_spec", "modelSpec")
    .replace("tensor_shape", "tensorShape")
    .replace('{"signature_def": {"signature_def"', '{"signature_def": {"signatureDef"')
)
status = {"model_version_status": [{"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}]}


class Handler(http.server.BaseHTTPRequestHandler):
    answer = documented

    def do_GET(self):
        body = json.dumps(Handler.answer if self.path.endswith("/metadata") else status).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = make_http_client(f"127.0.0.1:{server.server_port}")
seen = [sorted(client.get_model_status("m")), sorted(client.get_model_metadata("m"))]
Handler.answer = camel
seen.append(sorted(client.get_model_metadata("m")))
server.shutdown()
print("ovmsclient 2023.1: status", seen[0], "metadata as documented", seen[1], "in camel case", seen[2])
assert seen == [[1], ["metadata", "model_spec"], ["inputs", "model_version", "outputs"]]
PY
venv/bin/python ask.py
