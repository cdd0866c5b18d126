"""The network of `lstm` and `blstm` in plain PyTorch: python3 sequence-quality.py FOLDER THREADS

FOLDER holds what sequence-quality.ts has left there: the windows of the training, validation and test part, the weight of each class,
options.json. The network is that of network.py, beside this file. Prints one line of JSON.
"""
import json
import sys
import time

import numpy as np
import torch
from network import Network, scores, train

folder, threads = sys.argv[1:]
with open(f"{folder}/options.json") as file:
    options = json.load(file)
torch.set_num_threads(int(threads))
torch.manual_seed(options["seed"])
class_weight = torch.from_numpy(np.load(f"{folder}/class-weight.npy"))


def read(part):
    port, features, mask, label = (
        torch.from_numpy(np.load(f"{folder}/{part}-{name}.npy")) for name in ("port", "features", "mask", "label")
    )
    return port, features, mask.sum(dim=1, dtype=torch.int64), label.long()


windows, validation, test = read("train"), read("validation"), read("test")
network = Network(options, windows[1].shape[2], len(class_weight))
began = time.perf_counter()
outcome = train(network, options, class_weight, windows, validation)
seconds = time.perf_counter() - began
print(json.dumps({**scores(network, test), **outcome, "seconds": seconds}))
