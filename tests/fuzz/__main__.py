"""`python -m tests.fuzz [--seconds N] [TARGET...]`: look for input that crashes, hangs or fills the memory.

By atheris, guided by coverage, where it is installed; else by mutations of good inputs from a printed seed. Each target
gets an equal share of the time in a process of its own, with bounds on memory and on the time of one input. What is
found is written to fuzz-findings/ and makes the exit code 1.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.mutations import MAX_BYTES, mutated
from tests.fuzz.targets import TARGETS, seeds

INPUT_SECONDS = 10
MEMORY_BYTES = 4 << 30
FINDINGS = Path("fuzz-findings")


def main() -> int:
    """Exit code 1 when anything was found."""
    parser = argparse.ArgumentParser(description="Look for input that crashes, hangs or fills the memory.")
    parser.add_argument("--seconds", type=float, default=60.0, help="for all targets together")
    parser.add_argument("--seed", type=int, default=None, help="of the mutations; default: the time")
    parser.add_argument("--engine", choices=("atheris", "mutations"), default=None)
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], help="default: all")
    options = parser.parse_args()
    if options.engine is None:
        options.engine = "atheris" if importlib.util.find_spec("atheris") else "mutations"
    chosen = options.targets or list(TARGETS)
    seed = int(time.time()) if options.seed is None else options.seed
    print(f"{options.engine}, seed {seed}, {options.seconds / len(chosen):.1f} s a target")
    found = 0
    for name in chosen:
        command = [sys.executable, "-m", "tests.fuzz.__main__", "--worker", name, options.engine, str(seed)]
        ended = subprocess.run([*command, str(options.seconds / len(chosen))], check=False)
        found += ended.returncode != 0
    print(f"{found} of {len(chosen)} targets with a finding")
    return int(found > 0)


def work(name: str, engine: str, seed: int, seconds: float) -> int:
    """One target in this process."""
    return _by_atheris(name, seed, seconds) if engine == "atheris" else _by_mutations(name, seed, seconds)


def _by_mutations(name: str, seed: int, seconds: float) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    dice = random.Random(f"{name} {seed}")
    good = seeds(name)
    target = TARGETS[name]
    signal.signal(signal.SIGALRM, _hang)
    tried = 0
    slowest = 0.0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        data = mutated(dice.choice(good), dice) if dice.random() < 0.95 else dice.randbytes(dice.randrange(200))
        began = time.monotonic()
        signal.alarm(INPUT_SECONDS)
        try:
            target(data)
        except Exception as error:
            FINDINGS.mkdir(exist_ok=True)
            path = FINDINGS / f"{name}-{seed}-{tried}"
            path.write_bytes(data)
            print(f"{name}: {type(error).__name__}: {str(error)[:300]}; the input is {path}")
            raise
        finally:
            signal.alarm(0)
        slowest = max(slowest, time.monotonic() - began)
        tried += 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{name}: {tried} inputs, slowest {slowest * 1000:.0f} ms, {peak} MiB at most")
    return 0


def _by_atheris(name: str, seed: int, seconds: float) -> int:
    import atheris

    corpus = FINDINGS / f"corpus-{name}"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(data)
    options = [f"-max_total_time={max(1, int(seconds))}", f"-seed={seed}", f"-timeout={INPUT_SECONDS}"]
    options += [f"-max_len={MAX_BYTES}", "-rss_limit_mb=2048", f"-artifact_prefix={FINDINGS}/{name}-", "-verbosity=0"]
    atheris.Setup([name, *options, str(corpus)], atheris.instrument_func(TARGETS[name]))
    atheris.Fuzz()
    return 0


def _hang(*_: object) -> None:
    raise TimeoutError(f"no end within {INPUT_SECONDS} s")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        sys.exit(work(sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5])))
    sys.exit(main())
