"""Sessions and bound runs: addresses, lifetimes, threads, the GIL, allocations."""
import gc
import resource
import sys
import threading
import time
import tracemalloc
import unittest
import weakref

import numpy as np

import models
import tercel


class Running(unittest.TestCase):
    def test_by_name_by_position_and_alone(self):
        a, b = np.ones((2, 3), np.float32), np.full((2, 3), 2, np.float32)
        with tercel.Session(models.add()) as session:
            for inputs in ({"a": a, "b": b}, {"b": b, "a": a}, [a, b], (a, b)):
                self.assertEqual(session.run(inputs)["sum"].tolist(), np.full((2, 3), 3).tolist())
        with tercel.Session(models.relu()) as session:
            self.assertEqual([*session.run(-a)], ["y"])

    def test_answers_are_new_arrays(self):
        with tercel.Session(models.relu()) as session:
            first = session.run(np.ones((2, 3), np.float32))["y"]
            second = session.run(np.zeros((2, 3), np.float32))["y"]
            self.assertTrue((first == 1).all() and (second == 0).all())

    def test_many_shapes(self):
        with tercel.Session(models.relu()) as session:
            for batch in [*range(1, 100), *range(1, 100)]:  # more than a session keeps bound
                self.assertEqual(session.run(np.ones((batch, 3), np.float32))["y"].shape, (batch, 3))

    def test_what_a_session_says(self):
        with tercel.Session(models.square_plus(), threads=1) as session:
            self.assertEqual(session.inputs, [tercel.TensorInfo("x", "float32", ("batch", 64))])
            self.assertEqual(session.outputs[0].name, "y")
            self.assertEqual(session.threads, 1)
            self.assertIsInstance(session.notice, str)
            with self.assertRaisesRegex(tercel.InvalidError, "no shapes are bound"):
                session.steps()
            session.run(np.zeros((2, 64), np.float32))
            step = session.steps()[0]
            self.assertGreater(step.flops, 0)
            self.assertTrue(step.op and step.tactic)
            self.assertEqual(session.bind(np.zeros((2, 64), np.float32)).steps(), session.steps())

    def test_bad_options(self):
        with self.assertRaises(tercel.InvalidError):
            tercel.Session(models.relu(), threads=-1)
        with self.assertRaises(tercel.InvalidError):
            tercel.Session(models.relu(), threads=100_000)
        with self.assertRaises(tercel.LimitError), tercel.Session(models.chain(4), memory_bytes_max=1 << 16) as session:
            session.run(np.zeros((256, 256), np.float32))

    def test_non_finite_values_are_found_when_asked_for(self):
        x = np.full((1, 3), 3e38, np.float32)
        with tercel.Session(models.add()) as session:
            self.assertTrue(np.isinf(session.run([x, x])["sum"]).all())
        with tercel.Session(models.add(), check_numerics=True) as session, self.assertRaisesRegex(tercel.Error, "sum|Add|finite"):
            session.run([x, x])

    def test_locked_memory(self):
        def locked():
            with open("/proc/self/status") as status:
                return next(int(line.split()[1]) for line in status if line.startswith("VmLck:"))

        before, x = locked(), np.ones((256, 256), np.float32)
        try:
            with tercel.Session(models.chain(4), lock_memory=True) as session:
                session.run(x)
                self.assertGreater(locked(), before)
        except tercel.ExhaustedError as error:
            self.assertRegex(str(error), "RLIMIT_MEMLOCK.*ulimit -l")
        self.assertEqual(locked(), before)

    def test_closed(self):
        session = tercel.Session(models.relu())
        x = np.zeros((1, 3), np.float32)
        bound = session.bind(x)
        session.close()
        session.close()
        for call in (lambda: session.run(x), lambda: session.bind(x), bound.run, bound.steps, session.steps):
            with self.assertRaisesRegex(tercel.InvalidError, "closed"):
                call()


class Binding(unittest.TestCase):
    def test_addresses_stay_and_memory_is_written_in_place(self):
        x, y = np.zeros((4, 3), np.float32), np.full((4, 3), np.nan, np.float32)
        with tercel.Session(models.relu()) as session:
            bound = session.bind({"x": x}, outputs={"y": y})
            self.assertIs(bound.outputs["y"], y)
            address = y.ctypes.data
            for value in (1, 2, 3):
                x[:] = value
                bound.run()
                self.assertTrue((y == value).all())
            self.assertEqual(bound.outputs["y"].ctypes.data, address)

    def test_own_outputs_are_aligned_and_stay(self):
        with tercel.Session(models.relu()) as session:
            bound = session.bind(np.ones((5, 3), np.float32))
            y = bound.outputs["y"]
            self.assertEqual(y.ctypes.data % 64, 0)
            bound.run()
            self.assertIs(bound.outputs["y"], y)
            self.assertTrue((y == 1).all())
            with self.assertRaises(TypeError):
                bound.outputs["y"] = None

    def test_shapes_forgotten_meanwhile_are_bound_again(self):
        with tercel.Session(models.relu()) as session:
            x = np.ones((1, 3), np.float32)
            bound = session.bind(x)
            for batch in range(2, 100):
                session.run(np.zeros((batch, 3), np.float32))
            bound.run()
            self.assertEqual(bound.outputs["y"].tolist(), [[1, 1, 1]])

    def test_stays_bound_while_it_lives(self):
        with tercel.Session(models.relu()) as session:
            # More than a session keeps of its own accord, and all of them stay.
            bounds = [session.bind(np.full((batch, 3), batch, np.float32)) for batch in range(1, 101)]
            for batch, bound in enumerate(bounds, 1):
                bound.run()
                self.assertTrue((bound.outputs["y"] == batch).all())

    def test_is_forgotten_when_it_is_gone(self):
        # Shapes that keep almost a megabyte each, where there is room for some: what is dropped, or fails, must not be held.
        with tercel.Session(models.plus_ones(), threads=1, memory_bytes_max=8 << 20) as session:
            arrays = [np.ones((rows, 3), np.float32) for rows in range(80_000, 80_020)]
            for x in arrays:
                bound = session.bind(x)
                bound.run()
                self.assertTrue((bound.outputs["y"] == 2).all())
                del bound
                with self.assertRaisesRegex(tercel.InvalidError, "shares memory"):
                    session.bind(x, {"y": x})
                session.run(x)
            with self.assertRaises(tercel.LimitError):
                held = []
                for x in arrays:
                    held.append(session.bind(x))
            self.assertGreater(len(held), 2)
            for bound in held:
                bound.run()

    def test_keeps_its_arrays_and_its_session_alive(self):
        class Array(np.ndarray):  # ndarray itself takes no weak reference
            pass

        x = np.ones((1, 3), np.float32).view(Array)
        died = weakref.ref(x)
        bound = tercel.Session(models.relu()).bind(x)
        del x
        gc.collect()
        self.assertIsNotNone(died())
        bound.run()
        self.assertEqual(bound.outputs["y"].tolist(), [[1, 1, 1]])
        del bound
        gc.collect()
        self.assertIsNone(died())

    def test_sizes_that_depend_on_data(self):
        with tercel.Session(models.positive_places()) as session:
            x = np.array([1, -1, 1, -1], np.float32)
            for _ in range(2):  # the second is bound when the session knows the first answer's size
                bound = session.bind(x)
                self.assertIsNone(bound.outputs["where"])
                bound.run()
                first = bound.outputs["where"]
                self.assertEqual(first.tolist(), [[0, 2]])
                x[:] = 1
                bound.run()
                self.assertEqual(bound.outputs["where"].tolist(), [[0, 1, 2, 3]])
                self.assertEqual(float(bound.outputs["total"]), 4)
                self.assertEqual(first.tolist(), [[0, 2]])
                x[:] = [1, -1, 1, -1]
            with self.assertRaisesRegex(tercel.InvalidError, "'where' depends on data"):
                session.bind(x, {"where": np.zeros((1, 4), np.int64)})
            total = np.zeros((), np.float32)
            session.bind(x, {"total": total}).run()
            self.assertEqual(float(total), 0)

    def test_allocates_nothing(self):
        with tercel.Session(models.square_plus()) as session:
            bound = session.bind(np.ones((1, 64), np.float32))
            run = bound.run
            for _ in range(1000):
                run()
            tracemalloc.start()
            before, resident = sys.getallocatedblocks(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            traced = tracemalloc.get_traced_memory()[0]
            for _ in range(10_000):
                run()
            grown = tracemalloc.get_traced_memory()[0] - traced
            blocks = sys.getallocatedblocks() - before
            tracemalloc.stop()
            self.assertLess(grown, 1024)
            self.assertLess(blocks, 16)
            self.assertLessEqual(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident, 64)  # KiB


class Deadlines(unittest.TestCase):
    def test_a_run_that_is_too_late_stops(self):
        with tercel.Session(models.square_plus(), threads=1) as session:
            bound = session.bind({"x": np.ones((1, 64), np.float32)})
            bound.run(deadline_us=60e6)
            bound.run(None)
            with self.assertRaises(tercel.DeadlineError) as caught:
                bound.run(deadline_us=0)
            self.assertIsInstance(caught.exception, TimeoutError)
            for wrong in (-1, float("nan")):
                with self.assertRaisesRegex(tercel.InvalidError, "deadline_us"):
                    bound.run(wrong)
            bound.run(float("inf"))


class Threads(unittest.TestCase):
    def slow_session(self):
        """A session and a bound run of it that takes some hundred milliseconds."""
        session = tercel.Session(models.chain(400), threads=1)
        bound = session.bind(np.ones((256, 256), np.float32))
        bound.run()
        start = time.perf_counter()
        bound.run()
        self.assertGreater(time.perf_counter() - start, 0.05, "too fast a machine for this test: make the chain longer")
        return session, bound

    def test_two_at_once_are_refused_and_the_first_is_unharmed(self):
        session, bound = self.slow_session()
        expected = bound.outputs["y"].copy()
        started, errors = threading.Event(), []

        def first():
            started.set()
            try:
                bound.run()
            except tercel.Error as error:
                errors.append(error)

        thread = threading.Thread(target=first)
        thread.start()
        started.wait()
        time.sleep(0.01)
        for call in (bound.run, session.close, lambda: session.run(np.ones((256, 256), np.float32)), session.steps):
            self.assertTrue(thread.is_alive())
            with self.assertRaisesRegex(tercel.InvalidError, "in use by another thread"):
                call()
        thread.join()
        self.assertEqual(errors, [])
        np.testing.assert_array_equal(bound.outputs["y"], expected)

    def test_a_bound_may_go_while_another_runs(self):
        session, bound = self.slow_session()
        for _ in range(3):
            other = session.bind(np.ones((256, 256), np.float32))
            thread = threading.Thread(target=bound.run)
            thread.start()
            time.sleep(0.01)
            del other
            gc.collect()
            thread.join()
        bound.run()
        left = session.bind(np.ones((256, 256), np.float32))
        session.close()
        del left
        gc.collect()

    def test_the_gil_is_released(self):
        _, bound = self.slow_session()
        count, done = 0, threading.Event()

        def run():
            for _ in range(3):
                bound.run()
            done.set()

        thread = threading.Thread(target=run)
        thread.start()
        while not done.is_set():
            count += 1
            time.sleep(0.001)
        thread.join()
        self.assertGreater(count, 20)

    def test_a_session_a_thread_of_one_plan(self):
        plan = tercel.compile(models.square_plus(), tune=False)
        x = np.random.default_rng(1).normal(size=(8, 64)).astype(np.float32)
        expected = tercel.Session(plan, threads=1).run(x)["y"]
        wrong = []

        def work():
            with tercel.Session(plan, threads=1) as session:
                bound = session.bind(x)
                for _ in range(300):
                    bound.run()
                    if not (bound.outputs["y"] == expected).all():
                        wrong.append(1)

        threads = [threading.Thread(target=work) for _ in range(4)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
