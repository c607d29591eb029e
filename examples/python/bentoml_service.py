"""BentoML: a service that scores an exported model."""

import os

import bentoml
import numpy as np
from bentoml.exceptions import BadInput
from slipway_client import RequestInvalid, load


@bentoml.service(workers=1)
class Risk:
    def __init__(self) -> None:
        self.model = load(os.environ["MODEL_FOLDER"])

    @bentoml.api
    def predict(self, features: list[dict]) -> np.ndarray:
        try:
            return self.model.predict(features)
        except RequestInvalid as error:
            raise BadInput(error.message) from error
