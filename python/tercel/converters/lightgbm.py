"""LightGBM's scikit-learn classes and Booster, by onnxmltools."""
from tercel.converters import exporter, tabular


def convert(model, example_inputs=None, **options):
    onnxmltools = exporter.require("onnxmltools", "onnxmltools", "LightGBM")
    data_types = exporter.require("onnxmltools.convert.common.data_types", "onnxmltools", "LightGBM")
    if example_inputs is None and not hasattr(model, "n_features_in_") and hasattr(model, "num_feature"):
        types = [("x", data_types.FloatTensorType([None, model.num_feature()]))]
    else:
        types = tabular.initial_types(model, example_inputs, data_types)
    with exporter.reporting("onnxmltools", model):
        return onnxmltools.convert_lightgbm(model, initial_types=types, zipmap=False, **options).SerializeToString()
