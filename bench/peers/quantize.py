"""QDQ int8 files for --precision int8: static quantization by ONNX Runtime's own tool, the same file for every engine."""
import pathlib

import numpy as np

import zoo

CALIBRATION_SETS = 8


class RandomInputs:
    """Calibration data: what onnxruntime.quantization asks for, one set of inputs a call, then None."""

    def __init__(self, model):
        random = np.random.default_rng(7)
        self.sets = iter([zoo.random_inputs(model, 1, 128, random) for _ in range(CALIBRATION_SETS)])

    def get_next(self):
        return next(self.sets, None)


def write(model, path):
    """The quantized file beside `path`, made unless it is there already: per-channel symmetric int8 weights, uint8 activations."""
    path = pathlib.Path(path)
    target = path.with_suffix(".int8.onnx")
    if target.exists() and target.stat().st_mtime > path.stat().st_mtime:
        return target
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process
    prepared, unfinished = path.with_suffix(".prepared.onnx"), path.with_suffix(".unfinished.onnx")
    try:
        quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        quantize_static(str(prepared), str(unfinished), RandomInputs(model), quant_format=QuantFormat.QDQ, per_channel=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, extra_options={"WeightSymmetric": True})
        unfinished.rename(target)
    finally:
        prepared.unlink(missing_ok=True)
        unfinished.unlink(missing_ok=True)
    return target
