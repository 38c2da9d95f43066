#!/usr/bin/env python3
"""Time from process start to first output of a standalone executable.

    python3 Benchmarks/onnxruntime/start_up.py APP INPUT.npy [--runs 200]

APP is what `pare build --target ID --model MODEL.pare -o APP` made. The time is that from asking the kernel for the
process until it has ended with its output given away; a file would be flushed to the disk, which takes longer than
all else. Needs nothing but Python.
"""

import argparse
import os
import statistics
import time


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("app")
    parser.add_argument("input")
    parser.add_argument("--runs", type=int, default=200)
    arguments = parser.parse_args()
    times = []
    command = [arguments.app, "--input", arguments.input, "--output", "-"]
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    for _ in range(arguments.runs):
        start = time.perf_counter_ns()
        process = os.posix_spawn(arguments.app, command, {}, file_actions=silent)
        _, status = os.waitpid(process, 0)
        times.append((time.perf_counter_ns() - start) / 1e6)
        if status:
            raise SystemExit(f"{arguments.app} failed with status {os.waitstatus_to_exitcode(status)}")
    ranked = sorted(times)
    print(f"start to output: median {statistics.median(times):.2f} ms, least {ranked[0]:.2f} ms, "
          f"90 % within {ranked[len(ranked) * 9 // 10]:.2f} ms")


if __name__ == "__main__":
    main()
