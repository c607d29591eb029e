"""Django: a view that asks a gateway, and one that scores an exported model in its own process."""

import json
import os

from django.http import JsonResponse
from django.urls import path
from slipway_client import Slipway, SlipwayError, load

slipway = Slipway(os.environ["SLIPWAY_GATEWAY_ADDRESS"], sticky="x-user")
model = load(os.environ["MODEL_FOLDER"])


def risk(request):
    try:
        answers = slipway.predict("loans", json.loads(request.body), user=request.GET.get("user", "nobody"))
    except SlipwayError as error:
        return JsonResponse({"code": error.code, "message": error.message}, status=error.status or 400)
    return JsonResponse({"risk": answers.values, "request": answers.request_id, "version": answers.version})


def risk_here(request):
    try:
        return JsonResponse({"risk": model.predict(json.loads(request.body)).tolist(), "version": model.version})
    except SlipwayError as error:
        return JsonResponse({"code": error.code, "message": error.message}, status=400)


urlpatterns = [path("risk", risk), path("risk-here", risk_here)]
