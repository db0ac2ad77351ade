"""Rows of a dataset that a base model's chat template cannot show, known from counts, before a job is queued."""

from collections.abc import Collection, Mapping

from services.training.errors import UnsupportedRows
from shared.blobs.manifests import DatasetManifest, Feature
from shared.row_features import IN_WORDS
from shared.warnings import ReportedWarning

CODE = "unsupported_rows"
REFUSED_REMEDY = (
    "Choose a base model whose chat template shows them, remove these rows, or set unsupported_rows to skip to train "
    "on the others."
)
SKIPPED_REMEDY = "They are skipped. To train on them, choose a base model whose chat template shows them."


def find_unsupported(
    dataset: DatasetManifest, validation: DatasetManifest | None, shown: Collection[str] | None
) -> dict[str, Feature]:
    """The features of the rows to train and to validate on that the template does not show, the most frequent first.

    None are known where the template was not probed (`shown` is None).
    """
    if shown is None:
        return {}
    missing = {name: feature for name, feature in _all_features(dataset, validation).items() if name not in shown}
    return dict(sorted(missing.items(), key=lambda item: -item[1].rows))


def warning_of(missing: Mapping[str, Feature], base: str, *, skip: bool) -> ReportedWarning:
    """The warning of an estimate, and of a job that skips them. A row may be counted in several features."""
    first = next(iter(missing.values()))
    return ReportedWarning(
        code=CODE,
        detail=_detail(missing, base),
        count=first.rows,
        example=first.example,
        remedy=SKIPPED_REMEDY if skip else REFUSED_REMEDY,
    )


def unknown_warning_of(
    dataset: DatasetManifest, validation: DatasetManifest | None, base: str
) -> ReportedWarning | None:
    """The warning where the template was not probed, and rows have something that it may not show."""
    features = sorted(_all_features(dataset, validation).items(), key=lambda item: -item[1].rows)
    if not features:
        return None
    return ReportedWarning(
        code="template_not_probed",
        detail=f"It is not known what the chat template of {base} shows, and {_counts(dict(features))}.",
        count=features[0][1].rows,
        example=features[0][1].example,
        remedy="Rows that it cannot show are skipped, and counted in a warning of the job. Add the base model again to "
        "have its template probed before a job is queued.",
    )


def refusal_of(missing: Mapping[str, Feature], base: str) -> UnsupportedRows:
    """The error of a job that may not skip them."""
    first = next(iter(missing.values()))
    return UnsupportedRows(
        f"{_detail(missing, base)} The first is {first.example}.",
        field="unsupported_rows",
        limit=["refuse", "skip"],
        remedy=REFUSED_REMEDY,
        count=first.rows,
        example=first.example,
        features={name: feature.rows for name, feature in missing.items()},
    )


def _all_features(dataset: DatasetManifest, validation: DatasetManifest | None) -> dict[str, Feature]:
    """The features of both. An example that only the validation dataset has names that dataset."""
    found = dict(dataset.features)
    if validation is None:
        return found
    for name, feature in validation.features.items():
        known = found.get(name, Feature(rows=0, example=f"{feature.example} of {validation.name}"))
        found[name] = Feature(rows=known.rows + feature.rows, example=known.example)
    return found


def _detail(missing: Mapping[str, Feature], base: str) -> str:
    return f"The chat template of {base} does not show everything in the rows: {_counts(missing)}."


def _counts(features: Mapping[str, Feature]) -> str:
    return ", ".join(
        f"{feature.rows} {'rows have' if feature.rows > 1 else 'row has'} {IN_WORDS.get(name, name)}"
        for name, feature in features.items()
    )
