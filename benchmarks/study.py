"""A study in scikit-learn and PyTorch: python3 study.py FOLDER PROCESSES

FOLDER holds what study.ts has left there: models.json, which says what to train and on what to test it, and the packets of each part
as the observer sees them, with the windows over them. PROCESSES models at a time, each in a process and with a thread of its own; 0 for one
model after another, with as many threads as the libraries choose. Prints one line of JSON: for each model seconds and scores.
"""
import json
import platform
import sys
import time

import joblib
import numpy as np
import sklearn
import torch
from network import Network, scores, scores_of, train
from sklearn.ensemble import RandomForestClassifier

folder, processes = sys.argv[1], int(sys.argv[2])

PORT, PROTOCOLS, DIRECTION, LENGTH, INTERVAL = range(5)
# As in src/learning/recurrent/encoding.ts.
LENGTH_UNIT, INTERVAL_FLOOR = 1500, 1e-6
LENGTH_PERIODS = 4 * 2 ** np.arange(11)


class Part:
    """A table of packets with columns as above, the class of each (-1 for none), and windows: first row and number of packets."""

    def __init__(self, name):
        self.packets, self.label, self.start, self.count = (
            np.load(f"{folder}/{name}-{column}.npy") for column in ("packets", "label", "start", "count")
        )


class Encoding:
    """Packets as numbers of about unit size, in units that are learnt from the training part."""

    def __init__(self, packets, maximum_ports):
        used, counts = np.unique(packets[:, PORT].astype(np.int64), return_counts=True)
        ports = used[np.argsort(-counts, kind="stable")[:maximum_ports]]
        self.ports = len(ports) + 1
        self.row_of = np.zeros(1 << 16, np.int64)
        self.row_of[ports] = np.arange(1, self.ports)
        log_interval = self.log_interval(packets)
        self.mean, self.deviation = log_interval.mean(), log_interval.std()
        if not self.deviation > 1e-6:
            self.deviation = 1

    @staticmethod
    def log_interval(packets):
        return np.log10(packets[:, INTERVAL].astype(np.float64) + INTERVAL_FLOOR)

    def windows(self, part, size):
        """Tensors as network.py takes them."""
        packets = part.packets
        bits = np.unpackbits(packets[:, PROTOCOLS].astype(np.uint8)[:, None], axis=1, bitorder="little")[:, :7]
        interval = (self.log_interval(packets) - self.mean) / self.deviation
        angle = 2 * np.pi * (packets[:, [LENGTH]] / LENGTH_PERIODS)
        plain = (packets[:, DIRECTION], packets[:, LENGTH] / LENGTH_UNIT, interval)
        features = np.column_stack([bits, *plain, np.sin(angle), np.cos(angle)]).astype(np.float32)
        row = part.start[:, None] + np.arange(size)
        padding = np.arange(size) >= part.count[:, None]
        row[padding] = 0
        label = part.label[row].astype(np.int64)
        label[padding] = -1
        port = self.row_of[packets[:, PORT].astype(np.int64)]
        return tuple(torch.from_numpy(array) for array in (port[row], features[row], part.count.astype(np.int64), label))


def fit_forest(model, threads):
    part, parameters = Part(model["train"]), model["parameters"]
    forest = RandomForestClassifier(
        n_estimators=parameters["trees"],
        min_samples_leaf=parameters["minLeaf"],
        max_depth=parameters["maxDepth"] or None,
        class_weight="balanced" if parameters["balanced"] else None,
        n_jobs=threads,
        random_state=model["seed"],
    )
    known = part.label >= 0
    forest.fit(part.packets[known], part.label[known])
    # The answer is a device, even where cover was there to learn.
    devices = forest.classes_ < model["devices"]

    def score(test):
        known = test.label >= 0
        probabilities = forest.predict_proba(test.packets[known])[:, devices]
        return scores_of(test.label[known], forest.classes_[devices][probabilities.argmax(axis=1)])

    return score


def fit_network(model, _):
    part, size = Part(model["train"]), model["window"]
    encoding = Encoding(part.packets, model["parameters"]["ports"])
    options = {**model["parameters"], "ports": encoding.ports, "bidirectional": model["attack"] == "blstm"}
    counts = np.bincount(part.label[part.label >= 0], minlength=model["classes"])
    weight = (counts[counts > 0].mean() / np.maximum(counts, 1)) ** options["balance"]
    class_weight = torch.from_numpy(np.where(counts > 0, weight, 0).astype(np.float32))
    windows = encoding.windows(part, size)
    validation = encoding.windows(Part(model["validation"]), size)
    torch.manual_seed(model["seed"])
    network = Network(options, windows[1].shape[2], model["classes"])
    train(network, options, class_weight, windows, validation)
    return lambda test: scores(network, encoding.windows(test, size), model["devices"])


FIT = {"random-forest": fit_forest, "lstm": fit_network, "blstm": fit_network}


def run(model, threads):
    """Trains a model and tests it on each of its parts."""
    if threads > 0:
        torch.set_num_threads(threads)
    started = time.perf_counter()
    score = FIT[model["attack"]](model, threads)
    fitted = time.perf_counter()
    found = [score(Part(test)) for test in model["tests"]]
    return {"fit": fitted - started, "predict": time.perf_counter() - fitted, "scores": found}


if __name__ == "__main__":
    with open(f"{folder}/models.json") as file:
        models = json.load(file)
    if processes == 0:
        outcomes = [run(model, -1) for model in models]
    else:
        outcomes = joblib.Parallel(n_jobs=processes, batch_size=1)(joblib.delayed(run)(model, 1) for model in models)
    versions = {"python": platform.python_version(), "sklearn": sklearn.__version__, "torch": torch.__version__}
    print(json.dumps({"versions": versions, "outcomes": outcomes}))
