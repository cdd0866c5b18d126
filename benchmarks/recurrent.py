"""The network of benchmarks/recurrent.ts in PyTorch. Reads requests, one JSON object a line, and answers each with one.

{"what": "train" | "predict", "bidirectional": bool, "repeats": n} -> {"milliseconds": [...]}
The first line sets sizes: {"time", "batch", "embedding", "features", "ports", "hidden", "layers", "classes", "threads"} -> {"version"}
"""

import json
import sys
import time

import torch

sizes = json.loads(sys.stdin.readline())
torch.set_num_threads(sizes["threads"])
torch.manual_seed(1)


class Network(torch.nn.Module):
    def __init__(self, bidirectional):
        super().__init__()
        width = sizes["embedding"] + sizes["features"]
        self.embedding = torch.nn.Embedding(sizes["ports"], sizes["embedding"])
        self.lstm = torch.nn.LSTM(width, sizes["hidden"], sizes["layers"], bidirectional=bidirectional)
        self.dense = torch.nn.Linear(sizes["hidden"] * (2 if bidirectional else 1), sizes["classes"])

    def forward(self, port, features):
        return self.dense(self.lstm(torch.cat([self.embedding(port), features], dim=2))[0])


shape = (sizes["time"], sizes["batch"])
port = torch.randint(0, sizes["ports"], shape)
features = torch.randn(*shape, sizes["features"])
label = torch.randint(0, sizes["classes"], shape)
networks = {bidirectional: Network(bidirectional) for bidirectional in (False, True)}
optimisers = {key: torch.optim.Adam(network.parameters(), lr=1e-3) for key, network in networks.items()}


def train(network, optimiser):
    optimiser.zero_grad()
    logits = network(port, features)
    loss = torch.nn.functional.cross_entropy(logits.reshape(-1, sizes["classes"]), label.reshape(-1))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    return loss.item()


def predict(network, _):
    with torch.no_grad():
        return torch.softmax(network(port, features), dim=2)[0, 0, 0].item()


print(json.dumps({"version": torch.__version__}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    run = {"train": train, "predict": predict}[request["what"]]
    arguments = networks[request["bidirectional"]], optimisers[request["bidirectional"]]
    milliseconds = []
    for _ in range(request["repeats"]):
        began = time.perf_counter()
        run(*arguments)
        milliseconds.append((time.perf_counter() - began) * 1000)
    print(json.dumps({"milliseconds": milliseconds}), flush=True)
