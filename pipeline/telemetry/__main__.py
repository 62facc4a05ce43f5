"""Write docs/metrics.md to standard output: `python -m pipeline.telemetry > docs/metrics.md`."""

from __future__ import annotations

import sys

from pipeline.telemetry.catalogue_page import catalogue_markdown

sys.stdout.write(catalogue_markdown())
