"""`tocsin check --broker` tells brands of the configuration that nobody ever mentioned."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.config.settings import Settings, child_environment
from pipeline.kafka.clients import producer, topic_name
from pipeline.kafka.known_brands import known_brands
from tests.integration.worker_process import ROOT

pytestmark = pytest.mark.integration

KEYS = [b"acme", b"bolt#open", b"#checkpoint", b"#sentiment/en/0", b"gone"]
"""A brand, one whose first bucket is open, what is no brand, and one that was deleted lately."""


@pytest.fixture
def settings(cluster_settings: Settings) -> Settings:
    with producer(cluster_settings) as client:
        for key in KEYS:
            client.send(topic_name(cluster_settings, "brand-state"), None if key == b"gone" else b"state", key)
    return cluster_settings


def test_brands_with_state_are_known(settings):
    assert known_brands(settings, {"nobody"}) == {"acme", "bolt", "gone"}


def test_check_warns_of_a_brand_that_was_never_mentioned(settings, tmp_path: Path):
    path = tmp_path / "tocsin.toml"
    sections = ("acme", "acmee", "bolt")
    path.write_text("".join(f"[brands.{name}.detection]\nquiet_minutes = 60\n" for name in sections))
    found = subprocess.run(
        [sys.executable, "-m", "pipeline", "check", "--broker", "--config", str(path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=child_environment(settings),
    )
    assert found.returncode == 0, found.stderr
    assert found.stderr.splitlines() == [
        "broker         warning: brands.acmee: no mention of this brand was ever read; did you mean 'acme'?"
    ]
