"""onnxruntime sessions that compute quantized networks with its integer (QLinear) kernels."""

import onnx
import onnxruntime as ort


def options(level=ort.GraphOptimizationLevel.ORT_ENABLE_ALL):
    result = ort.SessionOptions()
    result.graph_optimization_level = level
    result.intra_op_num_threads = 1
    result.log_severity_level = 3
    # Without VNNI onnxruntime multiplies uint8 by int8 through instructions that saturate; this makes it exact.
    result.add_session_config_entry("session.x64quantprecision", "1")
    return result


def session(model, settings):
    return ort.InferenceSession(model, settings, providers=["CPUExecutionProvider"])


def last_quantized_tensor(model):
    """The input of the last DequantizeLinear that reads a computed value."""
    computed = {output for node in model.graph.node for output in node.output}
    reads = [node.input[0] for node in model.graph.node if node.op_type == "DequantizeLinear"]
    return [name for name in reads if name in computed][-1]


def with_outputs(model, names):
    result = onnx.ModelProto()
    result.CopyFrom(model)
    for name in names:
        result.graph.output.append(onnx.ValueInfoProto(name=name))
    return result


def optimized(path, scratch):
    """The graph that onnxruntime runs for the file, images channels-last."""
    settings = options()
    settings.optimized_model_filepath = str(scratch)
    session(str(path), settings)
    return onnx.load(str(scratch))


def is_integer_kernel(node):
    return node.op_type.startswith(("QLinear", "QGemm"))
