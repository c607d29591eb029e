"""Dagster: an asset that is a run of Slipway; its metadata say which, and a run that fails fails it."""

import os

from dagster import AssetExecutionContext, Definitions, Failure, MaterializeResult, RetryPolicy, asset
from slipway_client import SlipwayError, Unreachable, start_run


@asset(retry_policy=RetryPolicy(max_retries=2, delay=int(os.environ.get("RETRY_SECONDS", "60"))))
def flights_model(context: AssetExecutionContext) -> MaterializeResult:
    try:
        run = start_run(os.environ.get("PIPELINE", "flights"), project=os.environ.get("SLIPWAY_PROJECT"))
        context.log.info(f"run {run.run_id}")
        document = run.wait()
    except SlipwayError as error:
        # A failed gate is no better the next time.
        known = {"run_id": str(error.run_id), "code": error.code, "exit_code": error.exit_code}
        raise Failure(str(error), metadata=known, allow_retries=isinstance(error, Unreachable)) from error
    return MaterializeResult(metadata={"run_id": run.run_id, **document["model"], **document["metrics"]})


defs = Definitions(assets=[flights_model])
