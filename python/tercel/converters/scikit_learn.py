"""scikit-learn, by skl2onnx. A classifier answers `label` and `probabilities`, both tensors (no ZipMap)."""
from tercel.converters import exporter, tabular


def convert(model, example_inputs=None, **options):
    skl2onnx = exporter.require("skl2onnx", "skl2onnx", "scikit-learn")
    data_types = exporter.require("skl2onnx.common.data_types", "skl2onnx", "scikit-learn")
    types = options.pop("initial_types", None) or tabular.initial_types(model, example_inputs, data_types)
    with exporter.reporting("skl2onnx", model):
        return _without_zipmap(skl2onnx.convert_sklearn, model, types, options).SerializeToString()


def _without_zipmap(convert_sklearn, model, types, options):
    if not hasattr(model, "predict_proba") or "options" in options:
        return convert_sklearn(model, initial_types=types, **options)
    return convert_sklearn(model, initial_types=types, options={id(model): {"zipmap": False}}, **options)
