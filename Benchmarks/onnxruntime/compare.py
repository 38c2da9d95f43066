#!/usr/bin/env python3
"""Latency of packed networks against onnxruntime, one thread, one core, in turns.

    make build && python3 Benchmarks/onnxruntime/compare.py [--rounds 7] [--isa avx2] [--json FILE] [NETWORK ...]

Each round measures every contender once, so that what the machine does meanwhile meets all of them; the figure is
the median over rounds of the median of a round, in microseconds. onnxruntime takes whatever instructions the CPU
has; our rows are the best of this CPU and avx2 (or the one given). The int8 network is `pare quantize`'s, and
onnxruntime's inputs are bound beforehand, so that both sides time the run alone. Needs onnxruntime, numpy, pyyaml.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import tempfile
import time

import numpy as np
import onnxruntime as ort

import networks

# Errors only: exporters of old list weights among the inputs, which onnxruntime warns of one by one.
ort.set_default_logger_severity(3)


class Onnxruntime:
    def __init__(self, label, path, sample):
        settings = ort.SessionOptions()
        settings.intra_op_num_threads = 1
        settings.inter_op_num_threads = 1
        settings.log_severity_level = 3
        self.label = label
        self.session = ort.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
        self.binding = self.session.io_binding()
        self.binding.bind_cpu_input(self.session.get_inputs()[0].name, sample)
        for output in self.session.get_outputs():
            self.binding.bind_output(output.name)

    def measure(self, seconds):
        """The median of one round."""
        run = lambda: self.session.run_with_iobinding(self.binding)
        for _ in range(5):
            run()
        times = []
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(times) < 10:
            start = time.perf_counter_ns()
            run()
            times.append((time.perf_counter_ns() - start) / 1000)
        return statistics.median(times)


class Pare:
    def __init__(self, label, path, isa=None):
        self.label = label
        self.command = [networks.PARE, "bench", path, "--json"] + (["--isa", isa] if isa else [])
        self.expected = None

    def measure(self, seconds):
        runs = 20 if self.expected is None else max(20, min(20000, int(seconds * 1e6 / self.expected)))
        outcome = subprocess.run(self.command + ["--runs", str(runs)], check=True, capture_output=True)
        figures = json.loads(outcome.stdout)
        self.isa = figures["isa"]
        self.expected = figures["latency_us"]["p50"]
        return self.expected


def contenders(name, isa, scratch):
    source = networks.onnx_file(name)
    networks.quantize(name, scratch / "int8.onnx")
    networks.pack(source, scratch / "float.pare")
    networks.pack(scratch / "int8.onnx", scratch / "int8.pare")
    shape = networks.input_shape(ort.InferenceSession(str(source), providers=["CPUExecutionProvider"]))
    sample = networks.samples(name, shape, 1)
    return [
        Onnxruntime("onnxruntime float", source, sample),
        Onnxruntime("onnxruntime int8", scratch / "int8.onnx", sample),
        Pare("pare float best", scratch / "float.pare"),
        Pare("pare int8 best", scratch / "int8.pare"),
        Pare(f"pare float {isa}", scratch / "float.pare", isa),
        Pare(f"pare int8 {isa}", scratch / "int8.pare", isa),
    ]


def compare(name, rounds, seconds, isa):
    with tempfile.TemporaryDirectory() as folder:
        rows = contenders(name, isa, pathlib.Path(folder))
        for row in rows:
            row.measure(seconds)
        measured = [[row.measure(seconds) for row in rows] for _ in range(rounds)]
    medians = [statistics.median(column) for column in zip(*measured)]
    return dict(zip([row.label for row in rows], medians)), rows[2].isa


def show(name, figures, best_isa):
    theirs = min(value for label, value in figures.items() if label.startswith("onnxruntime"))
    print(f"\n{name}")
    for label, microseconds in figures.items():
        label = label.replace("best", f"{best_isa}")
        ratio = "" if label.startswith("onnx") else f"{theirs / microseconds:8.2f} x the better of onnxruntime's"
        print(f"  {label:24}{microseconds:10.1f} us{ratio}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.25, help="of each contender in each round")
    parser.add_argument("--isa", default="avx2" if platform.machine() == "x86_64" else "neon")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("networks", nargs="*", default=networks.ALL)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {arguments.core})
    lines = open("/proc/cpuinfo").read().splitlines()
    cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    rounds = f"{arguments.rounds} rounds"
    print(f"{datetime.date.today()}, {cpu}, core {arguments.core}, onnxruntime {ort.__version__}, {rounds}")
    report = {}
    for name in arguments.networks:
        figures, best_isa = compare(name, arguments.rounds, arguments.seconds, arguments.isa)
        show(name, figures, best_isa)
        report[name] = figures
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
