#!/usr/bin/env python3
"""What of bench/triton needs no Triton: the files it writes, its arithmetic, its table, and one short run against Tercel alone.

    triton_test.py --build build/release
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tomllib
import types
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import bench  # noqa: E402
import figures  # noqa: E402
import generator  # noqa: E402
import models  # noqa: E402
import placement  # noqa: E402
import report  # noqa: E402
import scenarios  # noqa: E402
import sentinel  # noqa: E402
import servers  # noqa: E402
from scenarios import overload  # noqa: E402


def row(server, load="l", **medians):
    return {"load": load, "server": server, "figures": {key: figures.figure([value]) for key, value in medians.items()}}


class Files(unittest.TestCase):
    def test_config_says_what_the_model_is(self):
        text = models.config(models.Model("m", floats=784, floats_out=10, us=2000, batch=8, policy="priority_levels: 2"))
        for line in ('backend: "delay"', "max_batch_size: 8", "dims: [784]", "dims: [10]", "dynamic_batching { priority_levels: 2 }",
                     'key: "us" value: { string_value: "2000" }', 'key: "batch_factor" value: { string_value: "0.5" }'):
            self.assertIn(line, text)
        self.assertNotIn("dynamic_batching", models.config(models.Model("m", batch=8, policy=None)))
        self.assertNotIn("dynamic_batching", models.config(models.Model("m")))

    def test_settings_of_tercel(self):
        one = {"instances": {"threads": 1}}
        batched = models.Model("m", us=1, batch=8)
        self.assertEqual(tomllib.loads(models.settings(batched, True)), {**one, "batching": {"max": 8}})
        self.assertEqual(tomllib.loads(models.settings(batched, False)), {**one, "batching": {"max": 1}})
        self.assertEqual(tomllib.loads(models.settings(models.Model("m", us=1), True)), {**one, "batching": {"max": 1}})
        more = models.Model("m", us=1, batch=2, settings="queue_max = 9\n[deadline]\ndefault_us = 5\n")
        self.assertEqual(tomllib.loads(models.settings(more, True)), {**one, "queue_max": 9, "deadline": {"default_us": 5}, "batching": {"max": 2}})

    def test_spin_steps_add_up(self):
        nodes = models.onnx_model(models.Model("m", us=20_000, steps=20)).graph.node
        self.assertEqual([node.op_type for node in nodes], ["Spin"] * 20)
        self.assertEqual(sum(a.f for node in nodes for a in node.attribute if a.name == "us"), 20_000)
        self.assertEqual((nodes[0].input[0], nodes[-1].output[0]), ("x", "y"))

    def test_clients_are_toml(self):
        asked = [generator.client("a", "m", 20, rate=869.5, connections=9, **{"class": "hard"}), generator.client("b", "m", parameters={"priority": 2})]
        self.assertEqual(tomllib.loads(generator.toml(asked))["client"],
                         [{"name": "a", "model": "m", "arrivals": "poisson", "rate": 869.5, "class": "hard", "deadline": "20ms", "connections": 9},
                          {"name": "b", "model": "m", "arrivals": "closed", "parameters": {"priority": 2}}])


class Arithmetic(unittest.TestCase):
    def test_a_figure_is_the_median_of_what_was_told(self):
        self.assertEqual(figures.figure([3, None, 1, 2]), {"median": 2, "low": 1, "high": 3, "values": [3, None, 1, 2]})
        self.assertIsNone(figures.figure([None]))

    def test_a_bar_without_a_value_is_missed(self):
        self.assertTrue(figures.bar("", 1.0, at_least=1.0)["passed"])
        self.assertFalse(figures.bar("", 0.99, at_least=1.0)["passed"])
        self.assertFalse(figures.bar("", 1.01, at_most=1.0)["passed"])
        self.assertFalse(figures.bar("", None, at_most=1.0)["passed"])

    def test_shares_count_every_request(self):
        counts = {"in_time": 5, "late": 1, "refused": 2, "deadline_exceeded": 1, "client_error": 0, "server_error": 0, "bad_answer": 0,
                  "connection_error": 1, "timed_out": 2}
        told = generator.shares({"requests": 12, "outcomes": counts})
        self.assertAlmostEqual(sum(told.values()), 1)
        self.assertEqual((told["late"], told["failed"]), (0.25, 1 / 12))

    def test_the_best_of_triton(self):
        rows = [row("tercel", x=9), row("triton", x=1), row("triton, tuned", x=2), row("triton, broken", x=None), row("triton", "other", x=7)]
        self.assertEqual(bench.best(rows, "l", "x")["server"], "triton, tuned")
        self.assertEqual(bench.best(rows, "l", "x", sign=-1)["server"], "triton")
        self.assertIsNone(bench.best(rows[:1], "l", "x"))

    def test_kept_is_of_the_most_that_was_seen(self):
        rows = [row("a", bulk=90, bulk_alone=40), row("b", bulk=50, bulk_alone=100), row("c", bulk=1, bulk_alone=2), row("d", bulk=150, bulk_alone=60)]
        variants = [bench.Variant("a", "triton", ""), bench.Variant("b", "triton", ""), bench.Variant("c", "tercel", ""),
                    bench.Variant("d", "triton", "", instances=2)]
        bench.bulk_kept(rows, variants)
        self.assertEqual([figures.median(r, "kept") for r in rows], [0.9, 0.5, 0.5, 1])

    def test_only_what_was_under_way_in_a_gap_is_excused(self):
        flight = lambda end_s, total_ms, model="m": {"model": model, "finished_ms": end_s * 1000, "total_ms": total_ms}  # noqa: E731
        gaps = [(100.0, 100.004)]
        self.assertEqual(sentinel.excused([flight(100.006, 5.0)], "m", gaps), 1)
        self.assertEqual(sentinel.excused([flight(99.9, 5.0), flight(100.2, 5.0), flight(100.006, 5.0, "other")], "m", gaps), 0)
        self.assertEqual(sentinel.excused([flight(100.2, 500.0)], "m", gaps), 1)
        self.assertEqual(sentinel.excused([flight(100.006, 5.0)], "m", []), 0)

    def test_metrics_are_summed_by_labels(self):
        text = 'a_total{model="m",variant="fast"} 3\na_total{model="n",variant="fast"} 4\na_total{model="m",variant="slow"} 9\nb_total{variant="fast"} 1\n'
        server = servers.Tercel.__new__(servers.Tercel)
        server.get = lambda path: text
        self.assertEqual(server.metric("a_total", variant="fast"), 7)

    def test_saturation(self):
        self.assertAlmostEqual(overload.computed_saturation(), 8 / 9e-3)

    def test_warnings_are_counted_by_kind(self):
        self.assertEqual(generator.kind_of("client 'a': late by 4.96 ms (p99)"), generator.kind_of("client 'b': late by 12 us (p99)"))

    def test_variants_take_turns(self):
        order = []  # of what ran
        fake = types.SimpleNamespace(setup=types.SimpleNamespace(rounds=3), fleet=types.SimpleNamespace(makers={"tercel": 0, "triton": 0}), progress=lambda _: None)
        variants = [bench.Variant("A", "tercel", ""), bench.Variant("B", "triton", ""), bench.Variant("C", "nobody", "")]
        rows = bench.Bench.rows(fake, {"x": 1, "y": 2}, variants, lambda v, load, seed: order.append((seed, load, v.label)) or {"m": seed})
        self.assertEqual([label for _, _, label in order], ["A", "B", "A", "B", "B", "A", "B", "A", "A", "B", "A", "B"])
        self.assertEqual([(r["load"], r["server"], r["figures"]["m"]["values"]) for r in rows],
                         [(load, label, [1, 2, 3]) for load in "xy" for label in "AB"])


class CommandLine(unittest.TestCase):
    def test_placement(self):
        self.assertEqual(placement.parse("server=0-1,2,load=3,4"), placement.Placement("0-1,2", "3,4"))
        self.assertEqual(placement.split("0", "1").server, "0,1")
        self.assertIn("--compute-cpus", placement.split("0", "1").tercel)
        for wrong in ("0,1", "server=0", "server=,load=1", "load=1,server=0"):
            with self.assertRaises(ValueError):
                placement.parse(wrong)

    def test_what_is_not_all_does_not_read_as_all(self):
        self.assertEqual(report.FORMS["percent"](0.99999), "99.99 %")
        self.assertEqual(report.FORMS["percent"](1), "100.00 %")
        self.assertEqual(report.FORMS["percent"](0.29), "29.00 %")

    def test_every_scenario_is_whole(self):
        for scenario in scenarios.ALL.values():
            tercel, theirs = scenario.models()
            self.assertTrue(scenario.QUESTION and scenario.PLACEMENT in placement.KINDS and tercel and len({m.name for m in tercel}) == len(tercel))
            self.assertEqual(len({m.name for m in theirs}), len(theirs))

    def test_tercel_alone(self):
        command = [sys.executable, HERE / "triton.py", "--build", BUILD, "--no-triton", "--scenario", "classes", "--seconds", "0.5", "--rounds", "1", "--json"]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=240)
        self.assertIn(done.returncode, (0, 1), done.stderr)  # a bar may be missed on a busy machine
        told = json.loads(done.stdout)["scenarios"]["classes"]
        mine, = told["rows"]
        self.assertGreater(mine["figures"]["bulk"]["median"], 0, mine)
        self.assertEqual(mine["figures"]["failed"]["median"], 0, mine)
        self.assertIn("bulk kept", report.scenario("classes", told))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, type=pathlib.Path)
    arguments, rest = parser.parse_known_args()
    BUILD = arguments.build.resolve()
    unittest.main(argv=[sys.argv[0], *rest])
