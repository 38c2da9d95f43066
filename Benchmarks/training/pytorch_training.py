"""Trains one network for one epoch in PyTorch, as the recipe of the same name in models/ says; prints one JSON line.

    python3 pytorch_training.py NETWORK BATCH THREADS

The plainest fast loop there: images stay bytes in memory, a batch is gathered and scaled by whole tensors, no
loader, no metrics. Twenty steps before the clock starts.
"""

import gzip
import json
import pathlib
import resource
import sys
import time

import torch
from torch import nn

MNIST = pathlib.Path(__file__).parents[2] / "models" / "data" / "mnist"
NETWORKS = {
    "lenet-5": lambda: nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Dropout(0.5), nn.Linear(500, 10)),
    "cnn-digits": lambda: nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(576, 64), nn.ReLU(), nn.Linear(64, 10)),
}


def idx(name, header):
    with gzip.open(MNIST / name) as file:
        return torch.frombuffer(bytearray(file.read()[header:]), dtype=torch.uint8)


def peak_kib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main():
    name, batch, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    imported = peak_kib()
    images = idx("train-images-idx3-ubyte.gz", 16).view(-1, 1, 28, 28)
    labels = idx("train-labels-idx1-ubyte.gz", 8)
    network = NETWORKS[name]()
    loss_function = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)

    def step(chosen):
        inputs = images[chosen].float().mul_(1 / 255)
        optimizer.zero_grad(set_to_none=True)
        loss = loss_function(network(inputs), labels[chosen].long())
        loss.backward()
        optimizer.step()
        return loss

    order = torch.randperm(len(images))
    for index in range(20):
        step(order[index * batch:(index + 1) * batch])
    start, cpu_start = time.perf_counter(), time.process_time()
    total = 0.0
    for first in range(0, len(order), batch):
        total += step(order[first:first + batch]).item()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    print(json.dumps({
        "version": torch.__version__, "samplesPerSecond": len(order) / seconds,
        "samplesPerCPUSecond": len(order) / cpu_seconds, "peakKiB": peak_kib(), "importedKiB": imported,
        "loss": total / (len(order) / batch),
    }))


main()
