#!/usr/bin/env python3
"""Records what onnxruntime computes for the quantized networks that Tests/PipelineTests judges.

    make build && python3 Benchmarks/onnxruntime/record_vectors.py

Writes Tests/PipelineTests/Vectors: for each network the quantized ONNX file (`pare quantize` with its
calibration.yaml) and the values of its last quantized tensor over every sample of data.yaml. To be run
after a change of the quantizer that is meant to change scales. Needs onnxruntime, onnx, numpy, pyyaml.
"""

import datetime
import tempfile
import pathlib

import numpy as np
import onnx
import onnxruntime as ort

import networks
import quantized

VECTORS = networks.ROOT / "Tests/PipelineTests/Vectors"

README = """# What onnxruntime computes

Made by `python3 Benchmarks/onnxruntime/record_vectors.py` with onnxruntime {version} on {date}, graph optimizations
on, CPU provider, one thread; not edited by hand. For each network:

- `NAME.int8.onnx`: the quantized network, by `pare quantize models/NAME/NAME.onnx --calibration
  models/NAME/calibration.yaml --method minmax`.
- `NAME.npy`: uint8 [samples, classes], the values of its last quantized tensor for every sample of
  `models/NAME/data.yaml`, in order.

The networks and the data they are calibrated on keep their licences (`models/README.md`).

| network | samples | values | nodes onnxruntime computes on integers | in float, conversions left out |
| --- | --- | --- | --- | --- |
{rows}
"""


def record(name, scratch):
    path = VECTORS / f"{name}.int8.onnx"
    networks.quantize(name, path, "--method", "minmax")
    model = onnx.load(path)
    tensor = quantized.last_quantized_tensor(model)
    tapped = quantized.with_outputs(model, [tensor])
    settings = quantized.options()
    settings.optimized_model_filepath = str(scratch / "optimized.onnx")
    session = quantized.session(tapped.SerializeToString(), settings)
    values = []
    samples = networks.samples(name, networks.input_shape(session))
    for sample in samples:
        values.append(session.run([tensor], {session.get_inputs()[0].name: sample[None]})[0].reshape(-1))
    values = np.stack(values)
    np.save(VECTORS / f"{name}.npy", values)
    ran = onnx.load(scratch / "optimized.onnx").graph.node
    integer = sum(quantized.is_integer_kernel(node) for node in ran)
    known = ("Conv", "FusedConv", "Gemm", "MatMul", "Add", "Softmax", "Pad")
    floats = [node.op_type for node in ran if node.op_type in known]
    return f"| {name} | {len(values)} | {values.size} | {integer} | {', '.join(floats) or 'none'} |"


def main():
    VECTORS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        rows = [record(name, pathlib.Path(folder)) for name in networks.LABELLED]
    text = README.format(version=ort.__version__, date=datetime.date.today(), rows="\n".join(rows))
    (VECTORS / "README.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
