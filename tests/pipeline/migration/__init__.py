"""Tests of pipeline.migration."""
