#!/usr/bin/env python3
"""Optuna's search, asked over lines of JSON: it says what to try, and is told the loss.

  in:  {"space": {...}, "seed": 1, "trials": 30}   begins a search
  out: {"a": 0.1, "b": 3}                          parameters of a trial
  in:  {"loss": 0.3}                               how it ended; after the last one a search may begin
"""

import json
import sys
import warnings

import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)
# The estimator of several dimensions at once is marked as experimental.
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


def read():
    line = sys.stdin.readline()
    return json.loads(line) if line else None


def suggest(trial, name, dimension):
    if dimension["kind"] == "choice":
        return trial.suggest_categorical(name, dimension["of"])
    whole = dimension["kind"] == "whole"
    ask = trial.suggest_int if whole else trial.suggest_float
    return ask(name, dimension["from"], dimension["to"], log=dimension.get("scale") == "log")


while (order := read()) is not None:
    sampler = optuna.samplers.TPESampler(seed=order["seed"], multivariate=True)
    study = optuna.create_study(sampler=sampler)
    for _ in range(order["trials"]):
        trial = study.ask()
        parameters = {name: suggest(trial, name, dimension) for name, dimension in order["space"].items()}
        print(json.dumps(parameters), flush=True)
        study.tell(trial, read()["loss"])
