"""Data sets that need no download, and the models that are trained on them."""
import dataclasses

import numpy as np
from sklearn import datasets, ensemble, linear_model, neural_network, pipeline, preprocessing, svm, tree
from sklearn.impute import SimpleImputer

ROWS = 400  # of a data set, for training and comparing: enough for trees with all their branches


@dataclasses.dataclass
class Data:
    name: str
    x: np.ndarray  # float32
    y: np.ndarray
    is_classes: bool


def positive(x, y):
    """Classes 0 and 1 instead of -1 and 1."""
    return x, y > 0


def load():
    """Every data set, shortened to ROWS; features and targets in the type the exported model takes."""
    made = {
        "iris": datasets.load_iris(return_X_y=True),
        "wine": datasets.load_wine(return_X_y=True),
        "breast_cancer": datasets.load_breast_cancer(return_X_y=True),
        "digits": datasets.load_digits(return_X_y=True),
        "diabetes": datasets.load_diabetes(return_X_y=True),
        "classification": datasets.make_classification(ROWS, 30, n_informative=12, n_classes=4, random_state=1),
        "regression": datasets.make_regression(ROWS, 20, n_informative=10, noise=3, random_state=2),
        "moons": datasets.make_moons(ROWS, noise=0.2, random_state=3),
        "blobs": datasets.make_blobs(ROWS, 5, centers=4, cluster_std=4.0, random_state=4),
        "hastie": positive(*datasets.make_hastie_10_2(ROWS, random_state=5)),
    }
    regressions = {"diabetes", "regression"}
    for name, (x, y) in made.items():
        order = np.random.default_rng(6).permutation(len(x))[:ROWS]
        is_classes = name not in regressions
        yield Data(name, x[order].astype(np.float32), y[order].astype(np.int64 if is_classes else np.float32), is_classes)


def with_gaps(x):
    """Some features missing."""
    x = x.copy()
    x[np.random.default_rng(7).random(x.shape) < 0.05] = np.nan
    return x


def small_integers(x):
    """Features as categories 0 to 4."""
    ranks = np.argsort(np.argsort(x, axis=0), axis=0)
    return (ranks * 5 // len(x)).astype(np.float32)


@dataclasses.dataclass
class Model:
    name: str
    make: object
    prepare: object = lambda x: x
    exporter: str = "skl2onnx"


def chain(*steps):
    return pipeline.make_pipeline(*steps)


def classifiers():
    import lightgbm
    import xgboost
    boosted = {"n_estimators": 30, "random_state": 0, "n_jobs": 1}
    return [
        Model("DecisionTree", lambda: tree.DecisionTreeClassifier(max_depth=8, random_state=0)),
        Model("RandomForest", lambda: ensemble.RandomForestClassifier(30, random_state=0)),
        Model("ExtraTrees", lambda: ensemble.ExtraTreesClassifier(20, random_state=0)),
        Model("GradientBoosting", lambda: ensemble.GradientBoostingClassifier(n_estimators=20, random_state=0)),
        Model("HistGradientBoosting", lambda: ensemble.HistGradientBoostingClassifier(max_iter=20, random_state=0), with_gaps),
        Model("LogisticRegression", lambda: chain(preprocessing.StandardScaler(), linear_model.LogisticRegression())),
        Model("SVC", lambda: chain(preprocessing.MinMaxScaler(), svm.SVC(kernel="rbf"))),
        Model("SVC poly probability", lambda: chain(preprocessing.StandardScaler(),
                                                    svm.SVC(kernel="poly", probability=True, random_state=0))),
        Model("MLP", lambda: chain(preprocessing.StandardScaler(), neural_network.MLPClassifier(hidden_layer_sizes=(20,), max_iter=40, random_state=0))),
        Model("Imputer Normalizer Ridge", lambda: chain(SimpleImputer(), preprocessing.Normalizer(), linear_model.RidgeClassifier()),
              with_gaps),
        Model("OneHotEncoder LogisticRegression", lambda: chain(preprocessing.OneHotEncoder(handle_unknown="ignore"),
                                                                linear_model.LogisticRegression(max_iter=50)), small_integers),
        Model("XGBClassifier", lambda: xgboost.XGBClassifier(max_depth=5, **boosted), with_gaps, "onnxmltools.xgboost"),
        Model("LGBMClassifier", lambda: lightgbm.LGBMClassifier(num_leaves=15, verbose=-1, **boosted), with_gaps,
              "onnxmltools.lightgbm"),
    ]


def regressors():
    import lightgbm
    import xgboost
    boosted = {"n_estimators": 30, "random_state": 0, "n_jobs": 1}
    return [
        Model("DecisionTree", lambda: tree.DecisionTreeRegressor(max_depth=8, random_state=0)),
        Model("RandomForest", lambda: ensemble.RandomForestRegressor(30, random_state=0)),
        Model("ExtraTrees", lambda: ensemble.ExtraTreesRegressor(20, random_state=0)),
        Model("GradientBoosting", lambda: ensemble.GradientBoostingRegressor(n_estimators=20, random_state=0)),
        Model("HistGradientBoosting", lambda: ensemble.HistGradientBoostingRegressor(max_iter=20, random_state=0), with_gaps),
        Model("LinearRegression", lambda: chain(preprocessing.MinMaxScaler(), linear_model.LinearRegression())),
        Model("Ridge", lambda: chain(SimpleImputer(), preprocessing.StandardScaler(), linear_model.Ridge()), with_gaps),
        Model("SVR", lambda: chain(preprocessing.StandardScaler(), svm.SVR(C=50))),
        Model("MLP", lambda: chain(preprocessing.StandardScaler(), neural_network.MLPRegressor(hidden_layer_sizes=(20,), max_iter=40, random_state=0))),
        Model("XGBRegressor", lambda: xgboost.XGBRegressor(max_depth=5, **boosted), with_gaps, "onnxmltools.xgboost"),
        Model("LGBMRegressor", lambda: lightgbm.LGBMRegressor(num_leaves=15, verbose=-1, **boosted), with_gaps,
              "onnxmltools.lightgbm"),
    ]
