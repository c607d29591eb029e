"""Prefect: a task that is a run of Slipway; only what may pass by itself is tried again."""

import os

from prefect import flow, task
from slipway_client import Unreachable, start_run


def may_pass(task, run, state):
    return isinstance(state.result(raise_on_failure=False), Unreachable)


@task(retries=2, retry_delay_seconds=int(os.environ.get("RETRY_SECONDS", "60")), retry_condition_fn=may_pass)
def train(pipeline: str, settings: dict) -> dict:
    run = start_run(pipeline, project=os.environ.get("SLIPWAY_PROJECT"), set=settings)
    return {"run_id": run.run_id, **run.wait()["model"]}


@flow
def train_flights(pipeline: str = "flights") -> dict:
    return train(pipeline, {"trees": 20})


if __name__ == "__main__":
    print(train_flights(os.environ.get("PIPELINE", "flights")))
