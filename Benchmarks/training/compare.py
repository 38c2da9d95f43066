#!/usr/bin/env python3
"""Training speed and peak memory of `pare train` and of PyTorch, in turns.

    make build && python3 Benchmarks/training/compare.py [--rounds 5] [--threads 2] [--python PYTHON] [--json FILE]
        [NETWORK ...]

Each round trains every network for one epoch of MNIST with either program, so that what the machine does meanwhile
meets both; figures are medians over rounds. Peak memory is the greatest resident set of the process. PyTorch's is
also given less what `import torch` alone takes. --python names an interpreter that has PyTorch; `PARE` another
executable than .build/release/pare.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
NETWORKS = ["lenet-5", "cnn-digits"]
BATCH = 64


def run(command):
    """Standard output, and the seconds of CPU and the peak KiB that the process took."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"compare.py: {' '.join(map(str, command))} failed with {process.returncode}")
        output.seek(0)
        return output.read(), usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def pare(network, threads, directory):
    text, _, peak = run([
        os.environ.get("PARE", ROOT / ".build/release/pare"), "train", ROOT / "models" / network / "recipe.yaml",
        "-o", directory / "trained.onnx", "--set", "epochs=1", "--set", f"batch={BATCH}", "--threads", str(threads),
        "--json",
    ])
    report = json.loads(text)
    return {"samplesPerSecond": report["samplesPerSecond"], "peakKiB": peak}


def pytorch(network, threads, python):
    text, _, _ = run([python, pathlib.Path(__file__).with_name("pytorch_training.py"), network, str(BATCH),
                      str(threads)])
    return json.loads(text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("networks", nargs="*", default=NETWORKS, metavar="NETWORK")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    results = {}
    for network in arguments.networks:
        rounds = []
        with tempfile.TemporaryDirectory() as directory:
            for _ in range(arguments.rounds):
                rounds.append((
                    pare(network, arguments.threads, pathlib.Path(directory)),
                    pytorch(network, arguments.threads, arguments.python)))
        ours, theirs = ([pair[side] for pair in rounds] for side in (0, 1))

        def median(reports, key):
            return statistics.median(report[key] for report in reports)

        result = {
            "pytorch": theirs[0]["version"], "threads": arguments.threads, "rounds": arguments.rounds,
            "pareSamplesPerSecond": median(ours, "samplesPerSecond"),
            "pytorchSamplesPerSecond": median(theirs, "samplesPerSecond"),
            # Of the rounds, since both sides of a round met the same machine.
            "speedRatio": statistics.median(
                a["samplesPerSecond"] / b["samplesPerSecond"] for a, b in rounds),
            "parePeakKiB": median(ours, "peakKiB"), "pytorchPeakKiB": median(theirs, "peakKiB"),
            "pytorchPeakKiBBeyondImport": median(theirs, "peakKiB") - median(theirs, "importedKiB"),
        }
        results[network] = result
        print(
            f"{network}: {result['pareSamplesPerSecond']:.0f} samples/s, PyTorch {result['pytorch']} "
            f"{result['pytorchSamplesPerSecond']:.0f}, ratio {result['speedRatio']:.2f}; "
            f"peak {result['parePeakKiB'] / 1024:.0f} MiB, PyTorch {result['pytorchPeakKiB'] / 1024:.0f} MiB "
            f"({result['pytorchPeakKiBBeyondImport'] / 1024:.0f} beyond its import)", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")


main()
