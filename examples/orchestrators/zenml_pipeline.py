"""ZenML: a step that is a run of Slipway. Without its cache: whether a step of a run is reused Slipway decides."""

import os
from typing import Annotated

from slipway_client import start_run
from zenml import log_metadata, pipeline, step


@step(enable_cache=False)
def train(name: str) -> Annotated[dict, "model"]:
    run = start_run(name, project=os.environ.get("SLIPWAY_PROJECT"))
    log_metadata({"slipway_run": run.run_id})
    return {"run_id": run.run_id, **run.wait()["model"]}


@pipeline
def train_flights(name: str = "flights"):
    train(name)


if __name__ == "__main__":
    train_flights(os.environ.get("PIPELINE", "flights"))
