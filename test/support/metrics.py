"""Prints the golden values of the tests of the metrics, by scikit-learn, scipy and numpy: python3 test/learning/metrics.py"""

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier


def make_table(rows):
    """The table of forest/table.ts, number for number."""
    state = 1

    def draw(bound):
        nonlocal state
        state = (state * 48271) % 2147483647
        return state % bound

    port, length, nothing, label = (np.zeros(rows, int) for _ in range(4))
    for i in range(rows):
        c = draw(5)
        label[i] = c
        port[i] = [443, 8883, 443, 53, 123][c] if draw(10) < 7 else 1000 + draw(8) * 111
        length[i] = 60 + 150 * c + draw(400)
        nothing[i] = draw(1000)
    return port, length, nothing, label


port, length, nothing, label = make_table(2000)
train, test = slice(0, 1000), slice(1000, 2000)


def scaled(columns):
    ports = np.unique(port)
    # Two rows of a one-hot table that differ, differ in two places: halves, so that a mismatch counts 1.
    parts = [(port[:, None] == ports) / 2]
    for values in columns:
        known = np.sort(values[train])
        ranks = (np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")) / 2
        parts.append(ranks[:, None] / len(known))
    return np.hstack(parts)


for name, columns in [("port, length, nothing", [length, nothing]), ("port, length", [length])]:
    x = scaled(columns)
    distance = np.round(cdist(x[test], x[train], "cityblock"), 9)
    nearest = distance == distance.min(axis=1, keepdims=True)
    wrong = label[train][None, :] != label[test][:, None]
    print(name, "1-NN error", ((nearest & wrong).sum(axis=1) / nearest.sum(axis=1)).mean(), "ties", nearest.sum() / 1000)
    model = KNeighborsClassifier(1, metric="manhattan").fit(x[train], label[train])
    print(name, "1-NN error of scikit-learn, first of ties", 1 - model.score(x[test], label[test]))


def miller_madow(*columns):
    counts = np.unique(np.stack(columns), axis=1, return_counts=True)[1]
    p = counts / counts.sum()
    return -(p * np.log2(p)).sum() + (len(counts) - 1) / (2 * counts.sum() * np.log(2))


coarse = length // 16
print("I(port; label)", miller_madow(port) + miller_madow(label) - miller_madow(port, label))
print("I(length / 16; label)", miller_madow(coarse) + miller_madow(label) - miller_madow(coarse, label))
print("H(label)", -sum(p * np.log2(p) for p in np.bincount(label) / 2000))

print("AUC", roc_auc_score(label >= 3, coarse))
