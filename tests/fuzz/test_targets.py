"""What strangers send is taken or refused as declared: good inputs with small damages, and noise.

`make fuzz` goes on for as long as you like; what it finds becomes a test of the module concerned.
"""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutations import MAX_BYTES, mutated
from tests.fuzz.targets import TARGETS, seeds

SEEDS = {name: seeds(name) for name in TARGETS}


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(number=st.integers(0, 2**32))
def test_a_damaged_input_raises_nothing_but_what_is_declared(name, number):
    dice = random.Random(number)
    TARGETS[name](mutated(dice.choice(SEEDS[name]), dice))


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200))
@example(b"")
@example(b"[" * MAX_BYTES)
@example(b"\x91" * MAX_BYTES)
@example(b'{"a":' * 10_000)
def test_noise_raises_nothing_but_what_is_declared(name, data):
    TARGETS[name](data)


@pytest.mark.parametrize("name", TARGETS)
def test_the_good_inputs_of_a_target_are_good(name):
    assert SEEDS[name]
    for data in SEEDS[name]:
        TARGETS[name](data)


def test_damages_are_bounded_and_repeatable():
    seed = SEEDS["mention"][0] * 100
    assert all(len(mutated(seed * 9, random.Random(n))) <= MAX_BYTES for n in range(50))
    assert [mutated(seed, random.Random(n)) for n in range(20)] == [mutated(seed, random.Random(n)) for n in range(20)]


def test_a_finding_is_kept_and_makes_the_exit_code_1(tmp_path):
    """A target that refuses everything by an undeclared error, run as `make fuzz` runs it."""
    code = (
        "import sys; from tests.fuzz import targets, __main__ as fuzz\n"
        "targets.TARGETS['mention'] = lambda data: 1 // 0\n"
        "sys.exit(fuzz.work('mention', 'mutations', 7, 5.0))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "mention: ZeroDivisionError" in done.stdout
    assert len(list((tmp_path / "fuzz-findings").iterdir())) == 1
