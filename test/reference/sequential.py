"""Reference values for the sequential statistics: writes sequential.json beside this file.

Every value is computed straight from the formulas, in log space, and is compared here with an
independent route: `ville` and `confseq` where they can express the same process, else
scipy.stats / scipy.optimize. The script stops if two routes differ by more than TOLERANCE.

Set-up (Python 3.11): pip install numpy scipy ville
                      apt-get install libboost-dev
                      pip install "pybind11>=2.11" cmake ninja scikit-build wheel
                      pip install --no-build-isolation confseq
confseq pins pybind11 2.6, which does not compile on Python >= 3.11, hence no build isolation;
on Python 3.10 a plain `pip install confseq` works. Without confseq only its comparisons are left out.

Resolutions of what the formulas leave open (another implementation must do the same):
  R1 history: champion counts BEFORE a block = initial (k0, n0) + the champion arm of ALL earlier
     blocks, those with an empty arm too. tA = (k + .5) / (n + 1), so tA = .5 without any data.
  R2 empty arm (nA = 0 or nB = 0): every component adds 0; the counts still enter the history.
  R3 not worse: an alternative works only if 0 < tB < min(1, r tA + delta). Otherwise it adds 0 for
     this block (keeping its capital). For tB > r tA + delta, which delta < 0 or r < 1 bring about,
     the formula without this rule is not an e-value: see exactness.unguarded.
  R4 not worse: b = r a + delta is inside (0, 1) by the bracket; no clipping anywhere. -1 < delta < 1.
  R5 scores: cum includes the bin itself, u_k = 2 (sum_{j<=k} q_j - q_k / 2) - 1 with q = qA of this
     block; 3 shrinkage candidates (tau) and 24 tilts (3 phi x 8 b, b of both signs), each a
     cumulative process of its own, equal weights inside (i) and inside (ii), then half and half.
     E averages the PRODUCTS over blocks (not a product of averages).
  R6 s = nB / (nA + nB), by block.
"""

import json
from importlib.metadata import version
from itertools import product
from pathlib import Path

import numpy as np
import scipy
import ville
from scipy.optimize import brentq, minimize_scalar
from scipy.special import betaln, eval_legendre, logsumexp, xlog1py, xlogy
from scipy.stats import binom, multinomial

try:
    np.float_ = np.float64  # confseq 0.0.11 still uses this alias, gone in NumPy 2
    from confseq.betting import diversified_betting_mart
    from confseq.boundaries import beta_binomial_log_mixture
except ImportError:
    diversified_betting_mart = beta_binomial_log_mixture = None

TOLERANCE = 1e-9  # absolute, in nats

PSI = np.array([1.25, 1.5, 2, 3, 5, 10])
V = np.array([0.3, 0.2, 0.2, 0.1, 0.1, 0.1])
BETS = np.array([0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.5, 0.8])
WEIGHTS = np.array([0.6, 0.2, 0.2])
BINS = 20
TAUS = np.array([30.0, 300.0, 3000.0])
TILTS = np.array([-1, -0.5, -0.25, -0.1, 0.1, 0.25, 0.5, 1])

agreement = {}


def agree(name, ours, other, tolerance=TOLERANCE):
    """Record the largest difference between two routes; stop when it is too large."""
    gap = float(np.max(np.abs(np.asarray(ours, float) - np.asarray(other, float))))
    entry = agreement.setdefault(name, {"maxDifference": 0.0, "tolerance": tolerance, "comparisons": 0})
    entry["maxDifference"] = max(entry["maxDifference"], gap)
    entry["comparisons"] += int(np.size(ours))
    assert gap <= tolerance, f"{name}: {gap}"


# ---------------------------------------------------------------- split check (SRM)

def srm(k, n, w, a, b):
    return betaln(a + k, b + n - k) - betaln(a, b) - xlogy(k, w) - xlog1py(n - k, -w)


def confseq_srm(k, n, w, a, b):
    """confseq's two-sided beta-binomial mixture with g = w, h = 1-w, v = n w (1-w), s = k - n w.

    Its prior is Beta(r/(1-w), r/w) on (successes, failures), so its mean is always w: it expresses
    our mixture only if a (1-w) = b w =: r. It wants r through v_opt and alpha_opt:
    r = v_opt / L - w (1-w), L = 2 ln(1/alpha_opt) + ln(1 + 2 ln(1/alpha_opt)), floor .001 w (1-w).
    """
    alpha = 0.05
    length = 2 * np.log(1 / alpha) + np.log(1 + 2 * np.log(1 / alpha))
    v_opt = (a * (1 - w) + w * (1 - w)) * length
    return float(beta_binomial_log_mixture(k - n * w, n * w * (1 - w), v_opt, w, 1 - w, alpha, False))


def srm_cases():
    cases = []
    for k, n, w, a, b in [
        (0, 0, 0.5, 1, 1),
        (1, 1, 0.1, 1, 1),
        (50, 1000, 0.05, 1, 19),
        (81, 1000, 0.05, 1, 19),
        (5200, 10000, 0.5, 0.5, 0.5),
        (5200, 10000, 0.5, 50, 50),
        (2700, 10000, 0.25, 25, 75),
        (130, 10000, 0.01, 1, 1),
        (0, 300, 0.01, 0.5, 49.5),
        (40, 40, 0.2, 2, 8),
    ]:
        value = float(srm(k, n, w, a, b))
        case = {"k": k, "n": n, "w": w, "a": a, "b": b, "logE": value}
        if n:
            stream = np.repeat([1.0, 0.0], [k, n - k])
            agree("srm / ville BernoulliTest", value,
                  ville.BernoulliTest(w, prior=(a, b)).fit(stream).log_e_values_[-1])
        if beta_binomial_log_mixture and np.isclose(a * (1 - w), b * w, rtol=1e-12):
            agree("srm / confseq beta_binomial_log_mixture", value, confseq_srm(k, n, w, a, b))
        cases.append(case)
    return cases


# ---------------------------------------------------------------- paired: not worse, and harm

def betting(d, delta):
    bets = BETS / (1 - delta)
    paths = np.cumsum(np.log1p(np.outer(bets, delta - np.asarray(d, float))), axis=1)
    return logsumexp(paths, axis=0) - np.log(BETS.size)


def ville_bets(x, mean, bounds, shares, weights):
    """Mixture of ville BettingTests that bet the constant share / m (m: the mean on [0, 1]).

    The test bets min(plug-in, c / m). A tiny alpha makes the plug-in large, so that c / m binds.
    """
    logs = [ville.BettingTest(mean, bounds, "greater", alpha=1e-300, c=share).fit(x).log_e_values_
            for share in shares]
    return logsumexp(np.array(logs) + np.log(weights)[:, None], axis=0)


def confseq_bets(x, mean, bets, weights):
    """Mixture of constant bets on x in [0, 1]: 1 + bet (x - mean)."""
    fns = [lambda x, m, bet=bet: np.full(len(x), bet) for bet in bets]
    return np.log(diversified_betting_mart(x, mean, fns, lambdas_weights=weights, theta=1, trunc_scale=1))


def betting_cases():
    sequences = {
        "identical": [0] * 12,
        "better": [0, -1, 0, -1, -1, 0, -1, 1, -1, 0, -1, -1],
        "worse": [1, 0, 1, 1, 0, 1, -1, 1, 0, 1],
        "mixed": [0, 0, 1, -1, 0, 0, -1, 0, 1, 0, 0, -1, 0, 0, 0, -1, 1, 0, -1, 0],
        "sparse": [1 if i == 17 else -1 if i in (5, 29) else 0 for i in range(40)],
    }
    cases = []
    for name, d in sequences.items():
        for delta in (0.01, 0.05, 0.2, -0.1):
            log_e = betting(d, delta)
            # The null E d >= delta is: x = (1 - d) / 2 in [0, 1] has a mean <= m = (1 - delta) / 2.
            # 1 + lam (delta - d) = 1 + 2 lam (x - m), and 2 lam = share / m, 1 / m the largest bet.
            x, m = (1 - np.asarray(d, float)) / 2, (1 - delta) / 2
            equal = np.full(BETS.size, 1 / BETS.size)
            agree("betting / ville BettingTest", log_e,
                  ville_bets(-np.asarray(d, float), -delta, (-1, 1), BETS, equal))
            if diversified_betting_mart:
                agree("betting / confseq diversified_betting_mart", log_e,
                      confseq_bets(x, m, 2 * BETS / (1 - delta), equal))
            cases.append({"name": name, "d": d, "delta": delta, "logE": log_e.tolist()})
    return cases


def paired_harm_cases():
    """Discordant pairs: b candidate only, c champion only; weights v_g as in the two-sample test."""
    q = PSI / (1 + PSI)
    cases = []
    for sequence in ("1101111011", "0101001", "0000", "1", "1111111111111111"):
        x = np.array([float(c) for c in sequence])
        b, c = np.cumsum(x), np.cumsum(1 - x)
        log_e = logsumexp(np.log(V)[:, None] + np.outer(np.log(2 * q), b) + np.outer(np.log(2 * (1 - q)), c), axis=0)
        agree("pairedHarm / ville BettingTest", log_e, ville_bets(x, 0.5, (0, 1), 2 * q - 1, V))
        if diversified_betting_mart:
            agree("pairedHarm / confseq diversified_betting_mart", log_e, confseq_bets(x, 0.5, 2 * (2 * q - 1), V))
        cases.append({"discordant": sequence, "logE": log_e.tolist()})
    return cases


# ---------------------------------------------------------------- two samples: harm

def ratio(k, n, t, a):
    """ln of the likelihood ratio of k of n at t against a."""
    return k * np.log(t / a) + (n - k) * (np.log1p(-t) - np.log1p(-a))


def harm_factors(block, k0, n0):
    """log e of one block for each psi, and tA."""
    n_a, k_a, n_b, k_b = block
    t_a = (k0 + 0.5) / (n0 + 1)
    if n_a == 0 or n_b == 0:
        return np.zeros(PSI.size), t_a
    s = n_b / (n_a + n_b)
    t_b = PSI * t_a / (1 - t_a + PSI * t_a)
    a = (1 - s) * t_a + s * t_b
    value = ratio(k_a, n_a, t_a, a) + ratio(k_b, n_b, t_b, a)
    agree("harm / scipy.stats.binom likelihood ratios", value,
          binom.logpmf(k_a, n_a, t_a) - binom.logpmf(k_a, n_a, a)
          + binom.logpmf(k_b, n_b, t_b) - binom.logpmf(k_b, n_b, a))
    return value, t_a


def thinning_factors(block):
    """Rare events: kB of K errors are the candidate's; free of tA. Also the binomial likelihood
    ratio of share s psi / (1 + s (psi - 1)) against s, which is how it is checked."""
    n_a, k_a, n_b, k_b = block
    if n_a == 0 or n_b == 0:
        return np.zeros(PSI.size)
    s = n_b / (n_a + n_b)
    value = k_b * np.log(PSI) - (k_a + k_b) * np.log1p(s * (PSI - 1))
    share = s * PSI / (1 + s * (PSI - 1))
    agree("thinning / scipy.stats.binom likelihood ratios", value,
          binom.logpmf(k_b, k_a + k_b, share) - binom.logpmf(k_b, k_a + k_b, s))
    return value


def harm(blocks, k0, n0):
    log_g, thin_g = np.zeros(PSI.size), np.zeros(PSI.size)
    out = {"tA": [], "logE": [], "logEThinning": []}
    for block in blocks:
        value, t_a = harm_factors(block, k0, n0)
        log_g = log_g + value
        thin_g = thin_g + thinning_factors(block)
        out["tA"].append(t_a)
        out["logE"].append(float(logsumexp(np.log(V) + log_g)))
        out["logEThinning"].append(float(logsumexp(np.log(V) + thin_g)))
        n0, k0 = n0 + block[0], k0 + block[1]
    out["logEByPsi"] = log_g.tolist()
    return out


HISTORIES = {
    # name: (k0, n0, [(nA, kA, nB, kB), ...])
    "steps": (8, 1000, [(99, 1, 1, 0), (95, 0, 5, 1), (150, 2, 50, 3), (50, 0, 50, 4), (180, 1, 20, 2), (30, 0, 70, 5)]),
    "equal": (12, 600, [(90, 2, 10, 0), (450, 8, 50, 1), (900, 19, 100, 2), (500, 9, 500, 11), (500, 12, 500, 8)]),
    "noHistory": (0, 0, [(40, 3, 10, 1), (40, 2, 10, 2), (40, 1, 10, 3)]),
    "emptyArms": (5, 200, [(0, 0, 50, 9), (60, 4, 0, 0), (45, 1, 5, 1), (0, 0, 3, 3), (45, 0, 5, 2)]),
    "allFailing": (3, 600, [(49, 0, 1, 1), (95, 1, 5, 5), (90, 0, 10, 10)]),
    "championFailing": (50, 50, [(40, 40, 10, 10), (40, 20, 10, 9), (40, 38, 10, 2)]),
    "rare": (40, 100000, [(9000, 3, 1000, 1), (18000, 8, 2000, 2), (9000, 4, 1000, 2), (5000, 1, 5000, 5)]),
    "large": (5000, 1000000, [(900000, 4510, 100000, 530), (500000, 2490, 500000, 2600)]),
}


def harm_cases():
    cases = []
    for name, (k0, n0, blocks) in HISTORIES.items():
        case = {"name": name, "k0": k0, "n0": n0, "blocks": blocks, **harm(blocks, k0, n0)}
        # Events of .04 %: the two forms agree to .0013 nats (at 1 %: to some .2; at tA = .5 they differ).
        if name == "rare":
            agree("harm / thinning, rare events", case["logE"], case["logEThinning"], 0.02)
        cases.append(case)
    return cases


# ---------------------------------------------------------------- two samples: not worse

def nearest(t_a, t_b, s, r, delta):
    """The null point (a, r a + delta) nearest to (tA, tB): root of the increasing derivative."""
    lo, hi = max(0.0, -delta / r), min(1.0, (1 - delta) / r)

    def slope(a):
        b = r * a + delta
        return (1 - s) * (a - t_a) / (a * (1 - a)) + s * r * (b - t_b) / (b * (1 - b))

    # The slope runs from -inf to +inf on the open interval: step in from the ends.
    step = (hi - lo) * 1e-3
    left, right = lo + step, hi - step
    while slope(left) > 0:
        step /= 10
        left = lo + step
    step = (hi - lo) * 1e-3
    while slope(right) < 0:
        step /= 10
        right = hi - step
    a = brentq(slope, left, right, xtol=1e-18, rtol=4 * np.finfo(float).eps, maxiter=500)
    check_nearest(a, t_a, t_b, s, r, delta, lo, hi)
    return a, r * a + delta


def check_nearest(a, t_a, t_b, s, r, delta, lo, hi):
    """The same point as the minimum of the mean Kullback-Leibler divergence."""
    def kl(t, p):
        return t * np.log(t / p) + (1 - t) * (np.log1p(-t) - np.log1p(-p))

    def mean(x):
        return (1 - s) * kl(t_a, x) + s * kl(t_b, r * x + delta)

    found = minimize_scalar(mean, bounds=(lo, hi), method="bounded", options={"xatol": 1e-13, "maxiter": 1000})
    agree("notWorse root / minimum of the divergence", mean(a), min(found.fun, mean(a)), 1e-13)
    agree("notWorse root / minimum of the divergence (location)", a, found.x, 1e-6)


def not_worse_factors(block, k0, n0, delta, r=1.0, guard=True):
    """log e of one block for each alternative, tA and the null points used (None: unused)."""
    n_a, k_a, n_b, k_b = block
    t_a = (k0 + 0.5) / (n0 + 1)
    edge = r * t_a + delta
    values, points = np.zeros(3), [None] * 3
    if n_a == 0 or n_b == 0:
        return values, t_a, points
    s = n_b / (n_a + n_b)
    for i, t_b in enumerate((t_a, 0.8 * t_a, t_a + 0.3 * (edge - t_a))):
        if guard and not 0 < t_b < min(1.0, edge):
            continue  # R3
        a, b = nearest(t_a, t_b, s, r, delta)
        values[i] = ratio(k_a, n_a, t_a, a) + ratio(k_b, n_b, t_b, b)
        points[i] = a
    return values, t_a, points


def not_worse(blocks, k0, n0, delta, r=1.0):
    log_g = np.zeros(3)
    out = {"tA": [], "a": [], "logE": []}
    for block in blocks:
        values, t_a, points = not_worse_factors(block, k0, n0, delta, r)
        log_g = log_g + values
        out["tA"].append(t_a)
        out["a"].append(points)
        out["logE"].append(float(logsumexp(np.log(WEIGHTS) + log_g)))
        n0, k0 = n0 + block[0], k0 + block[1]
    out["logEByAlternative"] = log_g.tolist()
    return out


def not_worse_cases():
    plan = [("steps", (0.005, 0.02, 0.1)), ("equal", (0.005, 0.01, 0.02, 0.05)), ("noHistory", (0.05, 0.2)),
            ("emptyArms", (0.02, 0.1)), ("allFailing", (0.01, 0.3)), ("championFailing", (0.05, 0.3)),
            ("rare", (0.0002, 0.001)), ("large", (0.0005, 0.001)), ("equal", (0.0, -0.002))]
    cases = []
    for name, deltas in plan:
        k0, n0, blocks = HISTORIES[name]
        for delta in deltas:
            cases.append({"name": name, "k0": k0, "n0": n0, "blocks": blocks, "r": 1.0, "delta": delta,
                          **not_worse(blocks, k0, n0, delta)})
    k0, n0, blocks = HISTORIES["equal"]
    for r, delta in ((1.5, 0.0), (1.2, 0.001)):
        cases.append({"name": "relative", "k0": k0, "n0": n0, "blocks": blocks, "r": r, "delta": delta,
                      **not_worse(blocks, k0, n0, delta, r)})
    return cases


# ---------------------------------------------------------------- scores

def candidates(c_a, c_b):
    """qA and the 3 + 24 candidate distributions, from the counts before the block."""
    q_a = (c_a + 1) / (c_a.sum() + BINS)
    shrunk = (c_b + TAUS[:, None] * q_a) / (c_b.sum() + TAUS[:, None])
    u = 2 * (np.cumsum(q_a) - q_a / 2) - 1
    phi = [np.sqrt(3) * u, np.sqrt(5) * (1.5 * u**2 - 0.5), np.sqrt(7) * (2.5 * u**3 - 1.5 * u)]
    for j in (1, 2, 3):
        agree("scores phi / scipy.special.eval_legendre", phi[j - 1], np.sqrt(2 * j + 1) * eval_legendre(j, u), 1e-12)
    tilted = np.array([q_a * np.exp(b * p) for p in phi for b in TILTS])
    tilted /= tilted.sum(axis=1, keepdims=True)
    return q_a, np.vstack([shrunk, tilted])


def score_factors(h_a, h_b, c_a, c_b):
    n_a, n_b = h_a.sum(), h_b.sum()
    q_a, q_b = candidates(c_a, c_b)
    if n_a == 0 or n_b == 0:
        return np.zeros(len(q_b))
    s = n_b / (n_a + n_b)
    q0 = (1 - s) * q_a + s * q_b
    value = (h_a * np.log(q_a / q0) + h_b * np.log(q_b / q0)).sum(axis=1)
    agree("scores / scipy.stats.multinomial likelihood ratios", value, [
        multinomial.logpmf(h_a, n_a, q_a) - multinomial.logpmf(h_a, n_a, z)
        + multinomial.logpmf(h_b, n_b, q) - multinomial.logpmf(h_b, n_b, z) for q, z in zip(q_b, q0)])
    return value


def score_mixture(log_g):
    parts = logsumexp(log_g[:3]) - np.log(3), logsumexp(log_g[3:]) - np.log(24)
    return [float(np.logaddexp(*parts) - np.log(2)), float(parts[0]), float(parts[1])]


def scores(blocks, c_a, c_b):
    log_g = np.zeros(27)
    out = {"logE": [], "logShrunk": [], "logTilted": []}
    for h_a, h_b in blocks:
        h_a, h_b = np.array(h_a), np.array(h_b)
        log_g = log_g + score_factors(h_a, h_b, c_a, c_b)
        for key, value in zip(out, score_mixture(log_g)):
            out[key].append(value)
        c_a, c_b = c_a + h_a, c_b + h_b
    out["logEByCandidate"] = log_g.tolist()
    return out


def counts(n, shape, turn):
    """n scores over 20 bins: a deterministic histogram (largest remainders; `turn` breaks ties)."""
    k = np.arange(BINS)
    weight = {"flat": np.ones(BINS), "falling": np.exp(-k / 6), "shifted": np.exp(-k / 9),
              "middle": np.exp(-((k - 10) / 4.0) ** 2), "ends": np.exp(-k / 2) + np.exp((k - 19) / 2)}[shape]
    exact = n * weight / weight.sum()
    out = np.floor(exact).astype(int)
    order = np.argsort(-(exact - out) + 1e-3 * ((k * 7 + turn * 3) % BINS), kind="stable")
    out[order[: n - out.sum()]] += 1
    return out.tolist()


def score_cases():
    plan = {
        "same": [("falling", 90, "falling", 10), ("falling", 180, "falling", 20), ("falling", 50, "falling", 50),
                 ("falling", 40, "falling", 60), ("falling", 95, "falling", 5), ("falling", 60, "falling", 60)],
        "shifted": [("falling", 90, "shifted", 10), ("falling", 180, "shifted", 20), ("falling", 50, "shifted", 50),
                    ("falling", 0, "shifted", 30), ("falling", 100, "shifted", 0), ("falling", 60, "shifted", 60)],
        "collapsed": [("middle", 90, "ends", 10), ("middle", 45, "ends", 5), ("middle", 75, "ends", 25),
                      ("middle", 50, "ends", 50), ("flat", 30, "ends", 20), ("middle", 10, "ends", 40)],
    }
    cases = []
    for name, rows in plan.items():
        blocks = [(counts(n_a, a, i), counts(n_b, b, i + 5)) for i, (a, n_a, b, n_b) in enumerate(rows)]
        for before in ([0] * BINS, counts(400, "falling", 1)):
            cases.append({"name": name, "before": before, "blocks": blocks,
                          **scores(blocks, np.array(before), np.zeros(BINS, int))})
    return cases


# ---------------------------------------------------------------- exact expectations

def expectation(n_a, n_b, p_a, p_b, log_e):
    """E[e] over all outcomes of a block."""
    total = 0.0
    for k_a, k_b in product(range(n_a + 1), range(n_b + 1)):
        total += binom.pmf(k_a, n_a, p_a) * binom.pmf(k_b, n_b, p_b) * np.exp(log_e(k_a, k_b))
    return float(total)


def exactness():
    n_a, n_b = 3, 2
    out = {"nA": n_a, "nB": n_b, "harm": [], "notWorse": [], "unguarded": [], "twoBlocks": [], "scores": []}

    for k0, n0 in ((0, 0), (1, 20), (40, 99)):
        for p_a, p_b in ([(p, p) for p in (0.01, 0.1, 0.3, 0.5)]
                         + [(0.1, 0.01), (0.3, 0.1), (0.5, 0.3), (0.5, 0.01), (0.9, 0.5)]):
            value = expectation(n_a, n_b, p_a, p_b, lambda k_a, k_b: logsumexp(
                np.log(V) + harm_factors((n_a, k_a, n_b, k_b), k0, n0)[0]))
            assert value <= 1 + 1e-12
            out["harm"].append({"k0": k0, "n0": n0, "pA": p_a, "pB": p_b, "E": value})

        for delta in (0.05, 0.2, -0.05):
            for p_a in (0.01, 0.1, 0.3, 0.5):
                for extra in (0.0, 0.1):  # on the edge of the null, and inside
                    p_b = p_a + delta + extra
                    if not 0 <= p_b <= 1:
                        continue
                    value = expectation(n_a, n_b, p_a, p_b, lambda k_a, k_b: logsumexp(
                        np.log(WEIGHTS) + not_worse_factors((n_a, k_a, n_b, k_b), k0, n0, delta)[0]))
                    assert value <= 1 + 1e-12
                    out["notWorse"].append({"k0": k0, "n0": n0, "delta": delta, "pA": p_a, "pB": p_b, "E": value})

    # Without R3: tB inside the null, and the "e-value" has an expectation above 1.
    for p_a, p_b in ((0.1, 0.3), (0.3, 0.6)):
        value = expectation(n_a, n_b, p_a, p_b, lambda k_a, k_b: logsumexp(
            np.log(WEIGHTS) + not_worse_factors((n_a, k_a, n_b, k_b), 1, 20, -0.05, guard=False)[0]))
        out["unguarded"].append({"k0": 1, "n0": 20, "delta": -0.05, "pA": p_a, "pB": p_b, "E": value})
    assert max(case["E"] for case in out["unguarded"]) > 1

    # Two blocks of different shares with rates that drift: tA of the second depends on the first.
    k0, n0 = 1, 20
    for first, second in (((0.1, 0.1), (0.3, 0.3)), ((0.5, 0.5), (0.05, 0.05)), ((0.3, 0.1), (0.2, 0.2))):
        total = {"harm": 0.0, "notWorse": 0.0}
        delta = 0.1
        for k_a, k_b, l_a, l_b in product(range(4), range(3), range(3), range(4)):
            blocks = [(3, k_a, 2, k_b), (2, l_a, 3, l_b)]
            for kind, shift in (("harm", 0.0), ("notWorse", delta + max(0.0, first[0] - first[1]))):
                chance = (binom.pmf(k_a, 3, first[0]) * binom.pmf(k_b, 2, first[1] + shift)
                          * binom.pmf(l_a, 2, second[0]) * binom.pmf(l_b, 3, second[1] + shift))
                path = harm(blocks, k0, n0) if kind == "harm" else not_worse(blocks, k0, n0, delta)
                total[kind] += chance * np.exp(path["logE"][-1])
        assert max(total.values()) <= 1 + 1e-12
        out["twoBlocks"].append({"k0": k0, "n0": n0, "delta": delta, "blocks": [[3, 2], [2, 3]],
                                 "harmPoints": [first, second],
                                 "notWorsePoints": [[p, q + delta + max(0.0, first[0] - first[1])] for p, q in (first, second)],
                                 "harm": float(total["harm"]), "notWorse": float(total["notWorse"])})

    # Scores: one block, both arms from one distribution q; each candidate's expectation factorises.
    before_a, before_b = np.array(counts(60, "falling", 0)), np.array(counts(40, "shifted", 0))
    q_a, q_b = candidates(before_a, before_b)
    s = n_b / (n_a + n_b)
    q0 = (1 - s) * q_a + s * q_b
    for shape in ("flat", "falling", "shifted", "middle", "ends"):
        q = np.array(counts(1000, shape, 0)) / 1000
        each = (q * q_a / q0).sum(axis=1) ** n_a * (q * q_b / q0).sum(axis=1) ** n_b
        assert each.max() <= 1 + 1e-12
        out["scores"].append({"beforeA": before_a.tolist(), "beforeB": before_b.tolist(), "q": q.tolist(),
                              "E": float((each[:3].mean() + each[3:].mean()) / 2)})
    return out


def main():
    values = {
        "srm": srm_cases(),
        "betting": betting_cases(),
        "pairedHarm": paired_harm_cases(),
        "harm": harm_cases(),
        "notWorse": not_worse_cases(),
        "scores": score_cases(),
        "exactness": exactness(),
    }
    versions = {"numpy": np.__version__, "scipy": scipy.__version__, "ville": ville.__version__,
                "confseq": version("confseq") if beta_binomial_log_mixture else None}
    path = Path(__file__).with_name("sequential.json")
    path.write_text(json.dumps({"versions": versions, "agreement": agreement, **values}, indent=1, allow_nan=False) + "\n")
    for name, entry in agreement.items():
        print(f"{name}: {entry['comparisons']} values, largest difference {entry['maxDifference']:.2g}")
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
