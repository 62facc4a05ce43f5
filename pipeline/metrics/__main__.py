"""Write docs/metrics.md to standard output: `python -m pipeline.metrics > docs/metrics.md`."""

from __future__ import annotations

import sys

from pipeline.metrics.catalogue import catalogue_markdown

sys.stdout.write(catalogue_markdown())
