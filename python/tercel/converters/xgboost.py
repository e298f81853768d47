"""XGBoost's scikit-learn classes and Booster, by onnxmltools."""
from tercel.converters import exporter, tabular


def convert(model, example_inputs=None, **options):
    onnxmltools = exporter.require("onnxmltools", "onnxmltools", "XGBoost")
    data_types = exporter.require("onnxmltools.convert.common.data_types", "onnxmltools", "XGBoost")
    if example_inputs is None and not hasattr(model, "n_features_in_") and hasattr(model, "num_features"):
        types = [("x", data_types.FloatTensorType([None, model.num_features()]))]
    else:
        types = tabular.initial_types(model, example_inputs, data_types)
    with exporter.reporting("onnxmltools", model):
        return onnxmltools.convert_xgboost(model, initial_types=types, **options).SerializeToString()
