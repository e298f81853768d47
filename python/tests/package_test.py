"""The package as a whole: the stub says what is there, the examples run, nothing heavy is imported."""
import ast
import pathlib
import subprocess
import sys
import unittest

import tercel
from tercel import _tercel, errors

ROOT = pathlib.Path(__file__).resolve().parents[2]
STUB = ROOT / "python/tercel/_tercel.pyi"


def names_in(body):
    named = (ast.ClassDef, ast.FunctionDef)
    return {n.name: n for n in body if isinstance(n, named)} | {n.target.id: n for n in body if isinstance(n, ast.AnnAssign)}


def public(thing):
    return {n for n in vars(thing) if not n.startswith("_")}


class Stub(unittest.TestCase):
    def test_the_stub_and_the_module_have_the_same_names(self):
        stub = names_in(ast.parse(STUB.read_text()).body)
        self.assertEqual(set(stub) - {"__version__"}, public(_tercel))
        for name, node in stub.items():
            if isinstance(node, ast.ClassDef):
                with self.subTest(name):
                    self.assertEqual({m for m in names_in(node.body) if not m.startswith("_")}, public(getattr(_tercel, name)))

    def test_the_stub_names_the_arguments_that_the_module_takes(self):
        for name, node in names_in(ast.parse(STUB.read_text()).body).items():
            for function in [node] if isinstance(node, ast.FunctionDef) else getattr(node, "body", []):
                if isinstance(function, ast.FunctionDef) and len(function.args.args) > 1 and not function.name.startswith("_"):
                    owner = _tercel if function is node else getattr(_tercel, name)
                    signature = getattr(owner, function.name).__nb_signature__[0][0]
                    for argument in function.args.args:
                        self.assertIn(argument.arg, signature)

    def test_all_is_all(self):
        for name in tercel.__all__:
            self.assertTrue(hasattr(tercel, name), name)
        raised = {n for n, value in vars(errors).items() if isinstance(value, type)}
        self.assertLessEqual(raised, set(tercel.__all__))
        self.assertTrue((STUB.parent / "py.typed").exists())


class Versions(unittest.TestCase):
    def test_are_one(self):
        self.assertIn(f'version = "{tercel.__version__}"', (ROOT / "python/pyproject.toml").read_text())

    def test_the_build_uses_what_the_tests_use(self):
        pinned = [line for line in (ROOT / "tests/requirements.txt").read_text().split() if line.startswith("nanobind==")]
        self.assertIn(f'"{pinned[0]}"', (ROOT / "python/pyproject.toml").read_text())


class Importing(unittest.TestCase):
    def test_takes_nothing_along(self):
        code = "import sys, tercel; print([m for m in ('onnx', 'sklearn', 'torch', 'skl2onnx', 'ml_dtypes') if m in sys.modules])"
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        self.assertEqual(run.stdout.strip(), "[]")


class Examples(unittest.TestCase):
    def test_run(self):
        examples = sorted((ROOT / "examples/python").glob("*.py"))
        self.assertTrue(examples)
        for example in examples:
            with self.subTest(example.name):
                run = subprocess.run([sys.executable, example], capture_output=True, text=True, timeout=300)
                self.assertEqual(run.returncode, 0, run.stderr)
                self.assertIn("differ by at most", run.stdout)


if __name__ == "__main__":
    unittest.main()
