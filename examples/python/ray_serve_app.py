"""Ray Serve: a deployment that scores an exported model."""

import os

from ray import serve
from slipway_client import RequestInvalid, load
from starlette.requests import Request
from starlette.responses import JSONResponse


@serve.deployment(num_replicas=1, ray_actor_options={"num_cpus": 0.5})
class Risk:
    def __init__(self, folder: str):
        self.model = load(folder)

    async def __call__(self, request: Request):
        try:
            answers = self.model.predict(await request.json())
        except RequestInvalid as error:
            return JSONResponse({"code": error.code, "message": error.message}, 400)
        return {"risk": answers.tolist(), "version": self.model.version}


app = Risk.bind(os.environ["MODEL_FOLDER"])
