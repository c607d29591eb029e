"""Flyte: a task that is a run of Slipway; only what may pass by itself is recoverable."""

import os
from typing import NamedTuple

from flytekit import task, workflow
from flytekit.exceptions.user import FlyteRecoverableException
from slipway_client import Unreachable, start_run

Trained = NamedTuple("Trained", run_id=str, version=int)


@task(retries=2)
def train(pipeline: str) -> Trained:
    run = start_run(pipeline, project=os.environ.get("SLIPWAY_PROJECT"))
    try:
        return Trained(run.run_id, run.wait()["model"]["version"])
    except Unreachable as error:
        raise FlyteRecoverableException(str(error)) from error


@workflow
def train_flights(pipeline: str = "flights") -> Trained:
    return train(pipeline=pipeline)
