#!/usr/bin/env python3
"""Densities of a Parzen estimator over a mixed space, with scipy: the expectations of tpe.json.

  tpe.py > tpe.json        (numpy 2.4.6, scipy 1.17.1)

Each observation and the prior is a product over the dimensions: of a number a normal density cut off at the bounds
(scipy.stats.truncnorm), of a whole number the probability of its cell under the same, of a choice its weight. The
mixture is the mean of the products. Widths are given, so that nothing but the densities is compared.
"""

import json

import numpy as np
from scipy.stats import truncnorm

SIGMA = 0.17
SPACE = {
    "a": {"kind": "number", "from": -5, "to": 10},
    "b": {"kind": "number", "from": 1e-4, "to": 1, "scale": "log"},
    "c": {"kind": "choice", "of": ["red", "green", "blue"]},
    "d": {"kind": "whole", "from": 1, "to": 6},
    "e": {"kind": "whole", "from": 2, "to": 300, "scale": "log"},
}
TRIED = [
    {"a": -4.5, "b": 0.01, "c": "green", "d": 2, "e": 31},
    {"a": 9.9, "b": 0.0002, "c": "green", "d": 6, "e": 2},
    {"a": 3.25, "b": 0.7, "c": "blue", "d": 1, "e": 290},
]
ASKED = [
    {"a": -4.4, "b": 0.02, "c": "green", "d": 3, "e": 40},
    {"a": 10, "b": 0.0001, "c": "red", "d": 6, "e": 2},
    {"a": 0, "b": 0.3, "c": "blue", "d": 1, "e": 300},
    {"a": 3.25, "b": 0.7, "c": "blue", "d": 1, "e": 290},
]


def place(dimension, value):
    half = 0.5 if dimension["kind"] == "whole" else 0
    scale = np.log if "scale" in dimension else (lambda x: x)
    low, high = scale(dimension["from"] - half), scale(dimension["to"] + half)
    return (scale(value) - low) / (high - low)


def kernel(dimension, centre, value):
    """Of one dimension: `centre` is None for the prior."""
    if dimension["kind"] == "choice":
        values, kernels = len(dimension["of"]), len(TRIED) + 1
        if centre is None:
            return 1 / values
        return ((value == centre) + 1 / kernels) / (1 + values / kernels)
    mean, sigma = (0.5, 1.0) if centre is None else (place(dimension, centre), SIGMA)
    normal = truncnorm((0 - mean) / sigma, (1 - mean) / sigma, loc=mean, scale=sigma)
    if dimension["kind"] == "number":
        return normal.pdf(place(dimension, value))
    return normal.cdf(place(dimension, value + 0.5)) - normal.cdf(place(dimension, value - 0.5))


def log_density(asked):
    products = [
        np.prod([kernel(SPACE[name], tried and tried[name], asked[name]) for name in SPACE]) for tried in [*TRIED, None]
    ]
    return float(np.log(np.mean(products)))


print(
    json.dumps(
        {"sigma": SIGMA, "space": SPACE, "tried": TRIED, "asked": ASKED, "logDensities": list(map(log_density, ASKED))},
        indent=1,
    )
)
