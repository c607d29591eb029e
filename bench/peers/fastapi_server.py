"""FastAPI + uvicorn + onnxruntime behind the Open Inference Protocol v2."""
import argparse
from typing import Literal

import numpy as np
import onnxruntime as ort
import uvicorn
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

COLUMNS = ("hour", "weekday", "day", "distance", "origin", "destination")


class InputTensor(BaseModel):
    name: str
    shape: list[int]
    datatype: Literal["FP32"]
    data: list[float]


class InferRequest(BaseModel):
    id: str | None = None
    inputs: list[InputTensor]


class OutputTensor(BaseModel):
    name: str
    datatype: str
    shape: list[int]
    data: list[float]


class InferResponse(BaseModel):
    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]


def build(path: str) -> FastAPI:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    app = FastAPI(openapi_url=None)

    @app.get("/v2/health/ready")
    async def ready():
        return {"ready": True}

    @app.post("/v2/models/{name}/infer")
    async def infer(name: str, request: InferRequest) -> InferResponse:
        feeds = {
            t.name: np.array(t.data, dtype=np.float32).reshape(-1, 1)
            for t in request.inputs
        }
        if feeds.keys() != set(COLUMNS):
            raise HTTPException(400, f"expected the inputs {', '.join(COLUMNS)}")
        rows = len(feeds["hour"])
        if any(len(f) != rows for f in feeds.values()):
            raise HTTPException(400, "inputs differ in length")
        (probabilities,) = session.run(["probabilities"], feeds)
        return InferResponse(
            model_name=name,
            model_version="1",
            id=request.id,
            outputs=[
                OutputTensor(
                    name="probability",
                    datatype="FP32",
                    shape=[rows],
                    data=probabilities[:, 1].tolist(),
                )
            ],
        )

    return app


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets=sockets)
        if self.started:
            print("ready", flush=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--model", required=True)
    p.add_argument("--port", type=int, required=True)
    a = p.parse_args()
    Server(
        uvicorn.Config(
            build(a.model), host="127.0.0.1", port=a.port, loop="uvloop",
            http="httptools", access_log=False, log_level="warning",
        )
    ).run()


if __name__ == "__main__":
    main()
