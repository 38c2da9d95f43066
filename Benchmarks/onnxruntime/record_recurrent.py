"""Records what onnxruntime computes of recurrent layers that ONNX's own tests leave out.

    python3 Benchmarks/onnxruntime/record_recurrent.py

writes Tests/ConformanceTests/Vectors/recurrent.tar: cases in the layout of conformance.tar, weights inside the
models. Directions, lengths of sequences, initial states, `linear_before_reset` and other functions of the gates.
"""

import io
import pathlib
import tarfile

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

TARGET = pathlib.Path(__file__).parents[2] / "Tests/ConformanceTests/Vectors/recurrent.tar"
STEPS, BATCH, INPUT, HIDDEN = 5, 3, 4, 6
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def case(name, op, seed, direction="forward", lengths=None, initial=False, bias=True, **attributes):
    """One network of one node: model, inputs and what onnxruntime makes of them."""
    random = numpy.random.default_rng(seed)
    passes = 2 if direction == "bidirectional" else 1
    rows = GATES[op] * HIDDEN

    def floats(*shape):
        return random.uniform(-1, 1, shape).astype(numpy.float32)

    weights = {"W": floats(passes, rows, INPUT), "R": floats(passes, rows, HIDDEN)}
    if bias:
        weights["B"] = floats(passes, 2 * rows)
    inputs = {"X": floats(STEPS, BATCH, INPUT)}
    if lengths:
        inputs["sequence_lens"] = numpy.array(lengths, numpy.int32)
    if initial:
        for state in ["initial_h", "initial_c"] if op == "LSTM" else ["initial_h"]:
            inputs[state] = floats(passes, BATCH, HIDDEN)
    order = ["X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c"]
    given = [key if key in weights or key in inputs else "" for key in order]
    while not given[-1]:
        given.pop()
    outputs = ["Y", "Y_h", "Y_c"] if op == "LSTM" else ["Y", "Y_h"]
    node = helper.make_node(op, given, outputs, direction=direction, hidden_size=HIDDEN, **attributes)
    shapes = {"Y": [STEPS, passes, BATCH, HIDDEN], "Y_h": [passes, BATCH, HIDDEN], "Y_c": [passes, BATCH, HIDDEN]}
    kinds = {numpy.dtype(numpy.float32): TensorProto.FLOAT, numpy.dtype(numpy.int32): TensorProto.INT32}
    graph = helper.make_graph(
        [node],
        name,
        [helper.make_tensor_value_info(key, kinds[value.dtype], value.shape) for key, value in inputs.items()],
        [helper.make_tensor_value_info(key, TensorProto.FLOAT, shapes[key[:3]]) for key in outputs],
        [numpy_helper.from_array(value, key) for key, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(outputs, inputs)
    files = {"model.onnx": model.SerializeToString()}
    for index, (key, value) in enumerate(inputs.items()):
        files[f"input_{index}.pb"] = numpy_helper.from_array(value, key).SerializeToString()
    for index, (key, value) in enumerate(zip(outputs, found)):
        files[f"output_{index}.pb"] = numpy_helper.from_array(value, key).SerializeToString()
    return {f"onnxruntime/{name}/{file}": contents for file, contents in files.items()}


def cases():
    """Every operator in every direction, with lengths and initial states, and what only some have."""
    seed = 0
    for op in GATES:
        for direction in ["forward", "reverse", "bidirectional"]:
            seed += 1
            lengths = [5, 2, 4]
            yield case(f"{op.lower()}_{direction}", op, seed, direction, lengths, initial=True)
    yield case("lstm_bare", "LSTM", 20, bias=False)
    yield case("gru_bare", "GRU", 21, bias=False)
    yield case("gru_linear_before_reset", "GRU", 22, "bidirectional", [5, 2, 4], True, linear_before_reset=1)
    yield case("lstm_functions", "LSTM", 23, activations=["Sigmoid", "Relu", "Sigmoid"])
    yield case("gru_functions", "GRU", 24, "bidirectional", activations=["Tanh", "Sigmoid", "Sigmoid", "Relu"])
    yield case("rnn_functions", "RNN", 25, "reverse", activations=["Relu"])


def main():
    with io.BytesIO() as buffer:
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for files in cases():
                for name, contents in files.items():
                    entry = tarfile.TarInfo(name)
                    entry.size = len(contents)
                    archive.addfile(entry, io.BytesIO(contents))
        TARGET.write_bytes(buffer.getvalue())
    print(f"{TARGET.name}: {TARGET.stat().st_size} bytes by onnxruntime {onnxruntime.__version__}")


if __name__ == "__main__":
    main()
