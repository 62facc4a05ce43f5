"""What happened in an episode, from its alerts, the brand's activity and what people said and did: a review to keep."""
