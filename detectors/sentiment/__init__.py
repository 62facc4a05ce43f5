"""Sentiment of one mention: a word list per language as prior, and an online classifier that learns from labels."""

from __future__ import annotations

from detectors.sentiment.language import LANGUAGES, OTHER, language_at_a_glance, language_of
from detectors.sentiment.models import Reading, SentimentModels

__all__ = ["LANGUAGES", "OTHER", "Reading", "SentimentModels", "language_at_a_glance", "language_of"]
