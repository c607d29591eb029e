"""Flask: a route that asks a gateway, and one that scores an exported model in its own process."""

import os

from flask import Flask, jsonify, request
from slipway_client import Slipway, SlipwayError, load

app = Flask(__name__)
slipway = Slipway(os.environ["SLIPWAY_GATEWAY_ADDRESS"], sticky="x-user")
model = load(os.environ["MODEL_FOLDER"])


@app.errorhandler(SlipwayError)
def refused(error):
    return jsonify(code=error.code, message=error.message), error.status or 400


@app.post("/risk")
def risk():
    answers = slipway.predict("loans", request.get_json(), user=request.args.get("user", "nobody"))
    return jsonify(risk=answers.values, request=answers.request_id, version=answers.version)


@app.post("/risk-here")
def risk_here():
    return jsonify(risk=model.predict(request.get_json()).tolist(), version=model.version)
