"""Signs that an attack is too weak to be believed, in the manner of AutoAttack's: none of them proves anything."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis_by_synthesis.distances import Norm
from analysis_by_synthesis.evaluation.results import Cell, Row, smallest_distances
from analysis_by_synthesis.params.registry import settings_type
from analysis_by_synthesis.params.report import FlagSettings

GE = " w/ GE"  # ends the labels of attacks with estimated gradients
MEANING = {
    "weaker than noise": "The median distance is above that of plain noise: the attack may not work on this model.",
    "black box beats white box": "An attack that sees only decisions is closer than the best that follows exact gradients:"
    " these may be masked.",
    "estimated beats exact gradient": "The same attack, on the same samples, does better with estimated gradients: the exact ones"
    " may be masked.",
    "zero gradients": "Gradients vanish altogether on some samples, where the attack is blind.",
    "no success at any budget": "Some samples have no adversarial although the attack's budget is unlimited: more of it does not help.",
    "finds nothing": "The attack finds no adversarial for some samples, for which another attack finds one: they count as infinitely"
    " far.",
    "not confirmed": "The arbiter refuses all that the attack has found for some samples: it exploits a search that ends too early.",
    "on the boundary": "All that the attack has found for some samples lies so close to the boundary that rounding may undo it.",
}  # fmt: skip


def flags(cells: dict[Row, Cell], settings: FlagSettings) -> pd.DataFrame:
    """The flags that are raised, a row each: flag, norm, attack, model, value, compared_with, meaning.

    A value is a median distance, compared with another, or a share of the correctly classified samples, compared with
    `settings.share`.
    """
    raised = [*_between_attacks(cells, settings.factor), *_within_attacks(cells, settings.share)]
    table = pd.DataFrame(raised, columns=["flag", *Row._fields, "value", "compared_with"])
    return table.assign(meaning=table["flag"].map(MEANING))


Raised = tuple[str, Norm, str, str, float, float]  # flag, norm, attack, model, value, compared_with


def _between_attacks(cells: dict[Row, Cell], factor: float) -> Iterator[Raised]:
    sees = {row: settings_type(cell.module).sees for row, cell in cells.items()}
    searched = [row for row, cell in cells.items() if settings_type(cell.module).budget != "fixed"]
    for row in searched:
        own = {other for other in searched if (other.norm, other.model) == (row.norm, row.model)}
        exact = {other for other in own if not other.attack.endswith(GE)}
        for noise in (other for other in own if sees[other] == "noise" and sees[row] != "noise"):
            ours, theirs = _medians(cells, row, noise)
            if ours > factor * theirs:
                yield "weaker than noise", *row, ours, theirs
        if row.attack.endswith(GE) and (same := row._replace(attack=row.attack.removesuffix(GE))) in exact:
            ours, theirs = _medians(cells, row, same)
            if factor * ours < theirs:
                yield "estimated beats exact gradient", *row, ours, theirs
        white_box = {other for other in exact if sees[other] in ("gradients", "latents")}
        if sees[row] == "decisions" and white_box:
            ours, theirs = min((_medians(cells, row, other) for other in white_box), key=lambda pair: pair[1])
            if factor * ours < theirs:
                yield "black box beats white box", *row, ours, theirs


def _within_attacks(cells: dict[Row, Cell], share: float) -> Iterator[Raised]:
    with_latents = {row.model for row, cell in cells.items() if settings_type(cell.module).sees == "latents"}
    for row, cell in cells.items():
        attacked = cell.records[cell.records["clean_correct"]]
        if attacked.empty:
            continue
        nothing, attack = ~(attacked["success"] | attacked["rejected"]), settings_type(cell.module)
        refused = "not confirmed" if row.model in with_latents else "on the boundary"
        signs = {refused: attacked["rejected"]}
        if not attack.hinge_loss:
            signs["zero gradients"] = attacked["zero_gradients"] > 0
        if attack.budget == "unlimited":
            signs["no success at any budget"] = nothing
        elif attack.budget == "limited":
            fooled = smallest_distances(cells, row.norm, row.model).reindex(attacked.index) < np.inf
            signs["finds nothing"] = nothing & fooled
        for flag, sign in signs.items():
            if sign.mean() > share:
                yield flag, *row, sign.mean(), share


def _medians(cells: dict[Row, Cell], row: Row, other: Row) -> tuple[float, float]:
    """The median distances of two attacks on the samples that both were given."""
    both = pd.concat([cells[row].records[row.norm], cells[other].records[row.norm]], axis=1, join="inner")
    return tuple(both.median()) if len(both) else (np.nan, np.nan)
