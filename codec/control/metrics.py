"""The metrics that an encode may aim at."""

from __future__ import annotations


def metric_kind(metric: str) -> str:
    """What a header calls a metric that users type."""
    return metric.replace("-", "_")
