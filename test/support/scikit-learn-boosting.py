"""Prints the numbers of scikit-learn that boost.test.ts holds ours against (written with scikit-learn 1.2.1)."""
import numpy as np
from sklearn.ensemble import GradientBoostingClassifier

state = 1


def below(bound):
    global state
    state = state * 48271 % 2147483647
    return state % bound


rows, label = [], []
for _ in range(400):
    row = [below(40), below(200), below(7)]
    rows.append(row)
    label.append(int(row[0] + below(20) > 30) ^ int(row[1] > 150 and below(4) > 0))

for rounds, rate in [(1, 1.0), (2, 1.0), (100, 1.0), (100, 0.1)]:
    model = GradientBoostingClassifier(n_estimators=rounds, learning_rate=rate, max_depth=1, random_state=0)
    model.fit(rows[:200], label[:200])
    print(rounds, rate, [round(p, 6) for p in model.predict_proba(rows[200:])[:6, 1]])
