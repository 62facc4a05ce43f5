"""Labels as the trusted sentiments that they come from."""

from __future__ import annotations

from detectors.sentiment import SentimentModels


def teach(models: SentimentModels, text: str, lang: str | None, sentiment: float) -> None:
    """Let the models learn a text as negative below 0 and as positive above."""
    models.learn_one(text, lang, negative=sentiment < 0.0, positive=sentiment > 0.0)
