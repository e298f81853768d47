"""The scenarios by name, in the order in which they run. A scenario is a module with

    QUESTION             what it asks, one sentence
    PLACEMENT            which CPUs server and generator have by default: a key of placement.KINDS
    models()             what Tercel serves, what Triton serves: two lists of models.Model
    measure(bench)       {"columns", "rows", "bars", "notes"}, see bench.py, figures.py and report.py

One that only Tercel takes part in has no models and no variants for Triton.
"""
from scenarios import classes, closed, guaranteed, ladder, long_bulk, overload, two_models

ALL = {"closed": closed, "overload": overload, "classes": classes, "two-models": two_models,
       "guaranteed": guaranteed, "long-bulk": long_bulk, "ladder": ladder}
