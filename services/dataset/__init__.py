"""The dataset room: uploads become validated, split, immutable dataset versions.

Consumes nothing. Emits dataset.ready.v1, dataset.rejected.v1 and dataset.deleted.v1.
It does not know what is trained on a dataset, nor by whom: others read its manifests.
"""
