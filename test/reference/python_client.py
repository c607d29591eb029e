"""Tries slipway_client against a gateway, and a run by the command; prints what came of it as JSON.
python python_client.py GATEWAY PROJECT COMMAND(JSON)"""

import datetime
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pandas as pd
import polars as pl
import slipway_client as slipway

address, project, command = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])


def failure(call):
    """What a call is refused with."""
    try:
        call()
    except slipway.SlipwayError as error:
        kind = type(error).__name__
        return {"kind": kind, "code": error.code, "status": error.status, "exit": error.exit_code, "is": error.message}
    return None


def predictions():
    """One model, asked in every form that rows have."""
    day = datetime.datetime(2024, 1, 2, 12)
    rows = [
        {"id": 1, "day": day, "income": 30_000, "age": 40, "purpose": "car"},
        {"id": 2, "day": day.astimezone(datetime.timezone.utc), "income": 52_000.5, "age": None, "purpose": None},
    ]
    frame = pd.DataFrame(
        {
            "id": np.array([1, 2], dtype="int32"),
            "day": pd.to_datetime([day, day]),
            "income": np.array([30_000, 52_000.5]),
            "age": [40, np.nan],
            "purpose": pd.array(["car", pd.NA], dtype="string"),
        }
    )
    without_value = {"age": [40, None], "purpose": ["car", None]}
    with slipway.Slipway(address, sticky="x-user") as gateway:
        first = gateway.predict("loans", rows, request_id="one-1", user="ann")
        told = {"values": first.values, "id": first.request_id, "version": first.version, "role": first.role}
        extra = gateway.predict("loans", {**rows[0], "shoe size": 43})
        return {
            **told,
            "model": first.model,
            "digest": first.digest,
            "frame": gateway.predict("loans", frame).values,
            "polars": gateway.predict("loans", pl.DataFrame({**frame.to_dict("list"), **without_value})).values,
            "wide": slipway.rows.records_of([{"id": 2**53 - 1, "other": 2**53}, {"id": np.int64(2**60)}]),
            "pinned": [*gateway.predict("loans", rows, version=1)],
            "none": gateway.predict("loans", []).values,
            "ignored": extra.ignored,
            "made up id": len(extra.request_id),
            "labels": gateway.feedback(
                first.label(1),
                slipway.Label(False, "one-1", row=1, at=datetime.datetime(2024, 5, 1), endpoint="loans"),
            ),
            "no labels": gateway.feedback(),
            "ready": gateway.is_ready(),
            "parallel": parallel(gateway, rows),
        }


def parallel(gateway, rows):
    """Threads that share a client: how many different answers they got."""
    found = []

    def ask():
        found.append(str(gateway.predict("loans", rows).values))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"asked": len(found), "different": len(set(found))}


def refusals():
    gateway = slipway.Slipway(address)
    row = {"id": 1, "day": "2024-01-01", "income": 30_000, "age": 40, "purpose": "car"}
    return {
        "value": failure(lambda: gateway.predict("loans", [{**row, "age": "forty"}])),
        "features": failure(lambda: gateway.predict("loans", [{**row, "income": 13}])),
        "endpoint": failure(lambda: gateway.predict("lones", [row])),
        "version": failure(lambda: gateway.predict("loans", [row], version=7)),
        "explain": failure(lambda: gateway.predict("loans", [row], explain=True)),
        "label": failure(lambda: gateway.feedback(slipway.Label(2, key=7, endpoint="loans"))),
        "large": failure(lambda: gateway.predict("loans", [{**row, "purpose": "x" * 17_000_000}])),
        "infinite": failure(lambda: gateway.predict("loans", [{**row, "income": float("inf")}])),
        "object": failure(lambda: gateway.predict("loans", [{**row, "income": object()}])),
        "text": failure(lambda: gateway.predict("loans", "rows")),
        "nobody": failure(lambda: slipway.Slipway("http://127.0.0.1:9", retries=1).predict("loans", [row])),
        "ready": slipway.Slipway("http://127.0.0.1:9").is_ready(),
    }


class Busy(BaseHTTPRequestHandler):
    """Refuses what is asked at /busy for ever, else twice: the second time by breaking the connection."""

    protocol_version = "HTTP/1.1"
    asked = []

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        Busy.asked.append((self.path, self.headers["x-request-id"], time.monotonic()))
        before = sum(1 for path, _, _ in Busy.asked if path == self.path)
        if "slow" in self.path:
            time.sleep(1)
        if before == 2 and "busy" not in self.path:
            self.close_connection = True
            return
        is_refused = "busy" in self.path or before == 1
        body = json.dumps({"error": "too many"} if is_refused else {"predictions": [0.5]}).encode()
        self.send_response(503 if is_refused else 200)
        if is_refused:
            self.send_header("retry-after", "0.3")
            self.send_header("x-slipway-error", "OVERLOADED")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except BrokenPipeError:
            pass

    def log_message(self, *_):
        pass


def retries():
    server = HTTPServer(("127.0.0.1", 0), Busy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    where = f"http://127.0.0.1:{server.server_port}"
    answer = slipway.Slipway(where).predict("later", [{}])
    tries = [(request, at) for path, request, at in Busy.asked if "later" in path]
    busy = failure(lambda: slipway.Slipway(where, retries=2).predict("busy", [{}]))
    slow = failure(lambda: slipway.Slipway(where, timeout=0.2).predict("slow", [{}]))
    server.shutdown()
    return {
        "values": answer.values,
        "tries": len(tries),
        "ids": len({request for request, _ in tries}),
        "waited": tries[1][1] - tries[0][1] >= 0.3,
        "busy": busy,
        "busy tries": sum(1 for path, _, _ in Busy.asked if "busy" in path),
        "slow": slow,
    }


def runs():
    started = slipway.start_run("loans", project=project, command=command, set={"trees": 30})
    document = started.wait(timeout=600)
    again = started.wait()
    failed = slipway.start_run("strict", project=project, command=command)
    return {
        "id": started.run_id,
        "status": document["status"],
        "model": document["model"],
        "again": again == document,
        "gate": failure(failed.wait),
        "unknown": failure(lambda: slipway.start_run("lones", project=project, command=command)),
        "no run": failure(lambda: slipway.Run("loans-20260101-000000-abcd", project=project, command=command).wait()),
        "cancel": failure(started.cancel),
    }


parts = {"predictions": predictions, "refusals": refusals, "retries": retries, "runs": runs}
print(json.dumps({name: parts[name]() for name in parts}))
