"""The network of `lstm` and `blstm` in plain PyTorch, for sequence-quality.py and study.py.

The same layers, start (by distribution), loss, Adam, clipping, schedule, dropout and early stopping as in src/learning/recurrent, written
anew; scores by scikit-learn. `options` are the attack's parameters, with `ports` the rows of the embedding, and `bidirectional`.
Windows are (port, features, count, label): windows x packets, windows x packets x features, packets in each window, windows x packets
with -1 for a packet without a class and for padding.
"""
import copy
import math

import numpy as np
import torch
from sklearn.metrics import accuracy_score, f1_score
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class Network(torch.nn.Module):
    def __init__(self, options, features, classes):
        super().__init__()
        hidden, layers, dropout = options["hidden"], options["layers"], options["dropout"]
        self.embedding = torch.nn.Embedding(options["ports"], options["embedding"])
        self.lstm = torch.nn.LSTM(
            options["embedding"] + features,
            hidden,
            layers,
            batch_first=True,
            dropout=dropout if layers > 1 else 0,
            bidirectional=options["bidirectional"],
        )
        # nn.LSTM leaves the last layer's output alone.
        self.dropout = torch.nn.Dropout(dropout)
        self.dense = torch.nn.Linear((2 if options["bidirectional"] else 1) * hidden, classes)
        with torch.no_grad():
            self.embedding.weight.normal_(0, 0.5)[0] = 0
            self.dense.bias.zero_()
            for name, parameter in self.lstm.named_parameters():
                if "bias" in name:
                    parameter.zero_()
                # Two biases that only occur as their sum: one is learnt. PyTorch's gates are input, forget, cell, output.
                if "bias_ih" in name:
                    parameter[hidden : 2 * hidden] = 1
                if "bias_hh" in name:
                    parameter.requires_grad_(False)

    def forward(self, port, features, count):
        x = torch.cat([self.embedding(port), features], dim=2)
        size = x.shape[1]
        if int(count.min()) == size:
            x, _ = self.lstm(x)
        else:
            packed = pack_padded_sequence(x, count, batch_first=True, enforce_sorted=False)
            x, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=size)
        return self.dense(self.dropout(x))


def scores_of(truth, predicted):
    """Accuracy and macro-F1 over the classes that occur; None where there is nothing to score."""
    if len(truth) == 0:
        return None
    macro_f1 = f1_score(truth, predicted, average="macro", labels=np.unique(truth), zero_division=0)
    return {"accuracy": accuracy_score(truth, predicted), "macroF1": macro_f1}


def scores(network, windows, among=None):
    """Scores on the packets that have a class, with the most probable of the first `among` classes (all, by default) as the answer."""
    network.eval()
    port, features, count, label = windows
    with torch.no_grad():
        chunks = [slice(i, i + 64) for i in range(0, len(port), 64)]
        found = torch.cat([network(port[c], features[c], count[c])[:, :, :among].argmax(dim=2) for c in chunks])
    return scores_of(label[label >= 0].numpy(), found[label >= 0].numpy())


def rate_at(step, steps, peak):
    rise = max(1, steps // 20)
    if step < rise:
        return peak * (step + 1) / rise
    return peak * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def train(network, options, class_weight, windows, validation):
    """Trains `network` and leaves it with the parameters of the best epoch."""
    port, features, count, label = windows
    learnt = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.Adam(learnt)
    batch = min(options["batch"], len(port))
    steps = math.ceil(len(port) / batch)
    # As lengthOf in src/learning/recurrent/train.ts.
    epochs = options["epochs"] or max(15, math.ceil(options["steps"] / steps))
    patience = options["patience"] or math.ceil(epochs / 3)
    best_score, best_epoch, best, epoch = -math.inf, 0, None, 0
    while epoch < epochs and epoch - best_epoch < patience:
        network.train()
        order = torch.randperm(len(port))
        for step in range(steps):
            which = order[step * batch : (step + 1) * batch]
            for group in optimiser.param_groups:
                group["lr"] = rate_at(epoch * steps + step, epochs * steps, options["learningRate"])
            optimiser.zero_grad()
            logits = network(port[which], features[which], count[which])
            # The mean over packets, weighted by class: divided by the sum of the weights that occur.
            loss = torch.nn.functional.cross_entropy(
                logits.reshape(-1, len(class_weight)), label[which].reshape(-1), weight=class_weight, ignore_index=-1
            )
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learnt, options["clipNorm"])
            optimiser.step()
        epoch += 1
        found = scores(network, validation) if len(validation[0]) > 0 else None
        if found is None or found["macroF1"] > best_score:
            best_score = -math.inf if found is None else found["macroF1"]
            best_epoch, best = epoch, copy.deepcopy(network.state_dict())
    network.load_state_dict(best)
    return {"epochs": epoch, "bestEpoch": best_epoch}
