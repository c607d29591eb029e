"""Expected values of test/stats/calibration.test.ts, from scikit-learn. Run: python calibration.py > calibration.json

scikit-learn ends its search for Platt's curve early, so the curve is refined here to the last digits by scipy.
"""
import json
import numpy as np
import scipy.optimize
import sklearn
from scipy.special import expit
from sklearn.calibration import _sigmoid_calibration
from sklearn.isotonic import IsotonicRegression

rng = np.random.default_rng(20010101)


def platt(scores, labels, weights):
    a, b = _sigmoid_calibration(scores, labels, weights)
    w = np.ones_like(labels) if weights is None else weights
    negatives, positives = w[labels == 0].sum(), w[labels == 1].sum()
    target = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def gradient(ab):
        off = w * (expit(ab[0] * scores + ab[1]) - target)
        return [off @ scores, off.sum()]

    slope, intercept = scipy.optimize.root(gradient, [-a, -b], tol=1e-15, options={"xtol": 1e-15}).x
    return {"rough": [-a, -b], "slope": slope, "intercept": intercept}


def case(scores, labels, weights=None):
    asked = np.concatenate([[scores.min() - 3, scores.max() + 3], rng.choice(scores, 8), rng.uniform(-3, 3, 30)])
    isotonic = IsotonicRegression(out_of_bounds="clip").fit(scores, labels, sample_weight=weights)
    curve = platt(scores, labels, weights)
    return {
        "scores": scores.tolist(), "labels": labels.tolist(), "weights": None if weights is None else weights.tolist(),
        "asked": asked.tolist(), "isotonic": isotonic.predict(asked).tolist(), "points": len(isotonic.X_thresholds_),
        "platt": curve, "sigmoid": expit(curve["slope"] * asked + curve["intercept"]).tolist(),
    }


def drawn(n, digits=None, slope=2.0):
    scores = rng.normal(0, 1.5, n).astype(np.float32).astype(float)
    if digits is not None:
        scores = np.round(scores, digits)
    return scores, (rng.random(n) < expit(slope * scores - 0.5)).astype(float)


print(json.dumps({
    "madeWith": f"scikit-learn {sklearn.__version__}, numpy {np.__version__}, scipy {scipy.__version__}",
    "cases": {
        "drawn": case(*drawn(400)),
        "tied scores": case(*drawn(300, 0)),
        "rows weighed, some not at all": case(*drawn(200, 1), rng.integers(0, 4, 200).astype(float)),
        "a score that is wrong way round": case(*drawn(150, slope=-1.5)),
        "scores that part the classes": case(np.arange(-10.0, 10.0), (np.arange(20) >= 10).astype(float)),
        "large scores": case(*[values * k for values, k in zip(drawn(200, slope=1.0), (100.0, 1.0))]),
    },
}))
