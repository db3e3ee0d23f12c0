"""The measures of units as sentences and tables, and the meaning of their names."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from unitsearch.views.drawing.glyphs import num
from unitsearch.views.inspection.results import (
    DEAD,
    HARMFUL,
    UNRESOLVED,
    InspectedUnit,
    Inspection,
    JointRemoval,
    cost_shares,
)

MOST_ROWS = 300  # of the table; more units are counted
MINUS = "\u2212"


def finding(inspection: Inspection) -> str:
    """Return the units without effect and their costs, in a sentence or two."""
    dead = sum(unit.finding == DEAD for unit in inspection.units)
    idle = sum(unit.finding == UNRESOLVED for unit in inspection.units)
    measured = sum(unit.effect is not None for unit in inspection.units)
    of = f"{len(inspection.units):,} units"
    if not dead and not idle:
        unmeasured = len(inspection.units) - measured
        besides = f" ({unmeasured:,} were not measured)" if unmeasured else ""
        harmful = sum(unit.finding == HARMFUL for unit in inspection.units)
        verdict = f"{harmful:,} of them harmful" if harmful else "all needed"
        return (
            f"Accuracy changes without any of the {measured:,} units measured, {verdict}{besides}."
        )
    parts = [f"{dead:,} of {of} {'is' if dead == 1 else 'are'} dead"] if dead else []
    if idle:
        which = f"{idle:,} more" if dead else f"{idle:,} of {of}"
        if measured < len(inspection.units):
            which = f"{idle:,} {'more ' if dead else ''}of {measured:,} measured (of {of})"
        parts.append(
            f"{which} {'has' if idle == 1 else 'have'} no effect on accuracy that"
            f" {inspection.images:,} images resolve, each alone"
        )
    summary = f"{' and '.join(parts)}. "
    if inspection.removable is None:
        return f"{summary}Together they are needed: accuracy falls without them."
    removal = inspection.removable
    saves = cost_shares(inspection.cost, removal.saves)
    count = len(removal.units)
    condition = f"Without {count:,} of them at once" if count > 1 else "Without one of them"
    if count == dead + idle:
        condition = "Without all of them at once" if count > 1 else "Without it"
    return (
        f"{summary}{condition} the network would have {_percent(saves['params'])} fewer parameters"
        f" and {_percent(saves['flops'])} fewer FLOPs, and its accuracy changes by"
        f" {points(removal.effect.change, removal.effect.error)}, before any further training."
    )


def _percent(share: float) -> str:
    """Return a share in per cent, with a decimal where it is small."""
    return f"{100 * share:.{0 if share >= 0.1 else 1}f} %"


def points(change: float, error: float) -> str:
    """Return a change of accuracy with two standard errors, in points of a hundred."""
    return f"{100 * change:+.2f} ± {200 * error:.2f} points".replace("-", MINUS)


def together(inspection: Inspection) -> str:
    """Return a table of the effect and savings of removing all units without effect."""
    if inspection.idle is None:
        return (
            '<p class="note">There are none: no unit is dead, and of each whose removal was'
            " measured accuracy changes by more than two standard errors.</p>"
        )
    rows = [("all units that are dead or without resolved effect", inspection.idle)]
    if inspection.removable is not None and inspection.removable is not inspection.idle:
        rows.append(
            ("as many of them as accuracy does not resolvedly fall without", inspection.removable)
        )
    body = "".join(_together_row(inspection, label, removal) for label, removal in rows)
    note = (
        "Units that do not matter alone may matter together, as where two do the same. Which ones"
        " go was chosen on the same images: only a network trained without them shows what it"
        " reaches."
    )
    return (
        f'<p class="note">{note}</p><div class="scroll"><table><thead><tr>'
        "<th scope='col'>removed at once</th><th scope='col' class='number'>units</th>"
        "<th scope='col' class='number'>accuracy changes by</th>"
        "<th scope='col' class='number'>parameters</th><th scope='col' class='number'>MACs</th>"
        f"<th scope='col' class='number'>FLOPs</th></tr></thead><tbody>{body}</tbody></table></div>"
    )


def _together_row(inspection: Inspection, label: str, removal: JointRemoval) -> str:
    names: dict[str, list[str]] = {}
    for unit in sorted(removal.units, key=lambda unit: (unit.at.stack, unit.at.index)):
        names.setdefault(unit.at.name, []).append(str(unit.at.index + 1))
    listed = "; ".join(f"{stack}: {', '.join(units)}" for stack, units in names.items())
    shares = cost_shares(inspection.cost, removal.saves)
    cells = "".join(
        f'<td class="number">{MINUS}{getattr(removal.saves, name):,}'
        f"<br><small>{100 * share:.1f} % of {getattr(inspection.cost, name):,}</small></td>"
        for name, share in shares.items()
    )
    return (
        f"<tr><td>{label}<br><small>{escape(listed)}</small></td>"
        f'<td class="number">{len(removal.units):,}</td>'
        f'<td class="number">{points(removal.effect.change, removal.effect.error)}</td>{cells}</tr>'
    )


def table(inspection: Inspection, colours: Mapping[str, str]) -> str:
    """Return the measures of every unit as a table."""
    units = inspection.units
    note = ""
    if len(units) > MOST_ROWS:
        chosen = sorted(units, key=lambda unit: unit.activity.share)[:MOST_ROWS]
        units = tuple(unit for unit in units if unit in set(chosen))
        note = f'<p class="note">The {MOST_ROWS} of {len(inspection.units):,} that vary least.</p>'
    effects = [unit.effect for unit in units if unit.effect is not None]
    ends = [e.change + sign * 2 * e.error for e in effects for sign in (-1, 1)]
    limits = (min([0.0, *ends]), max([0.0, *ends]))
    body = "".join(_row(inspection, unit, colours[unit.kind], limits) for unit in units)
    heads = "".join(
        f'<th scope="col" class="number"{more}>{head}</th>'
        for head, more in (
            ("still maps", ""), ("share of variance", ""), ("accuracy without it", ' colspan="2"'),
            ("loss", ""), ("parameters", ""), ("MACs", ""), ("FLOPs", ""),
        )
    )  # fmt: skip
    return (
        f'{note}<div class="scroll"><table class="units"><thead>'
        '<tr><td colspan="7"></td><th scope="colgroup" colspan="3" class="saves">without it less'
        '</th><td></td></tr><tr><th scope="col">unit</th><th scope="col">kind</th>'
        f'{heads}<th scope="col">finding</th></tr></thead><tbody>{body}</tbody></table></div>'
    )


def _row(
    inspection: Inspection, unit: InspectedUnit, colour: str, limits: tuple[float, float]
) -> str:
    activity, effect = unit.activity, unit.effect
    maps = unit.at.unit.outputs
    still = f"{activity.still} of {maps}" if activity.still else ""
    if activity.zero:
        still += f"<br><small>{activity.zero} of them 0</small>"
    change = picture = loss = ""
    if effect is not None:
        change, picture = points(effect.change, effect.error), _whisker(unit, limits)
        loss = f"{effect.loss:+.4f} ± {2 * effect.loss_error:.4f}".replace("-", MINUS)
    saves = '<td class="number" colspan="3"><small>the stack\'s only unit</small></td>'
    if unit.saves is not None:
        shares = cost_shares(inspection.cost, unit.saves)
        saves = "".join(
            f'<td class="number">{getattr(unit.saves, name):,}'
            f"<br><small>{100 * share:.1f} %</small></td>"
            for name, share in shares.items()
        )
    return (
        f'<tr><th scope="row">{escape(unit.at.name)} · {unit.at.index + 1}</th>'
        f'<td class="kind"><i style="background:{colour}"></i>{escape(unit.kind)}</td>'
        f'<td class="number">{still}</td><td class="number">{100 * activity.share:.1f} %</td>'
        f'<td class="number">{change}</td><td>{picture}</td><td class="number">{loss}</td>'
        f'{saves}<td class="said">{escape(unit.explanation)}</td></tr>'
    )


def _whisker(unit: InspectedUnit, limits: tuple[float, float]) -> str:
    """Return a picture of a change of accuracy, two standard errors to both sides, and zero.

    Args:
        unit: The unit.
        limits: The lowest and the highest change that a picture of the table shows.
    """
    effect = unit.effect
    assert effect is not None  # it was measured
    width, height = 120.0, 14.0

    def x_of(change: float) -> float:
        return 4 + (width - 8) * (change - limits[0]) / (limits[1] - limits[0])

    low, high = x_of(effect.change - 2 * effect.error), x_of(effect.change + 2 * effect.error)
    name = "resolved" if effect.is_resolved else "unresolved"
    return (
        f'<svg class="whisker {name}" width="{num(width)}" height="{num(height)}"'
        f' viewBox="0 0 {num(width)} {num(height)}" aria-hidden="true">'
        f'<path class="zero" d="M{num(x_of(0))} 0V{num(height)}"/>'
        f'<path d="M{num(low)} 7H{num(high)}"/>'
        f'<circle cx="{num(x_of(effect.change))}" cy="7" r="3"/></svg>'
    )


def meanings(inspection: Inspection) -> str:
    """Return the definition of each measure as a list."""
    measured = sum(unit.effect is not None for unit in inspection.units)
    chance = measured * 0.05
    definitions = {
        "unit": "Numbered from 1 in the order in which the network holds them; its output maps "
        "stand side by side, behind its last activation.",
        "still maps": "Output maps that are the same for every image that was "
        "measured on: at no pixel do two images differ by more than 1/100,000 of the stack's "
        "largest output. A unit all of whose maps stay the same is dead.",
        "share of variance": "The variance of each pixel over the images, summed over a unit's "
        "maps, of the stack's sum. It says how loud a unit is, not how useful: the next layer "
        "weighs it.",
        "accuracy without it": "Its change. Each of the unit's output maps is replaced by its "
        "mean over images and pixels, a number, and the same images are answered again: what "
        "removing it leaves once the next layer's bias has taken over the mean, before any "
        "training. ± is two standard errors of the difference, both answers being of the same "
        f"images (Bonett and Price 2012): at {inspection.images:,} images never less than "
        f"{_least(inspection.images):.2f} points.",
        "no effect resolved": "The change is smaller than two standard errors. That is no proof "
        f"that there is none. Of {measured:,} units measured, about {chance:.0f} would seem "
        "needed or harmful by chance alone.",
        "loss": "The rise of the mean cross-entropy, ± two standard errors: a finer measure, of "
        "how sure the answers are.",
        "without it less": "What the network costs less without the unit, counted exactly: the "
        "unit, its channels in the next normal layer, and those that the normal layer before "
        "makes for it alone. FLOPs are the papers' convention, not 2 × MACs.",
    }
    listed = "".join(
        f"<div><dt>{escape(word)}</dt><dd>{escape(meaning)}</dd></div>"
        for word, meaning in definitions.items()
    )
    return f'<dl class="words">{listed}</dl>'


def _least(images: int) -> float:
    """Return two standard errors, in points, of a change that no image shows."""
    from unitsearch.network.features import RemovalEffect

    return 200 * RemovalEffect(images, 0, 0, 0.0, 0.0).error
