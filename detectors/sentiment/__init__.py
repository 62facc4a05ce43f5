"""Sentiment of one mention: a word list per language as prior, and an online classifier that learns from labels."""

from __future__ import annotations

from detectors.sentiment.language import LANGUAGES, PLAIN_TAGS, language_of
from detectors.sentiment.models import Reading, SentimentModels

__all__ = ["LANGUAGES", "PLAIN_TAGS", "Reading", "SentimentModels", "language_of"]
