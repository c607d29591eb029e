#!/usr/bin/env python3
"""Checks a running model server with KServe's InferenceGRPCClient.

  kserve_grpc_client.py --url 127.0.0.1:PORT --model loans --rows rows.json

Prints 'ok <name>' for each check and 'all passed'.
"""
import argparse
import asyncio
import json
import os

for v in ("NO_PROXY", "no_proxy", "no_grpc_proxy"):
    os.environ[v] = "127.0.0.1,localhost,::1"

import grpc
import numpy as np
from kserve import InferenceGRPCClient, InferInput, InferRequest

ap = argparse.ArgumentParser()
ap.add_argument("--url", required=True)
ap.add_argument("--model", required=True)
ap.add_argument("--rows", required=True)
args = ap.parse_args()
doc = json.load(open(args.rows, encoding="utf-8"))
ROWS, EXPECTED = doc["rows"], doc["expected"]
NP = {"BYTES": np.object_, "INT64": np.int64, "FP64": np.float64}


def ok(name, holds):
    assert holds, name
    print("ok", name, flush=True)


def kind(values):
    if isinstance(values[0], str):
        return "BYTES"
    return "FP64" if any(isinstance(v, float) for v in values) else "INT64"


def request(use_binary, model=args.model):
    inputs = []
    for name in ROWS[0]:
        values = [r[name] for r in ROWS]
        tensor = InferInput(name, [len(values)], kind(values))
        tensor.set_data_from_numpy(np.array(values, dtype=NP[kind(values)]), binary_data=use_binary)
        inputs.append(tensor)
    return InferRequest(model_name=model, infer_inputs=inputs)


async def main():
    client = InferenceGRPCClient(args.url)
    ok("is_server_live", await client.is_server_live() is True)
    ok("is_server_ready", await client.is_server_ready() is True)
    ok("is_model_ready", await client.is_model_ready(args.model) is True)
    for use_binary in (False, True):
        answer = await client.infer(request(use_binary))
        got = answer.outputs[0].as_numpy().astype(np.float64)
        ok(f"infer, {'raw' if use_binary else 'typed'} contents", got.tolist() == EXPECTED)
    try:
        await client.infer(request(False, "no-such-model"))
        ok("infer of an unknown model raises", False)
    except grpc.RpcError as e:
        ok("infer of an unknown model raises with our words", "no-such-model" in e.details() and e.code() == grpc.StatusCode.NOT_FOUND)
    await client.close()


asyncio.run(main())
print("all passed")
