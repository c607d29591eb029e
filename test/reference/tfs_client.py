#!/usr/bin/env python3
"""Checks a running model server over gRPC with TensorFlow Serving's own stubs.

  tfs_client.py --url 127.0.0.1:PORT --model loans --rows rows.json

Prints 'ok <name>' for each check and 'all passed'.
"""
import argparse
import json
import os

for v in ("NO_PROXY", "no_proxy", "no_grpc_proxy"):
    os.environ[v] = "127.0.0.1,localhost,::1"

import grpc
import numpy as np

from tfs_stubs import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
    types_pb2,
)

ap = argparse.ArgumentParser()
ap.add_argument("--url", required=True)
ap.add_argument("--model", required=True)
ap.add_argument("--rows", required=True)
args = ap.parse_args()
doc = json.load(open(args.rows, encoding="utf-8"))
ROWS, EXPECTED, MODEL = doc["rows"], doc["expected"], args.model
channel = grpc.insecure_channel(args.url)
stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
models = model_service_pb2_grpc.ModelServiceStub(channel)


def ok(name, holds):
    assert holds, name
    print("ok", name, flush=True)


def fails(name, code, words, f):
    try:
        f()
    except grpc.RpcError as e:
        ok(name, e.code().name == code and words in e.details())
    else:
        ok(f"{name}: nothing was raised", False)


def spec(request, name=MODEL, version=None, label=None, signature=None):
    request.model_spec.name = name
    if version is not None:
        request.model_spec.version.value = version
    if label is not None:
        request.model_spec.version_label = label
    if signature is not None:
        request.model_spec.signature_name = signature
    return request


def filled(request, as_bytes=False, rows=ROWS, shape=lambda n: [n]):
    for name in rows[0]:
        values = [r[name] for r in rows]
        tensor = request.inputs[name]
        for size in shape(len(values)):
            tensor.tensor_shape.dim.add(size=size)
        if isinstance(values[0], str):
            tensor.dtype = types_pb2.DT_STRING
            raw = [v.encode() for v in values]
            if as_bytes:
                tensor.tensor_content = bytes(len(v) for v in raw) + b"".join(raw)
            else:
                tensor.string_val.extend(raw)
            continue
        tensor.dtype = types_pb2.DT_DOUBLE
        if as_bytes:
            tensor.tensor_content = np.array(values, np.float64).tobytes()
        else:
            tensor.double_val.extend(values)
    return request


def predict(timeout=30, rows=ROWS, outputs=(), as_bytes=False, shape=lambda n: [n], **whom):
    request = filled(spec(predict_pb2.PredictRequest(), **whom), as_bytes, rows, shape)
    request.output_filter.extend(outputs)
    return stub.Predict(request, timeout)


def same(answer, expected=EXPECTED):
    output = answer.outputs["probability"]
    sizes = [d.size for d in output.tensor_shape.dim]
    return output.dtype == types_pb2.DT_FLOAT and sizes == [len(expected)] and list(output.float_val) == expected


answer = predict()
ok("Predict", same(answer) and list(answer.outputs) == ["probability"])
who = answer.model_spec
ok("Predict says who answered", (who.name, who.version.value, who.signature_name) == (MODEL, 1, "serving_default"))
ok("Predict, tensor_content", same(predict(as_bytes=True)))
ok("Predict, columns of shape [n, 1]", same(predict(shape=lambda n: [n, 1])))
ok("Predict of a version", same(predict(version=1)))
ok("Predict of version 0", same(predict(version=0)))
ok("Predict of a label", same(predict(label="champion")))
ok("Predict of a signature", same(predict(signature="serving_default")))
ok("Predict of an output", same(predict(outputs=["probability"])))
ok("Predict of one row", same(predict(rows=ROWS[:1]), EXPECTED[:1]))
call = stub.Predict.with_call(filled(spec(predict_pb2.PredictRequest())), 30)[1]
ok("metadata says who answered", dict(call.initial_metadata())["x-model-version"] == "1")
futures = [stub.Predict.future(filled(spec(predict_pb2.PredictRequest())), 30) for _ in range(8)]
ok("Predict, eight at once", all(same(f.result()) for f in futures))


def examples(kind, rows=ROWS, context=()):
    request = spec(kind())
    held = request.input.example_list_with_context if context else request.input.example_list

    def fill(example, row, names):
        for name in names:
            feature = example.features.feature[name]
            value = row[name]
            if isinstance(value, str):
                feature.bytes_list.value.append(value.encode())
            elif isinstance(value, int):
                feature.int64_list.value.append(value)
            else:
                feature.float_list.value.append(value)

    for row in rows:
        fill(held.examples.add(), row, [n for n in row if n not in context])
    if context:
        fill(held.context, rows[0], context)
    return request


result = stub.Classify(examples(classification_pb2.ClassificationRequest), 30)
scores = [[(c.label, c.score) for c in each.classes] for each in result.result.classifications]
one = np.float32(1)
ok("Classify", scores == [[("0", float(one - np.float32(p))), ("1", p)] for p in EXPECTED])
ok("Classify says who answered", result.model_spec.version.value == 1)
twice = stub.Classify(examples(classification_pb2.ClassificationRequest, [ROWS[0]] * 2, ("purpose", "day")), 30)
ok("Classify with a context", [each.classes[1].score for each in twice.result.classifications] == [EXPECTED[0]] * 2)
fails("Regress of a model of classes", "INVALID_ARGUMENT", "regress", lambda: stub.Regress(examples(regression_pb2.RegressionRequest), 30))

request = spec(get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"]))
metadata = stub.GetModelMetadata(request, 30)
signatures = get_model_metadata_pb2.SignatureDefMap()
ok("GetModelMetadata is a SignatureDefMap", metadata.metadata["signature_def"].Unpack(signatures))
signature = signatures.signature_def["serving_default"]
ok("GetModelMetadata", set(signature.inputs) == set(ROWS[0]) and signature.method_name == "tensorflow/serving/predict")
income = signature.inputs["income"]
ok("GetModelMetadata has types and shapes", income.dtype == types_pb2.DT_DOUBLE and [d.size for d in income.tensor_shape.dim] == [-1])
ok("GetModelMetadata has outputs", signature.outputs["probability"].dtype == types_pb2.DT_FLOAT)
ok("GetModelMetadata says whose it is", metadata.model_spec.version.value == 1)


def status(**whom):
    told = models.GetModelStatus(spec(get_model_status_pb2.GetModelStatusRequest(), **whom), 30)
    return [(s.version, s.state, s.status.error_code) for s in told.model_version_status]


AVAILABLE = get_model_status_pb2.ModelVersionStatus.AVAILABLE
ok("GetModelStatus", status() == status(version=1) == status(label="champion") == [(1, AVAILABLE, 0)])

fails("GetModelStatus of an unknown model", "NOT_FOUND", "nobody", lambda: status(name="nobody"))
fails("an unknown model", "NOT_FOUND", "nobody", lambda: predict(name="nobody"))
fails("an unknown version", "NOT_FOUND", "version 7", lambda: predict(version=7))
fails("an unknown label", "NOT_FOUND", "canary", lambda: predict(label="canary"))
fails("an unknown signature", "INVALID_ARGUMENT", "other", lambda: predict(signature="other"))
fails("an unknown output", "INVALID_ARGUMENT", "nothing", lambda: predict(outputs=["nothing"]))
fails("no model", "INVALID_ARGUMENT", "model_spec.name", lambda: stub.Predict(predict_pb2.PredictRequest(), 30))
some = [{k: v for k, v in r.items() if k != "income"} for r in ROWS]
fails("a column is missing", "INVALID_ARGUMENT", "income", lambda: predict(rows=some))
fails("a deadline that has passed", "DEADLINE_EXCEEDED", "", lambda: predict(timeout=0))
fails("MultiInference", "UNIMPLEMENTED", "Classify", lambda: stub.MultiInference(inference_pb2.MultiInferenceRequest(), 30))
reload = model_management_pb2.ReloadConfigRequest()
fails("HandleReloadConfigRequest", "UNIMPLEMENTED", "routes", lambda: models.HandleReloadConfigRequest(reload, 30))
print("all passed")
