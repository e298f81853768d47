#!/usr/bin/env python3
"""The bench's own arithmetic, pages and plot, and Tercel's driver on a tiny model. Needs none of the other engines."""
import argparse
import contextlib
import io
import json
import math
import pathlib
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/models"))
import cases  # noqa: E402
import engines  # noqa: E402
import figures  # noqa: E402
import interleave  # noqa: E402
import machine  # noqa: E402
import markdown  # noqa: E402
import memory  # noqa: E402
import peers  # noqa: E402
import plot  # noqa: E402
import report  # noqa: E402
from worker import Refused  # noqa: E402

BUILD = None


def figure(p50, p99=None, **more):
    return {"runs": 500, "p50": p50, "p99": p99 or p50 * 1.5, "p99.9": None, "rounds": [p50, p50 * 2], "open_us": 1000.0, "first_run_us": 5.0, **more}


def row(**more):
    result = {"model": "resnet18", "precision": "f32", "batch": 1, "threads": 2, "floor_us": 5.0, "floor_ratio": 2.0, "compile_seconds": 1.5,
              "agree": True, "disagreement": {},
              "engines": {"tercel": figure(10.0), "onnxruntime": figure(20.0), "openvino": figure(15.0)}, **more}
    return {**result, "ratios": figures.ratios(result), "ratio_range": figures.ratio_range(result)}


class Figures(unittest.TestCase):
    def test_percentiles_are_nearest_ranks(self):
        times = list(range(1, 101))
        self.assertEqual([figures.percentile(times, s) for s in (0, 0.5, 0.99, 0.999, 1)], [1, 50, 99, 100, 100])
        self.assertEqual(figures.percentile([7.0], 0.999), 7.0)

    def test_a_percentile_needs_enough_runs(self):
        self.assertEqual(figures.summarize([[3, 1], [2]]), {"runs": 3, "p50": 2.0, "p99": None, "p99.9": None})
        many = figures.summarize([range(1000, 0, -1)])
        self.assertEqual((many["p50"], many["p99"], many["p99.9"]), (500, 990, 999))

    def test_the_ratio_is_against_the_better_peer(self):
        self.assertEqual(row()["ratios"], {"onnxruntime": 2.0, "openvino": 1.5, "best": 1.5})
        self.assertEqual(row()["ratio_range"], [1.5, 1.5])

    def test_who_refuses_is_left_out_of_the_ratios(self):
        refused = {"error": "no"}
        self.assertEqual(row(engines={**row()["engines"], "openvino": refused})["ratios"], {"onnxruntime": 2.0, "best": 2.0})
        ours = row(engines={**row()["engines"], "tercel": refused})
        self.assertEqual((ours["ratios"], ours["ratio_range"]), ({}, None))

    def test_geometric_means_are_per_thread_count(self):
        slow = row(engines={**row()["engines"], "onnxruntime": figure(80.0), "openvino": {"error": "no"}})
        told = figures.means([row(), slow, row(threads=1)])
        self.assertAlmostEqual(told[2]["onnxruntime"], 4.0)
        self.assertAlmostEqual(told[2]["openvino"], 1.5)
        self.assertAlmostEqual(told[2]["best"], 12.0**0.5)
        self.assertAlmostEqual(told[1]["best"], 1.5)

    def test_the_fastest_variant_counts(self):
        measured = {**row()["engines"], "onnxruntime, blocking": figure(12.0, 90.0), "openvino, unpinned": {"error": "no"}}
        best = interleave.best_variant(measured)
        self.assertEqual((best["onnxruntime"]["p50"], best["onnxruntime"]["variant"]), (12.0, "onnxruntime, blocking"))
        self.assertEqual(best["onnxruntime"]["variants"], {"onnxruntime": 20.0, "onnxruntime, blocking": 12.0})
        self.assertEqual(best["openvino"]["p50"], 15.0)
        self.assertEqual(interleave.best_variant(measured, "p99")["onnxruntime"]["p50"], 20.0)
        self.assertEqual(report.note(row(engines=best)), "onnxruntime blocking")
        self.assertEqual(list(best), list(engines.NAMES))

    def test_answers_are_compared_by_value_and_norm(self):
        a, b = {"y": {"norm": 2.0, "values": [1.0, -2.0]}}, {"y": {"norm": 2.0, "values": [1.0, -1.0]}}
        self.assertEqual(interleave.distance(a, a), 0)
        self.assertAlmostEqual(interleave.distance(a, b), 0.5)
        self.assertEqual(interleave.distance(a, {"y": {"norm": None, "values": [None, -2.0]}}), math.inf)  # not a number
        self.assertAlmostEqual(interleave.distance({"y": {"norm": 4.0, "values": [1.0]}}, {"y": {"norm": 2.0, "values": [1.0]}}), 0.5)


class Machine(unittest.TestCase):
    def test_shares_are_of_the_time_between(self):
        self.assertEqual(machine.share((10, 0, 100), (30, 5, 200)), {"busy": 0.2, "steal": 0.05})
        self.assertTrue(machine.quiet({"busy": 0.01, "steal": 0}))
        self.assertFalse(machine.quiet({"busy": 0.5, "steal": 0}))
        self.assertFalse(machine.quiet({"busy": 0, "steal": 0.5}))


class Pages(unittest.TestCase):
    refused = row(model="a<b", batch=8, threads=1, agree=False, engines={**row()["engines"], "openvino": {"error": "no | rule\nfor /home/x/a.onnx: it"}})
    results = {"command": "./dev bench peers", "machine": machine.facts({"tercel": "1", "openvino": "2"}, "avx512"),
               "rows": [row(), refused], "memory": [], "neighbour": [], "tails": [], "startup": [],
               "noise": {"quiet": False, "busy_before": 0.5, "busy_after": 0.0, "steal": 0.0, "load": 1.0}}

    def test_the_plot_shows_every_engine_of_every_row(self):
        root = ElementTree.fromstring(plot.svg(self.results["rows"], "title"))
        circles = [e for e in root.iter("{http://www.w3.org/2000/svg}circle")]
        words = ["".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")]
        self.assertEqual(len(circles), 3 + 2 * 5)  # the legend, and two an answered line
        self.assertIn("openvino: refused", words)
        for circle in circles:
            self.assertLess(float(circle.get("cx")), float(root.get("width")))
            self.assertLess(float(circle.get("cy")), float(root.get("height")))

    def test_a_longer_time_is_further_right_and_decades_are_even(self):
        axis = plot.Axis(100, plot.decades([3, 4000]))
        self.assertEqual(axis.ticks, [1, 10, 100, 1000, 10000])
        self.assertEqual([round(axis.x(t)) for t in (1, 100, 10000)], [100, 100 + plot.PLOT_WIDTH // 2, 100 + plot.PLOT_WIDTH])
        self.assertEqual([plot.time_text(t) for t in (1, 100, 1e3, 1e7)], ["1 us", "100 us", "1 ms", "10 s"])

    def test_nothing_to_plot_is_said(self):
        with self.assertRaises(ValueError):
            plot.svg([row(engines=dict.fromkeys(engines.NAMES, {"error": "no"}))], "title")

    def test_the_page_tells_figures_refusals_noise_and_how_to_repeat_it(self):
        page = markdown.page(self.results, self.results["command"], "performance.svg")
        self.assertTrue(page.startswith("<!-- Written by `./dev bench peers`"))
        for words in ("| resnet18 | 1 | 2 | 10.0 | 20.0 | 15.0 |", "a<b: openvino refuses it: no | rule for a.onnx: it", "NOT QUIET", "ANSWERS DIFFER",
                      "![p50 and p99 per model and engine](performance.svg)", "avx512", "better peer 1.50"):
            self.assertIn(words, page)
        widths = {line.count(" | ") for line in page.split("## Latency")[1].split("## Opening")[0].splitlines() if line.startswith("|")}
        self.assertEqual(len(widths), 1)

    def test_a_model_and_precision_opens_once(self):
        rows = [row(), row(batch=4), row(precision="int8")]
        self.assertEqual([line[0] for line in report.open_table(rows)], ["model", "resnet18", "resnet18 int8"])

    def test_long_messages_end_at_a_word(self):
        self.assertEqual(report.bare("one two three", 8), "one two ...")
        self.assertEqual(report.bare("a\n /x/y/b.onnx"), "a b.onnx")

    def test_columns_line_up(self):
        lines = report.aligned([["model", "p50"], ["a", "100.0"], ["longer", "1.0"]])
        self.assertEqual(lines, ["model    p50", "a      100.0", "longer   1.0"])


class Arguments(unittest.TestCase):
    def test_unknown_words_are_refused_by_name(self):
        for words in (["--models", "nothing"], ["--precision", "fp4"], ["--threads", "0"], ["--rounds", "0"], ["--seconds", "-1"], ["--tails", "--svg", "x"]):
            errors = io.StringIO()
            with self.subTest(words), contextlib.redirect_stderr(errors), self.assertRaises(SystemExit):
                peers.parse(words)
            self.assertIn(words[0], errors.getvalue())


class FailingWorker:
    """Answers a slice once, then fails."""
    left = 1

    def ask(self, *words):
        if self.left == 0:
            raise Refused("out of memory")
        self.left -= 1
        return {"runs": 7}

    def rest(self):
        pass


class Turns(unittest.TestCase):
    def test_a_worker_that_fails_is_left_out_and_the_others_go_on(self):
        bad, good, errors = FailingWorker(), FailingWorker(), {}
        good.left = 100
        workers = {"bad": bad, "good": good}
        self.assertEqual(interleave.turns(workers, 3, 0.01, errors), {"good": 21})
        self.assertEqual(errors, {"bad": "out of memory"})


class Driver(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        work = pathlib.Path(cls.folder.name)
        cls.setup = engines.Setup(tercel=str(BUILD / "tercel"), build=BUILD, venv=work, work=work, batches=[1], rounds=2, slices=2, seconds=0.05,
                                  names=("tercel",))
        cls.case = cases.Case("mlp_100", 1)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_a_row_has_every_figure(self):
        result, distances = interleave.measure(self.setup, self.case, 1)
        told = result["tercel"]
        self.assertEqual(distances, {})
        self.assertEqual(len(told["rounds"]), 2)
        self.assertGreater(told["runs"], 1000)
        self.assertLess(0, told["p50"])
        self.assertLessEqual(told["p50"], told["p99"])
        self.assertLessEqual(told["p99"], told["p99.9"])
        self.assertGreater(told["open_us"], 0)
        self.assertGreater(told["first_run_us"], 0)

    def test_memory_of_one_and_of_a_second_process(self):
        told = memory.of_engine(self.setup, self.case, "tercel", 1)
        self.assertGreater(told["rss"], told["session"])
        self.assertGreater(told["session"], 0)
        self.assertLess(told["second_private"], told["rss"])

    def test_a_turn_ends_when_the_threads_sleep(self):
        with engines.start(self.setup, self.case, "tercel", 2) as worker:
            before = worker.cpu_seconds()
            worker.ask("slice", 0.05, 5)
            worker.rest()
            rested = worker.cpu_seconds()
            time.sleep(0.05)
            self.assertGreater(rested, before)
            self.assertLess(worker.cpu_seconds() - rested, 0.01)

    def test_what_cannot_run_is_refused_in_words(self):
        with self.assertRaisesRegex(Refused, "x"), engines.start(self.setup, self.case, "tercel", 1, ["--input", "x=float32:1x"]):
            pass
        with engines.start(self.setup, self.case, "tercel", 1) as worker, self.assertRaisesRegex(Refused, "unknown command 'jump'"):
            worker.ask("jump")

    def test_answers_are_those_of_onnx_runtime(self):
        import numpy as np
        import onnxruntime
        with engines.start(self.setup, self.case, "tercel", 1, ["--pool-bytes", "0"]) as worker:
            told = worker.ask("outputs")
        x, answer = np.float32([told["inputs"]["x"]["values"]]), next(iter(told["outputs"].values()))
        expected = onnxruntime.InferenceSession(str(self.case.onnx_path(self.setup.work))).run(None, {"x": x})[0][0]
        np.testing.assert_allclose(answer["values"], expected, rtol=1e-4, atol=1e-5)
        self.assertAlmostEqual(answer["norm"], float(np.linalg.norm(expected)), 4)

    def test_a_floor_and_a_ratio_to_it(self):
        plan, seconds = cases.compile_plan(self.setup.tercel, self.case, [1], self.case.onnx_path(self.setup.work))
        self.assertGreater(cases.floor_us(self.setup.tercel, self.case, plan, 1), 0)
        self.assertGreater(seconds, 0)

    def test_the_whole_command_prints_json_and_writes_its_pages(self):
        printed, page = io.StringIO(), self.setup.work / "page.md"
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
            peers.main(["--build", str(BUILD), "--work", str(self.setup.work), "--engines", "tercel", "--models", "mlp_100", "--threads", "1",
                        "--rounds", "1", "--slices", "1", "--seconds", "0.05", "--json", "--markdown", str(page)])
        told = json.loads(printed.getvalue())
        self.assertEqual(set(told), {"command", "machine", "rows", "memory", "neighbour", "tails", "startup", "noise", "geometric_mean"})
        self.assertEqual(set(told["machine"]["versions"]), {"tercel"})
        (row,), (held,) = told["rows"], told["memory"]
        self.assertEqual((row["model"], row["precision"], row["batch"], row["threads"]), ("mlp_100", "f32", 1, 1))
        self.assertEqual(set(row["engines"]), set(engines.NAMES))
        for key in ("p50", "p99", "p99.9", "open_us", "first_run_us", "runs"):
            self.assertGreater(row["engines"]["tercel"][key], 0)
        self.assertGreater(row["floor_ratio"], 0)
        self.assertGreater(held["engines"]["tercel"]["rss"], 0)
        self.assertIsInstance(told["noise"]["quiet"], bool)
        self.assertIn("| mlp_100 | 1 | 1 |", page.read_text())
        ElementTree.parse(page.with_suffix(".svg"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, type=pathlib.Path)
    known, rest = parser.parse_known_args()
    BUILD = known.build
    unittest.main(argv=[sys.argv[0], *rest])
