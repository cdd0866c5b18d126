"""The scikit-learn side of forest.ts: python3 forest.py FOLDER raw|one-hot|bins TREES THREADS SEED PORTS

FOLDER holds the columns of a training and a test table as plain arrays, and the same in bins, row by row. Prints one line of JSON: seconds to fit and to
predict (reading and encoding left out), accuracy, macro-F1.
"""
import json
import sys
import time

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, f1_score

folder, encoding, trees, threads, seed, ports = sys.argv[1:]
TYPES = {"port": "u2", "protocols": "u1", "direction": "u1", "length": "f4", "interval": "f4", "label": "u2"}


def read(part):
    return {name: np.fromfile(f"{folder}/{part}-{name}.bin", kind) for name, kind in TYPES.items()}


train, test = read("train"), read("test")
used, counts = np.unique(train["port"], return_counts=True)
most_used = used[np.argsort(-counts, kind="stable")[: int(ports)]]


def table(name, part):
    if encoding == "bins":
        return np.fromfile(f"{folder}/{name}-bins.bin", "u1").reshape(len(part["label"]), -1).astype("f4")
    port = part["port"][:, None]
    columns = [port if encoding == "raw" else port == most_used]
    columns += [part[column][:, None] for column in ("protocols", "direction", "length", "interval")]
    return np.hstack(columns).astype("f4")


rows, test_rows = table("train", train), table("test", test)
forest = RandomForestClassifier(n_estimators=int(trees), n_jobs=int(threads), random_state=int(seed))
started = time.perf_counter()
forest.fit(rows, train["label"])
fitted = time.perf_counter()
predicted = forest.predict_proba(test_rows).argmax(axis=1)
finished = time.perf_counter()
predicted = forest.classes_[predicted]
truth = test["label"]
scores = {
    "fit": fitted - started,
    "predict": finished - fitted,
    "accuracy": accuracy_score(truth, predicted),
    "macroF1": f1_score(truth, predicted, average="macro", labels=np.unique(truth), zero_division=0),
}
print(json.dumps(scores))
