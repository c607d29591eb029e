#!/usr/bin/env python3
"""Checks a running model server with ovmsclient over gRPC, which speaks TensorFlow Serving's.

  ovms_grpc_client.py --url 127.0.0.1:PORT --model loans --rows rows.json

Prints 'ok <name>' for each check and 'all passed'.
"""
import argparse
import json
import os

for v in ("NO_PROXY", "no_proxy", "no_grpc_proxy"):
    os.environ[v] = "127.0.0.1,localhost,::1"

import numpy as np
from ovmsclient import make_grpc_client
from ovmsclient.tfs_compat.base.errors import InvalidInputError, ModelNotFoundError

ap = argparse.ArgumentParser()
ap.add_argument("--url", required=True)
ap.add_argument("--model", required=True)
ap.add_argument("--rows", required=True)
args = ap.parse_args()
doc = json.load(open(args.rows, encoding="utf-8"))
ROWS, EXPECTED = doc["rows"], doc["expected"]
client = make_grpc_client(args.url)
COLUMNS = {
    name: np.array([r[name].encode() if isinstance(r[name], str) else float(r[name]) for r in ROWS]) for name in ROWS[0]
}


def ok(name, holds):
    assert holds, name
    print("ok", name, flush=True)


def raises(kind, f):
    try:
        f()
    except kind as e:
        return str(e)
    return ""


status = client.get_model_status(args.model)
ok("get_model_status", status == {1: {"state": "AVAILABLE", "error_code": 0, "error_message": ""}})
ok("get_model_status of a version", client.get_model_status(args.model, 1) == status)
signature = client.get_model_metadata(args.model)
ok("get_model_metadata", signature["model_version"] == 1 and set(signature["inputs"]) == set(ROWS[0]))
ok("get_model_metadata has types", signature["outputs"]["probability"]["dtype"] == "DT_FLOAT")
ok("predict", client.predict(COLUMNS, args.model).tolist() == EXPECTED)
ok("predict of a version", client.predict(COLUMNS, args.model, 1).tolist() == EXPECTED)
ok("an unknown model", "no-such" in raises(ModelNotFoundError, lambda: client.get_model_status("no-such")))
ok("a version that is not there", "version 7" in raises(ModelNotFoundError, lambda: client.predict(COLUMNS, args.model, 7)))
wrong = {"no-such-column": [1.0, 2.0, 3.0]}
ok("columns that are wrong", "no-such-column" in raises(InvalidInputError, lambda: client.predict(wrong, args.model)))
print("all passed")
