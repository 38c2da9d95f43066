#!/usr/bin/env python3
"""Accuracy in onnxruntime of every network that `pare compress` wrote, beside the figures that it reported.

    make build && .build/release/pare compress recipe.yaml -o out
    python3 Benchmarks/onnxruntime/compare_stages.py out test.yaml [--start model.onnx] [--points 0.1]

The DATA file is the one that the recipe names under data.test. stages.json holds what each packed network reached
on Pare's runtime; the .onnx file of the same stage is run here, all samples, and must reach the same within so many
points, else the exit code is 1. The network that a pipeline began with lies elsewhere: --start names it. Needs
onnxruntime, numpy, pyyaml.
"""

import argparse
import json
import pathlib
import sys

import numpy as np
import onnxruntime as ort

import networks

ort.set_default_logger_severity(3)


def accuracy(path, data, labels):
    """In percent; batches of 256 where the network takes any, else one sample at a time."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    source = session.get_inputs()[0]
    x = networks.samples("", networks.input_shape(session), file=data)
    assert len(x) == len(labels), f"{data}: {len(x)} samples, {len(labels)} labels"
    step = source.shape[0] if isinstance(source.shape[0], int) else 256
    right = 0
    for first in range(0, len(x), step):
        scores = session.run(None, {source.name: x[first : first + step]})[0]
        answers = scores.reshape(min(step, len(x) - first), -1).argmax(axis=1)
        right += int((answers == labels[first : first + step]).sum())
    return 100 * right / len(x)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--start", type=pathlib.Path, help="the recipe's `network`")
    parser.add_argument("--points", type=float, default=0.1)
    arguments = parser.parse_args()
    data = arguments.data.resolve()
    labels = networks.labels(data)
    stages = json.loads((arguments.folder / "stages.json").read_text())
    print(f"onnxruntime {ort.__version__}, {len(labels)} samples of {arguments.data}")
    print(f"{'stage':16}{'pare':>10}{'onnxruntime':>14}{'points':>9}")
    apart = []
    for name in sorted(stages, key=lambda name: int(name.split("-")[0])):
        path = arguments.start if name == "0-start" else arguments.folder / f"{name}.onnx"
        ours = stages[name].get("figures", {}).get("accuracy")
        if path is None or ours is None:
            print(f"{name:16}not compared: {'give its file with --start' if path is None else 'no accuracy reported'}")
            continue
        theirs = accuracy(path, data, labels)
        difference = abs(100 * ours - theirs)
        # Accuracies are multiples of one sample; binary fractions of them are not exact.
        if difference > arguments.points + 1e-9:
            apart.append(name)
        print(f"{name:16}{100 * ours:8.2f} %{theirs:12.2f} %{difference:9.2f}{'  APART' if name in apart else ''}", flush=True)
    sys.exit(f"more than {arguments.points} points apart: {', '.join(apart)}" if apart else 0)


if __name__ == "__main__":
    main()
