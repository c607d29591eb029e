#!/usr/bin/env python3
"""Checks a running model server with public Python clients: tritonclient (Open Inference Protocol v2),
boto3 sagemaker-runtime, MLflow's scoring client, and plain urllib for TensorFlow Serving's REST form.

  clients.py --url http://127.0.0.1:PORT --model loans --rows rows.json [--skip NAME,...]

rows.json: {"rows": [{"income", "age", "purpose", "day"}, ...], "expected": [probability, ...]}
Prints 'ok <name>' or 'FAIL <name>: why' for each check; exits 1 when any check failed.
"""
import argparse
import csv
import io
import json
import os
import sys
import types
import urllib.error
import urllib.request
from urllib.parse import urlsplit

for v in ("NO_PROXY", "no_proxy"):  # requests and botocore would otherwise send loopback calls to a proxy
    os.environ[v] = "127.0.0.1,localhost,::1"
os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")

import boto3
import numpy as np
import pandas as pd
import tritonclient.http as triton
from botocore.config import Config
from botocore.exceptions import ClientError
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
from tritonclient.utils import InferenceServerException

ap = argparse.ArgumentParser()
ap.add_argument("--url", required=True)
ap.add_argument("--model", required=True)
ap.add_argument("--rows", required=True)
ap.add_argument("--output", default="probability", help="name of the output tensor")
ap.add_argument("--skip", default="", help="comma-separated parts of check names to leave out")
args = ap.parse_args()

URL, MODEL, OUT = args.url.rstrip("/"), args.model, args.output
NET = urlsplit(URL)
doc = json.load(open(args.rows, encoding="utf-8"))
ROWS, EXPECTED = doc["rows"], doc["expected"]
COLS = list(ROWS[0])
N = len(ROWS)
TOL = 1e-7
NP = {"FP64": np.float64, "FP32": np.float32, "INT64": np.int64, "INT32": np.int32, "BOOL": np.bool_, "BYTES": np.object_}

failed = 0
skip = [s for s in args.skip.split(",") if s]


def check(name):
    """Runs the decorated function at once as the check `name`."""
    def run(f):
        global failed
        if any(s in name for s in skip):
            print("skip", name)
            return
        try:
            f()
            print("ok", name, flush=True)
        except Exception as e:
            failed += 1
            print(f"FAIL {name}: {type(e).__name__}: {e}", flush=True)
    return run


def same(got):
    got = np.asarray(got)
    assert got.shape == (N,), f"shape {got.shape}, expected ({N},)"
    assert got.dtype.kind == "f", f"predictions are not floats but {got.dtype}"
    d = float(np.max(np.abs(got.astype(np.float64) - np.asarray(EXPECTED))))
    assert d <= TOL, f"differs from the expected predictions by up to {d:g}"


def raises(kind, f):
    try:
        r = f()
    except kind as e:
        return e
    raise AssertionError(f"no {kind.__name__} was raised; the answer was {r!r}")


# ---------------------------------------------------------------- tritonclient: Open Inference Protocol v2
client = triton.InferenceServerClient(NET.netloc + NET.path.rstrip("/"), connection_timeout=10, network_timeout=30)
META = {}


def tensors(binary=True, dtypes=None, column=False):
    """One input tensor per column, of the datatype that the model's metadata says (or dtypes)."""
    declared = {t["name"]: t["datatype"] for t in META["inputs"]}
    ins = []
    for c in COLS:
        dt = (dtypes or {}).get(c) or declared[c]
        a = np.array([r[c] for r in ROWS], dtype=NP[dt])
        if column:
            a = a.reshape(-1, 1)
        t = triton.InferInput(c, list(a.shape), dt)
        t.set_data_from_numpy(a, binary_data=binary)
        ins.append(t)
    return ins


def wanted(binary=True):
    return [triton.InferRequestedOutput(OUT, binary_data=binary)]


def infer(ins, **kw):
    r = client.infer(MODEL, ins, **kw)
    res = r.get_response()
    assert res["model_name"] == MODEL, res
    o = r.get_output(OUT)
    assert o is not None and o["datatype"] == "FP32", o
    same(r.as_numpy(OUT))
    return r, o


def is_binary(o, yes=True):
    size = (o.get("parameters") or {}).get("binary_data_size")
    if yes:
        assert size == 4 * N and "data" not in o, f"the output is not binary: {o}"
    else:
        assert size is None and "data" in o, f"the output is not JSON: {o}"


@check("triton is_server_live")
def _():
    assert client.is_server_live() is True


@check("triton is_server_ready")
def _():
    assert client.is_server_ready() is True


@check("triton get_server_metadata")
def _():
    m = client.get_server_metadata()
    assert isinstance(m["name"], str) and isinstance(m["version"], str), m
    assert "binary_tensor_data" in m["extensions"], m


@check("triton is_model_ready")
def _():
    assert client.is_model_ready(MODEL) is True


@check("triton get_model_metadata")
def _():
    m = client.get_model_metadata(MODEL)
    assert m["name"] == MODEL and isinstance(m["platform"], str), m
    assert m["versions"] and all(isinstance(v, str) for v in m["versions"]), m
    for t in m["inputs"] + m["outputs"]:
        assert t["datatype"] in NP and t["shape"][0] == -1, t
    missing = set(COLS) - {t["name"] for t in m["inputs"]}
    assert not missing, f"no input tensors {sorted(missing)}"
    assert {"name": OUT, "datatype": "FP32"}.items() <= {k: v for t in m["outputs"] if t["name"] == OUT for k, v in t.items()}.items(), m
    META.update(m)


@check("triton infer binary")
def _():
    is_binary(infer(tensors(), outputs=wanted())[1])


@check("triton infer binary, no outputs named")
def _():
    is_binary(infer(tensors())[1])


@check("triton infer json")
def _():
    is_binary(infer(tensors(binary=False), outputs=wanted(binary=False))[1], False)


@check("triton infer json in, binary out")
def _():
    is_binary(infer(tensors(binary=False), outputs=wanted())[1])


@check("triton infer binary in, json out")
def _():
    is_binary(infer(tensors(), outputs=wanted(binary=False))[1], False)


@check("triton infer shape [n,1]")
def _():
    infer(tensors(column=True), outputs=wanted())
    infer(tensors(binary=False, column=True), outputs=wanted(False))


@check("triton infer other widths of numbers")
def _():
    swap = {"INT64": "INT32", "INT32": "INT64", "FP64": "FP32", "FP32": "FP64"}
    d = {t["name"]: swap[t["datatype"]] for t in META["inputs"] if t["datatype"] in swap and t["name"] in COLS}
    # FP32 only where no value changes by it, so that the expected predictions stay the same
    d = {c: x for c, x in d.items() if x != "FP32" or all(float(np.float32(r[c])) == r[c] for r in ROWS)}
    assert d, "no column can be sent in another width"
    infer(tensors(dtypes=d), outputs=wanted())
    infer(tensors(binary=False, dtypes=d), outputs=wanted(False))


@check("triton infer gzip request and response")
def _():
    is_binary(infer(tensors(), outputs=wanted(), request_compression_algorithm="gzip", response_compression_algorithm="gzip")[1])
    infer(tensors(False), outputs=wanted(False), request_compression_algorithm="gzip", response_compression_algorithm="gzip")


@check("triton infer deflate request and response")
def _():
    infer(tensors(), outputs=wanted(), request_compression_algorithm="deflate", response_compression_algorithm="deflate")


@check("triton infer of a version, with a request id")
def _():
    v = META["versions"][-1]
    assert client.is_model_ready(MODEL, v) is True
    assert client.get_model_metadata(MODEL, v)["name"] == MODEL
    r = infer(tensors(), model_version=v, request_id="check-1")[0].get_response()
    assert r["id"] == "check-1" and r["model_version"] == v, r


@check("triton async_infer")
def _():
    r = client.async_infer(MODEL, tensors(), outputs=wanted()).get_result()
    same(r.as_numpy(OUT))


def v2_error(f, status):
    e = raises(InferenceServerException, f)
    assert e.status() == str(status), f"status {e.status()}, expected {status}: {e}"
    assert e.message() and "an exception occurred in the client" not in e.message(), e.message()


@check("triton error: unknown model")
def _():
    assert client.is_model_ready("no-such-model") is False
    v2_error(lambda: client.get_model_metadata("no-such-model"), 404)
    v2_error(lambda: client.infer("no-such-model", tensors(), outputs=wanted()), 404)
    v2_error(lambda: client.infer("no-such-model", tensors(), outputs=wanted(), response_compression_algorithm="gzip"), 404)


@check("triton error: a column is missing")
def _():
    v2_error(lambda: client.infer(MODEL, tensors()[1:], outputs=wanted()), 400)


@check("triton error: unknown output")
def _():
    v2_error(lambda: client.infer(MODEL, tensors(), outputs=[triton.InferRequestedOutput("no_such_output")]), 400)


@check("triton works after errors")
def _():
    infer(tensors(), outputs=wanted())


# ---------------------------------------------------------------- boto3: sagemaker-runtime
sm = boto3.client("sagemaker-runtime", endpoint_url=URL, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x",
                  config=Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=30))


def invoke(body, ctype="application/json", accept="application/json", name=MODEL):
    r = sm.invoke_endpoint(EndpointName=name, Body=body, ContentType=ctype, Accept=accept)
    assert r["ResponseMetadata"]["HTTPStatusCode"] == 200, r
    assert r["ContentType"].split(";")[0] == accept, r["ContentType"]
    return r["Body"].read().decode("utf-8")


def csv_text(header):
    s = io.StringIO()
    w = csv.writer(s, lineterminator="\n")
    w.writerows(([COLS] if header else []) + [[r[c] for c in COLS] for r in ROWS])
    return s.getvalue()


@check("boto3 invoke_endpoint instances")
def _():
    same(json.loads(invoke(json.dumps({"instances": ROWS})))["predictions"])


@check("boto3 invoke_endpoint text/csv without a header")
def _():
    same([float(x) for x in invoke(csv_text(False), "text/csv", "text/csv").split()])


@check("boto3 invoke_endpoint text/csv to json")
def _():
    same(json.loads(invoke(csv_text(False), "text/csv"))["predictions"])


@check("boto3 invoke_endpoint TargetVariant, InferenceId")
def _():
    body = json.dumps({"instances": ROWS})
    r = sm.invoke_endpoint(EndpointName=MODEL, Body=body, ContentType="application/json", TargetVariant="champion", InferenceId="order-1")
    same(json.loads(r["Body"].read())["predictions"])
    assert r["InvokedProductionVariant"] == "champion", r
    assert r["ResponseMetadata"]["HTTPHeaders"]["x-request-id"] == "order-1", r
    e = raises(ClientError, lambda: sm.invoke_endpoint(EndpointName=MODEL, Body=body, TargetVariant="candidate"))
    assert isinstance(e, sm.exceptions.ValidationError), f"{type(e).__name__}: {e.response}"


@check("boto3 error: unknown endpoint is ValidationError")
def _():
    e = raises(ClientError, lambda: invoke(json.dumps({"instances": ROWS}), name="no-such-endpoint"))
    assert isinstance(e, sm.exceptions.ValidationError), f"{type(e).__name__}: {e.response}"
    assert e.response["Error"]["Message"], e.response
    assert e.response["ResponseMetadata"]["HTTPStatusCode"] == 400, e.response


@check("boto3 error: a bad body is ModelError")
def _():
    for body in ("{", "{}", json.dumps({"instances": [{k: v for k, v in ROWS[0].items() if k != COLS[0]}]})):
        e = raises(ClientError, lambda: invoke(body))
        assert isinstance(e, sm.exceptions.ModelError), f"{type(e).__name__}: {e.response}"
        assert e.response["OriginalStatusCode"] == 400, e.response
        assert e.response["OriginalMessage"] and e.response["Error"]["Message"], e.response
        assert e.response["ResponseMetadata"]["HTTPStatusCode"] == 424, e.response


# ---------------------------------------------------------------- MLflow scoring client
# mlflow 3.17's dump_input_data asks find_spec("scipy.sparse"), which raises where scipy isn't installed at all; an
# empty stand-in makes it answer None, and the client then goes its way without the 100 MB package.
try:
    import scipy  # noqa: F401
except ImportError:
    sys.modules["scipy"] = types.ModuleType("scipy")
    sys.modules["scipy"].__path__ = []
ml = ScoringServerClient(NET.hostname, f"{NET.port or 80}{NET.path.rstrip('/')}")


def frame():
    return pd.DataFrame(ROWS, columns=COLS)


def predictions(data):
    r = ml.invoke(data)
    same(r.get_predictions("ndarray"))
    assert r.get_predictions().shape == (N, 1), r


@check("mlflow ping")
def _():
    ml.wait_server_ready(timeout=10)


@check("mlflow get_version")
def _():
    assert ml.get_version(), "no version"


@check("mlflow invoke DataFrame (dataframe_split)")
def _():
    predictions(frame())


@check("mlflow invoke DataFrame, columns in another order")
def _():
    predictions(frame()[COLS[::-1]])


@check("mlflow invoke DataFrame with datetime64")
def _():
    predictions(frame().assign(day=lambda d: pd.to_datetime(d["day"], utc=True, format="ISO8601")))


@check("mlflow invoke dataframe_records")
def _():
    predictions(json.dumps({"dataframe_records": ROWS}))


@check("mlflow invoke inputs")
def _():
    predictions(json.dumps({"inputs": {c: [r[c] for r in ROWS] for c in COLS}}))


@check("mlflow invoke instances")
def _():
    predictions(json.dumps({"instances": ROWS}))


@check("mlflow error: a column is missing")
def _():
    e = raises(Exception, lambda: ml.invoke(frame()[COLS[1:]]))
    assert "error code 400" in str(e), e


# ---------------------------------------------------------------- plain urllib
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def http(method, path, body=None, ctype="application/json", status=200):
    data = body if body is None or isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    q = urllib.request.Request(URL + path, data=data, method=method, headers={"Content-Type": ctype} if data else {})
    try:
        r = opener.open(q, timeout=30)
    except urllib.error.HTTPError as e:
        r = e
    text = r.read().decode()
    assert r.status == status, f"{method} {path}: status {r.status}, expected {status}: {text[:300]}"
    return text


@check("http GET /ping")
def _():
    http("GET", "/ping")


@check("http POST /invocations text/csv with a header")
def _():
    same(json.loads(http("POST", "/invocations", csv_text(True), "text/csv"))["predictions"])


@check("http POST /invocations, unknown content type is 415")
def _():
    http("POST", "/invocations", b"x", "application/x-nonsense", 415)


@check("tfserving predict instances")
def _():
    same(json.loads(http("POST", f"/v1/models/{MODEL}:predict", {"instances": ROWS}))["predictions"])


@check("tfserving predict of a version")
def _():
    v = META["versions"][-1]
    same(json.loads(http("POST", f"/v1/models/{MODEL}/versions/{v}:predict", {"instances": ROWS}))["predictions"])


@check("tfserving predict inputs (columns) to outputs")
def _():
    body = {"signature_name": "serving_default", "inputs": {c: [r[c] for r in ROWS] for c in COLS}}
    same(json.loads(http("POST", f"/v1/models/{MODEL}:predict", body))["outputs"])


@check("tfserving error: unknown model")
def _():
    e = json.loads(http("POST", "/v1/models/no-such-model:predict", {"instances": ROWS}, status=404))
    assert isinstance(e["error"], str) and e["error"], e


client.close()
print(f"{failed} failed" if failed else "all passed", flush=True)
sys.exit(1 if failed else 0)
