#!/usr/bin/env python3
"""Checks a running model server over gRPC with tritonclient, and with the Python tools for health and reflection.

  grpc_client.py --url 127.0.0.1:PORT --model loans --rows rows.json

Prints 'ok <name>' for each check and 'all passed'.
"""
import argparse
import json
import os
import queue

for v in ("NO_PROXY", "no_proxy", "no_grpc_proxy"):
    os.environ[v] = "127.0.0.1,localhost,::1"

import grpc
import numpy as np
import tritonclient.grpc as triton
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from tritonclient.utils import InferenceServerException, triton_to_np_dtype

ap = argparse.ArgumentParser()
ap.add_argument("--url", required=True)
ap.add_argument("--model", required=True)
ap.add_argument("--rows", required=True)
args = ap.parse_args()
doc = json.load(open(args.rows, encoding="utf-8"))
ROWS, EXPECTED, MODEL = doc["rows"], np.array(doc["expected"]), args.model


def ok(name, holds):
    assert holds, name
    print("ok", name, flush=True)


def fails(name, code, words, f):
    try:
        f()
    except InferenceServerException as e:
        ok(name, e.status() == f"StatusCode.{code}" and words in e.message())
    else:
        ok(f"{name}: nothing was raised", False)


client = triton.InferenceServerClient(args.url)
ok("is_server_live", client.is_server_live() is True)
ok("is_server_ready", client.is_server_ready() is True)
server = client.get_server_metadata()
ok("get_server_metadata", server.name == "slipway" and "statistics" in server.extensions)
ok("is_model_ready", client.is_model_ready(MODEL) is True)
fails("is_model_ready of an unknown model", "NOT_FOUND", "nobody", lambda: client.is_model_ready("nobody"))
metadata = client.get_model_metadata(MODEL)
declared = {t.name: t.datatype for t in metadata.inputs}
ok("get_model_metadata", metadata.versions == ["1"] and declared["income"] == "FP64" and list(metadata.inputs[0].shape) == [-1])
config = client.get_model_config(MODEL, as_json=True)["config"]
ok("get_model_config", config["name"] == MODEL and config["input"][0]["data_type"].startswith("TYPE_"))
index = client.get_model_repository_index(as_json=True)["models"]
ok("get_model_repository_index", index == [{"name": MODEL, "version": "1", "state": "READY"}])
fails("load_model", "UNIMPLEMENTED", "routes", lambda: client.load_model(MODEL))


def columns(rows):
    for name in ROWS[0]:
        values = np.array([r[name] for r in rows], dtype=triton_to_np_dtype(declared[name]))
        yield name, declared[name], values


def tensors(rows=ROWS):
    made = []
    for name, datatype, values in columns(rows):
        tensor = triton.InferInput(name, list(values.shape), datatype)
        tensor.set_data_from_numpy(values)
        made.append(tensor)
    return made


def typed(rows=ROWS):
    """The same in typed contents, which the client has no call for: its messages are filled by hand."""
    field = {"FP64": "fp64_contents", "INT64": "int64_contents", "BYTES": "bytes_contents"}
    request = triton.service_pb2.ModelInferRequest(model_name=MODEL)
    for name, datatype, values in columns(rows):
        tensor = request.inputs.add(name=name, datatype=datatype, shape=values.shape)
        plain = [v.encode() for v in values] if datatype == "BYTES" else values.tolist()
        getattr(tensor.contents, field[datatype]).extend(plain)
    return request


def same(result, expected=EXPECTED):
    got = result.as_numpy("probability")
    return got.dtype == np.float32 and np.array_equal(got.astype(np.float64), expected)


answer = client.infer(MODEL, tensors(), request_id="mine")
ok("infer, raw contents", same(answer) and len(answer.get_response().raw_output_contents) == 1)
ok("infer gives the id back", answer.get_response().id == "mine" and answer.get_response().model_version == "1")
ok("infer of a version", same(client.infer(MODEL, tensors(), model_version="1")))
wanted = [triton.InferRequestedOutput("probability")]
ok("infer of an output", same(client.infer(MODEL, tensors(), outputs=wanted)))
for algorithm in ("gzip", "deflate"):
    ok(f"infer, {algorithm}", same(client.infer(MODEL, tensors(), compression_algorithm=algorithm)))
ok("infer with a timeout", same(client.infer(MODEL, tensors(), client_timeout=30)))
single = client.infer(MODEL, tensors(ROWS[:1]))
ok("infer of one row", same(single, EXPECTED[:1]))
typed_answer = client._client_stub.ModelInfer(typed())
# The client's own as_numpy reads no numbers out of typed contents.
typed_numbers = list(typed_answer.outputs[0].contents.fp32_contents)
ok("infer, typed contents", typed_numbers == EXPECTED.tolist() and len(typed_answer.raw_output_contents) == 0)

done = queue.Queue()
for _ in range(8):
    client.async_infer(MODEL, tensors(), lambda result, error: done.put((result, error)))
answers = [done.get(timeout=30) for _ in range(8)]
ok("async_infer", all(error is None and same(result) for result, error in answers))

client.start_stream(lambda result, error: done.put((result, error)))
for i in range(20):
    name = "nobody" if i == 7 else MODEL
    client.async_stream_infer(name, tensors(ROWS[i % 3 : i % 3 + 1]), request_id=str(i), enable_empty_final_response=True)
answers = [done.get(timeout=30) for _ in range(20)]
client.stop_stream()
ok("a stream tells what is wrong in its place", "nobody" in answers[7][1].message())
ok(
    "a stream answers in order",
    all(
        i == 7 or (r.get_response().id == str(i) and same(r, EXPECTED[i % 3 : i % 3 + 1]))
        for i, (r, e) in enumerate(answers)
    ),
)
ok("a stream's answers are final", answers[0][0].get_response().parameters["triton_final_response"].bool_param is True)

fails("an unknown model", "NOT_FOUND", "nobody", lambda: client.infer("nobody", tensors()))
fails("a column is missing", "INVALID_ARGUMENT", "income", lambda: client.infer(MODEL, tensors()[:2]))
fails("an unknown output", "INVALID_ARGUMENT", "nothing", lambda: client.infer(MODEL, tensors(), outputs=[triton.InferRequestedOutput("nothing")]))
fails(
    "classification is refused, not left out",
    "INVALID_ARGUMENT",
    "classification",
    lambda: client.infer(MODEL, tensors(), outputs=[triton.InferRequestedOutput("probability", class_count=1)]),
)
fails("a message that is too large", "RESOURCE_EXHAUSTED", "", lambda: client.infer(MODEL, tensors(ROWS * 20_000)))
statistics = client.get_inference_statistics(MODEL, as_json=True)["model_stats"][0]
ok("get_inference_statistics", int(statistics["inference_count"]) >= 3 * 12 and int(statistics["inference_stats"]["fail"]["count"]) >= 1)
client.close()

channel = grpc.insecure_channel(args.url)
stub = health_pb2_grpc.HealthStub(channel)
for service in ("", "inference.GRPCInferenceService", MODEL):
    status = stub.Check(health_pb2.HealthCheckRequest(service=service)).status
    ok(f"health of '{service}'", status == health_pb2.HealthCheckResponse.SERVING)
database = ProtoReflectionDescriptorDatabase(channel)
pool = DescriptorPool(database)
ok("reflection lists the service", "inference.GRPCInferenceService" in database.get_services())
serving = pool.FindServiceByName("tensorflow.serving.PredictionService").FindMethodByName("Predict")
ok("reflection describes TensorFlow Serving's", serving.input_type.fields_by_name["inputs"].number == 2)
tensors_of = serving.output_type.fields_by_name["outputs"].message_type.fields_by_name["value"].message_type
ok("reflection finds messages of other files", tensors_of.full_name == "tensorflow.TensorProto")
method = pool.FindServiceByName("inference.GRPCInferenceService").FindMethodByName("ModelInfer")
ours = {f.name: f.number for f in method.input_type.fields}
theirs = {f.name: f.number for f in triton.service_pb2.ModelInferRequest.DESCRIPTOR.fields}
ok("reflection describes the standard's messages", ours == theirs)
for name in ("ModelInferRequest", "ModelInferResponse", "InferTensorContents", "ModelStreamInferResponse", "ModelMetadataResponse",
             "ModelConfig", "ModelInput", "ModelOutput", "ModelStatistics", "RepositoryIndexResponse", "InferParameter"):
    mine = pool.FindMessageTypeByName(f"inference.{name}")
    its = {f.name: (f.number, f.type) for f in triton.service_pb2.DESCRIPTOR.pool.FindMessageTypeByName(f"inference.{name}").fields}
    ok(f"{name} has the standard's numbers and types", all(its[f.name] == (f.number, f.type) for f in mine.fields))
print("all passed")
