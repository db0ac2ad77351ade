"""The dataset service: turns uploads into validated, split, immutable dataset versions.

Consumes no events. Emits dataset.ready.v1, dataset.rejected.v1 and dataset.deleted.v1. Other services read a dataset
through its manifest; this service knows none of them.
"""
