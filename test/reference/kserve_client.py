#!/usr/bin/env python3
"""Checks a running model server with KServe's InferenceRESTClient, protocols v1 and v2.

  kserve_client.py --url http://127.0.0.1:PORT --model loans --rows rows.json

Prints 'ok <name>' for each check and 'all passed'.
"""
import argparse
import asyncio
import json
import os

for v in ("NO_PROXY", "no_proxy"):
    os.environ[v] = "127.0.0.1,localhost,::1"

import httpx
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

ap = argparse.ArgumentParser()
ap.add_argument("--url", required=True)
ap.add_argument("--model", required=True)
ap.add_argument("--rows", required=True)
args = ap.parse_args()
doc = json.load(open(args.rows, encoding="utf-8"))
ROWS, EXPECTED = doc["rows"], doc["expected"]


def ok(name, holds):
    assert holds, name
    print("ok", name, flush=True)


async def main():
    v1 = InferenceRESTClient(RESTConfig(protocol="v1"))
    ok("v1 is_model_ready", await v1.is_model_ready(args.url, args.model) is True)
    try:
        ready = await v1.is_model_ready(args.url, "no-such-model")
    except httpx.HTTPStatusError as e:
        ok("v1 is_model_ready of an unknown model raises with our words", "no-such-model" in str(e))
    else:
        ok("v1 is_model_ready of an unknown model is false", ready is False)
    answer = await v1.infer(args.url, {"instances": ROWS}, model_name=args.model)
    ok("v1 infer", answer["predictions"] == EXPECTED)
    try:
        await v1.infer(args.url, {"instances": [{"no-such-column": 1}]}, model_name=args.model)
        ok("v1 infer of what is wrong raises", False)
    except httpx.HTTPStatusError as e:
        ok("v1 infer of what is wrong raises with our words", "no-such-column" in str(e))

    v2 = InferenceRESTClient(RESTConfig(protocol="v2"))
    ok("v2 is_server_live", await v2.is_server_live(args.url) is True)
    ok("v2 is_server_ready", await v2.is_server_ready(args.url) is True)
    ok("v2 is_model_ready", await v2.is_model_ready(args.url, args.model) is True)
    kinds = {str: "BYTES", int: "INT64", float: "FP64"}
    inputs = []
    for name in ROWS[0]:
        values = [r[name] for r in ROWS]
        kind = "FP64" if any(isinstance(v, float) for v in values) else kinds[type(values[0])]
        inputs.append(InferInput(name, [len(values)], kind, data=values))
    answer = await v2.infer(
        args.url, InferRequest(model_name=args.model, infer_inputs=inputs), model_name=args.model)
    ok("v2 infer", list(answer.outputs[0].data) == EXPECTED)


asyncio.run(main())
print("all passed")
