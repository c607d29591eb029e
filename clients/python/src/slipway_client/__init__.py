"""Asks Slipway's gateways, scores its exported models without one, and starts its runs."""

from .bundle import Model, load
from .client import Label, Prediction, Slipway
from .errors import (
    BadRows,
    DataContractBroken,
    DeadlineExceeded,
    DriftFound,
    FeaturesFailed,
    GateFailed,
    InternalFault,
    Interrupted,
    Invalid,
    NotFound,
    NothingDecided,
    NotVerified,
    Overloaded,
    Rejected,
    RequestInvalid,
    RequestTooLarge,
    RolledBack,
    SlipwayError,
    TrainingFailed,
    Unauthorized,
    Unreachable,
    WaitTimedOut,
)
from .runs import Run, start_run

__version__ = "0.17.0"

__all__ = [
    "BadRows",
    "DataContractBroken",
    "DeadlineExceeded",
    "DriftFound",
    "FeaturesFailed",
    "GateFailed",
    "InternalFault",
    "Interrupted",
    "Invalid",
    "Label",
    "Model",
    "NotFound",
    "NotVerified",
    "NothingDecided",
    "Overloaded",
    "Prediction",
    "Rejected",
    "RequestInvalid",
    "RequestTooLarge",
    "RolledBack",
    "Run",
    "Slipway",
    "SlipwayError",
    "TrainingFailed",
    "Unauthorized",
    "Unreachable",
    "WaitTimedOut",
    "load",
    "start_run",
]
