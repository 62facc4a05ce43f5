"""What the worker tells of itself: metrics (the only package that imports prometheus_client), health, logs."""
