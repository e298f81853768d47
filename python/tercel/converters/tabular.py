"""What the exporters of models of tables share: the type of their one input."""
from tercel.errors import InvalidError


def features_of(model):
    count = getattr(model, "n_features_in_", None)
    if count is None:
        raise InvalidError(f"this {type(model).__name__} does not say how many features it takes: fit it first, or pass example_inputs")
    return int(count)


def initial_types(model, example_inputs, data_types):
    """[("x", type)]: of the example where there is one, else float32 of all features; `data_types` is the exporter's module."""
    if example_inputs is None:
        return [("x", data_types.FloatTensorType([None, features_of(model)]))]
    return [("x", tensor_type(example_inputs, data_types))]


def tensor_type(example, data_types):
    import numpy

    array = numpy.asarray(example)
    name = {"float32": "FloatTensorType", "float64": "DoubleTensorType", "int64": "Int64TensorType",
            "int32": "Int32TensorType", "bool": "BooleanTensorType"}.get(array.dtype.name)
    if name is None or array.ndim < 1:
        raise InvalidError(f"example_inputs are {array.dtype} of rank {array.ndim}: pass rows of float32, float64, int32, int64 or bool")
    return getattr(data_types, name)([None, *array.shape[1:]])
