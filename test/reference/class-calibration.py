"""Expected values of test/stats/class-calibration.test.ts, from scikit-learn: python class-calibration.py > class-calibration.json

scikit-learn's CalibratedClassifierCV calibrates what a model's decision_function says of each class; ours are log odds.
Here a stand-in says those of given scores, so that the formulas are compared and nothing else.
"""
import json
import numpy as np
import scipy.optimize
import sklearn
from scipy.special import expit, logsumexp, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

rng = np.random.default_rng(20010102)


def log_odds(scores):
    others = [logsumexp(np.delete(scores, k, axis=1), axis=1) for k in range(scores.shape[1])]
    return scores - np.column_stack(others)


class Given(ClassifierMixin, BaseEstimator):
    """Takes scores for features, and says their log odds."""
    def fit(self, scores, labels):
        self.classes_ = np.unique(labels)
        return self

    def decision_function(self, scores):
        return log_odds(scores)

    def predict(self, scores):
        return self.classes_[scores.argmax(axis=1)]


def sharp(scores, labels, weights):
    """Platt's curves of scikit-learn, to the last digits."""
    w = np.ones(len(labels)) if weights is None else weights

    def curve(x, positive):
        n0, n1 = w[~positive].sum(), w[positive].sum()
        target = np.where(positive, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))

        def gradient(ab):
            off = w * (expit(ab[0] * x + ab[1]) - target)
            return [off @ x, off.sum()]

        return scipy.optimize.root(gradient, [1.0, 0.0], tol=1e-15, options={"xtol": 1e-15}).x

    curves = [curve(log_odds(scores)[:, k], labels == k) for k in range(scores.shape[1])]

    def predict(asked):
        own = np.column_stack([expit(a * x + b) for (a, b), x in zip(curves, log_odds(asked).T)])
        return own / own.sum(axis=1, keepdims=True)

    return predict


def case(n, k, steepness, weighted=False):
    scores = np.round(rng.normal(0, 1.5, (n, k)), 3)
    labels = (softmax(scores / steepness, axis=1).cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    labels[:k] = np.arange(k)
    weights = rng.integers(1, 4, n).astype(float) if weighted else None
    asked = np.round(rng.normal(0, 2.5, (40, k)), 3)
    model = Given().fit(scores, labels)
    fitted = {
        how: CalibratedClassifierCV(FrozenEstimator(model), method=how).fit(scores, labels, sample_weight=weights)
        for how in ("isotonic", "sigmoid")
    }
    return {
        "scores": scores.T.tolist(), "labels": labels.tolist(),
        "weights": None if weights is None else weights.tolist(), "asked": asked.T.tolist(),
        "isotonic": fitted["isotonic"].predict_proba(asked).tolist(),
        "roughPlatt": fitted["sigmoid"].predict_proba(asked).tolist(),
        "platt": sharp(scores, labels, weights)(asked).tolist(),
    }


print(json.dumps({
    "madeWith": f"scikit-learn {sklearn.__version__}, numpy {np.__version__}, scipy {scipy.__version__}",
    "cases": {
        "three classes": case(300, 3, 1.0),
        "an over-confident model of five": case(400, 5, 3.0),
        "rows weighed": case(200, 4, 2.0, True),
    },
}))
