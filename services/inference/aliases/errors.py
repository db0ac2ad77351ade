"""The errors of aliases."""

from shared.runtime.errors import Conflict, InvalidInput


class NameTaken(InvalidInput):
    """A model or another alias of the project has this name."""

    code = "name_taken"


class NotPromotable(Conflict):
    """The candidate is in another state than passed."""

    code = "candidate_not_passed"


class CandidateOutdated(Conflict):
    """The candidate was compared with a model that is no longer the alias's."""

    code = "candidate_outdated"


class NothingToRollBackTo(Conflict):
    """The alias has had no other model."""

    code = "nothing_to_roll_back_to"
