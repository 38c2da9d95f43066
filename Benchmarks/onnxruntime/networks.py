"""The networks under models/ and their data, read as `pare` reads them (models/README.md)."""

import gzip
import os
import pathlib
import subprocess

import numpy as np
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARE = pathlib.Path(os.environ.get("PARE", ROOT / ".build/release/pare"))

LABELLED = ["dscnn-kws", "resnet8-cifar10", "resnet20-cifar10", "cntk-mnist"]
ALL = LABELLED + [
    "mobilenetv1-0.25-vww",
    "mobilenetv1-0.25-imagenet",
    "autoencoder-toyadmos",
    "arm-kws-cnn-s",
    "ultraface-rfb-320",
]

IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def folder(name):
    return ROOT / "models" / name


def onnx_file(name):
    return folder(name) / f"{name}.onnx"


def _contents(path):
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def _idx(data):
    rank = data[3]
    shape = np.frombuffer(data, ">u4", rank, 4)
    return np.frombuffer(data, IDX_TYPES[data[2]], offset=4 + 4 * rank).reshape(shape)


def _raw(path):
    """Samples as stored, and whether their channels come first."""
    if path.suffix == ".npz":
        return np.load(path)["inputs"], False
    if path.suffix == ".npy":
        return np.load(path), False
    data = _contents(path)
    if ".bin" in path.name:
        return np.frombuffer(data, np.uint8).reshape(-1, 3073)[:, 1:].reshape(-1, 3, 32, 32), True
    return _idx(data), False


def samples(name, shape, count=None, file="data.yaml"):
    """float32 [samples, *shape without its batch], preprocessed in float32 step by step."""
    path = folder(name) / file
    specification = yaml.safe_load(path.read_text())
    raw, channels_first = _raw((path.parent / specification["inputs"]).resolve())
    first, last = specification.get("range", [0, len(raw)])
    if count is not None:
        last = min(last, first + count)
    rules = specification.get("preprocess", {})
    x = raw[first:last].astype(np.float32)
    x = x * np.float32(rules.get("scale", 1)) + np.float32(rules.get("offset", 0))
    mean = np.array(rules.get("mean", [0]), np.float32)
    std = np.array(rules.get("std", [1]), np.float32)
    if channels_first:
        x = (x - mean.reshape(-1, 1, 1)) / std.reshape(-1, 1, 1)
        if rules.get("layout") == "NHWC":
            x = x.transpose(0, 2, 3, 1)
    else:
        x = (x - mean) / std
        if rules.get("layout") == "NCHW" and x.ndim == 4:
            x = x.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(x.reshape([len(x)] + list(shape[1:])))


def labels(path):
    """Classes of the samples of a DATA file that keeps them in an idx or .npy file of their own."""
    specification = yaml.safe_load(path.read_text())
    raw, _ = _raw((path.parent / specification["labels"]).resolve())
    first, last = specification.get("range", [0, len(raw)])
    return raw[first:last].astype(np.int64).reshape(-1)


def input_shape(session):
    """The first input's extents, symbolic ones as 1."""
    return [extent if isinstance(extent, int) else 1 for extent in session.get_inputs()[0].shape]


def quantize(name, output, *options):
    """Quantizes with the network's calibration.yaml."""
    subprocess.run(
        [PARE, "quantize", onnx_file(name), "--calibration", folder(name) / "calibration.yaml", "-o", output, *options],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def pack(model, output):
    subprocess.run(
        [PARE, "pack", model, "-o", output], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
