#!/usr/bin/env python3
"""Stands for the `slipway` command where only a launcher is tried: it notes what it is given, and ends as a pipeline of
its name would: `good` well, `strict` by a gate (12), `away` with a server away (20), `endless` never by itself."""

import json
import os
import sys
import time

given = sys.argv[1:]
with open(os.environ["STUB_NOTES"], "a", encoding="utf-8") as notes:
    notes.write(json.dumps(given) + "\n")
verb, what = given[0], given[1]
pipeline = what.split("-")[0]
run = {"runId": f"{pipeline}-20260101-000000-k3x9", "workflowId": f"run/{pipeline}-20260101-000000-k3x9"}
errors = {
    "strict": (12, {"code": "GATE_FAILED", "message": "auc ≥ 0.999: 0.7 < 0.999", "next": "look"}),
    "away": (20, {"code": "TEMPORAL_UNREACHABLE", "message": "nobody answers at 127.0.0.1:7233"}),
}
if verb == "wait":
    if pipeline == "endless":
        time.sleep(120)
    code, error = errors.get(pipeline, (0, None))
    model = {"name": pipeline, "version": 3, "digest": "sha256:00", "champion": True}
    failed = {"status": "gate failed" if code == 12 else "failed", "error": error, "model": None}
    ended = failed if error else {"status": "succeeded", "model": model}
    document = {**run, "exitCode": code, "metrics": {"auc": 0.7}, **ended}
else:
    code, document = 0, {**run, "status": "started", "exitCode": 0}
print(json.dumps(document))
sys.exit(code)
