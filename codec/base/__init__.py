"""The base layer: a very low-rate AV1 stream whose decoded pictures condition the prior."""
