"""`pip install ./python` into a new environment, and a run there: what a user does first.

    install_test.py --work build/install

Compiles the libraries again, in some minutes or out of ccache; not in the default run (ctest -L python_install).
"""
import argparse
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SMOKE = """
import numpy as np, pathlib, sys, tercel
assert pathlib.Path(tercel.__file__).is_relative_to(sys.prefix), tercel.__file__
data = np.load(sys.argv[2])
with tercel.Session(tercel.compile(sys.argv[1], profile='image=1..64x1x8x8', tune=False)) as session:
    x = np.ascontiguousarray(data['x'][:64])
    bound = session.bind({'image': x})
    bound.run()
    accuracy = (bound.outputs['probabilities'].argmax(1) == data['label'][:64]).mean()
    assert accuracy > 0.9, accuracy
print(tercel.__version__)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="the environment is made here, anew")
    work = parser.parse_args().work
    shutil.rmtree(work, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", work], check=True)
    python = work / "bin/python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", ROOT / "python"], check=True)
    files = [ROOT / "examples/digits" / name for name in ("mlp.onnx", "test.npz")]
    version = subprocess.run([python, "-c", SMOKE, *files], check=True, capture_output=True, text=True, cwd=work).stdout.strip()
    print(f"tercel {version} was installed and runs")


if __name__ == "__main__":
    main()
