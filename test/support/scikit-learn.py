"""Prints the numbers of scikit-learn that forest.test.ts holds ours against (written with scikit-learn 1.2.1).

The table is that of table.ts: 3000 rows train, 3000 test. The port is given as a number, and one-hot.
"""
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score

ROWS = 6000
TRAIN = 3000
state = 1


def below(bound):
    global state
    state = state * 48271 % 2147483647
    return state % bound


rows, label = [], []
for _ in range(ROWS):
    c = below(5)
    port = [443, 8883, 443, 53, 123][c] if below(10) < 7 else 1000 + below(8) * 111
    rows.append((port, 60 + 150 * c + below(400), below(1000)))
    label.append(c)
table, label = np.array(rows), np.array(label)
one_hot = np.column_stack([table[:, :1] == np.unique(table[:, 0]), table[:, 1:]])

for name, columns in (("port as a number", table), ("port one-hot", one_hot)):
    scores = []
    for seed in range(10):
        forest = RandomForestClassifier(100, oob_score=True, random_state=seed).fit(columns[:TRAIN], label[:TRAIN])
        predicted = forest.predict(columns[TRAIN:])
        importance = forest.feature_importances_
        scores.append((
            np.mean(predicted == label[TRAIN:]),
            f1_score(label[TRAIN:], predicted, average="macro"),
            forest.oob_score_,
            importance[:-2].sum(), importance[-2], importance[-1],
        ))
    print(name, "accuracy, macro-F1, out-of-bag, importance of port, length, nothing:", np.mean(scores, axis=0).round(4))
