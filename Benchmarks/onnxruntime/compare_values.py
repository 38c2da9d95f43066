#!/usr/bin/env python3
"""Compares every quantized activation of a packed network with onnxruntime's, value by value.

    make build && python3 Benchmarks/onnxruntime/compare_values.py [--samples 200] [NETWORK ...]

Where the test of the last tensor fails, this names the layer. It packs the quantized network with every
activation as an output, runs it with `pare run`, and reads the same activations out of the graph that
onnxruntime made of the file. Needs onnxruntime, onnx, numpy, pyyaml.
"""

import argparse
import pathlib
import subprocess
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper

import networks
import quantized


class Activation:
    """A quantized activation of the file, and the tensor that holds it in onnxruntime's graph."""

    def __init__(self, index, node, constants, producers, ran):
        self.name = node.input[0]
        self.output = f"tap{index}"
        self.inputs = list(node.input)
        self.scale = constants[node.input[1]]
        self.zero_point = int(constants[node.input[2]])
        # The fused node has the name of the first node of the group, and so has its output.
        candidates = [self.name]
        producer = producers.get(producers[self.name].input[0])
        while producer is not None:
            candidates.append(producer.name)
            producer = producers.get(producer.input[0]) if producer.op_type in ("Relu", "Clip") else None
        self.theirs = next((name for name in candidates if name in ran), None)
        self.kind = ran[self.theirs] if self.theirs else "not in its graph"

    def quantized(self, floats):
        return np.rint(floats.astype(np.float64) / self.scale).astype(np.int64) + self.zero_point


def activations(model, optimized):
    constants = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    producers = {output: node for node in model.graph.node for output in node.output}
    integer = lambda node: quantized.is_integer_kernel(node) or node.op_type in ("QuantizeLinear", "NhwcMaxPool")
    ran = {output: node.op_type for node in optimized.graph.node if integer(node) for output in node.output}
    # Movements keep the type of what they move.
    for node in optimized.graph.node:
        if node.op_type in ("Transpose", "Reshape", "Slice") and node.input[0] in ran:
            ran[node.output[0]] = node.op_type
    reads = [n for n in model.graph.node if n.op_type == "DequantizeLinear" and n.input[0] in producers]
    return [Activation(index, node, constants, producers, ran) for index, node in enumerate(reads)]


def tapped(model, taps):
    result = onnx.ModelProto()
    result.CopyFrom(model)
    del result.graph.output[:]
    for tap in taps:
        result.graph.node.append(onnx.helper.make_node("DequantizeLinear", tap.inputs, [tap.output], tap.output))
        result.graph.output.append(onnx.helper.make_tensor_value_info(tap.output, onnx.TensorProto.FLOAT, None))
    return result


def compare(name, count, scratch):
    networks.quantize(name, scratch / "int8.onnx")
    model = onnx.load(scratch / "int8.onnx")
    graph = quantized.optimized(scratch / "int8.onnx", scratch / "optimized.onnx")
    taps = activations(model, graph)
    onnx.save(tapped(model, taps), scratch / "tapped.onnx")
    networks.pack(scratch / "tapped.onnx", scratch / "tapped.pare")
    wanted = list(dict.fromkeys(tap.theirs for tap in taps if tap.theirs))
    session = quantized.session(
        quantized.with_outputs(graph, wanted).SerializeToString(),
        quantized.options(ort.GraphOptimizationLevel.ORT_DISABLE_ALL))
    source = session.get_inputs()[0]
    totals = [[0, 0, 0] for _ in taps]
    for sample in networks.samples(name, networks.input_shape(session), count):
        np.save(scratch / "x.npy", sample[None])
        subprocess.run(
            [networks.PARE, "run", scratch / "tapped.pare", "--input", f"{source.name}={scratch / 'x.npy'}",
             "--outputs", scratch], check=True)
        theirs = dict(zip(wanted, session.run(wanted, {source.name: sample[None]})))
        for tap, total in zip(taps, totals):
            if tap.theirs:
                add(total, tap.quantized(np.load(scratch / f"{tap.output}.npy")), theirs[tap.theirs].astype(np.int64))
    show(name, taps, totals)


def add(total, ours, theirs):
    """Ours is laid out as in the ONNX file; theirs perhaps channels-last, and where both fit, the nearer counts."""
    layouts = [theirs] if theirs.ndim != 4 else [theirs, theirs.transpose(0, 3, 1, 2)]
    errors = [np.abs(ours - layout.reshape(ours.shape)) for layout in layouts if layout.shape == ours.shape]
    error = min(errors or [np.abs(ours - theirs.reshape(ours.shape))], key=lambda item: np.count_nonzero(item))
    total[0] += error.size
    total[1] += np.count_nonzero(error)
    total[2] = max(total[2], int(error.max()))


def show(name, taps, totals):
    print(f"{name}: values, values that differ, greatest difference, onnxruntime's kernel, tensor")
    for tap, (values, different, greatest) in zip(taps, totals):
        print(f"  {values:9} {different:7} {greatest:4}  {tap.kind:20} {tap.name}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("networks", nargs="*", default=networks.LABELLED)
    arguments = parser.parse_args()
    for name in arguments.networks:
        with tempfile.TemporaryDirectory() as folder:
            compare(name, arguments.samples, pathlib.Path(folder))


if __name__ == "__main__":
    main()
