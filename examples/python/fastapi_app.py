"""FastAPI: a route that asks a gateway, and one that scores an exported model in its own process."""

import os

from fastapi import FastAPI, HTTPException
from fastapi.responses import JSONResponse
from slipway_client import Slipway, SlipwayError, load

app = FastAPI()
slipway = Slipway(os.environ["SLIPWAY_GATEWAY_ADDRESS"], sticky="x-user")
model = load(os.environ["MODEL_FOLDER"])


@app.exception_handler(SlipwayError)
def refused(_, error: SlipwayError):
    return JSONResponse({"code": error.code, "message": error.message}, error.status or 400)


@app.post("/risk")
def risk(rows: list[dict], user: str = "nobody"):
    answers = slipway.predict("loans", rows, user=user)
    return {"risk": answers.values, "request": answers.request_id, "version": answers.version}


@app.post("/risk-here")
def risk_here(features: list[dict]):
    if not features:
        raise HTTPException(422, "no features")
    return {"risk": model.predict(features).tolist(), "version": model.version}
