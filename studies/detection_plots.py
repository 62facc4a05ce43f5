"""The plots of docs/detection.md, drawn again: python -m studies.detection_plots [--report simulated.json].

Everything in them is simulated counts of the ordinary world, seeded: the same code draws the same files.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import click
import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.brand.threshold import crisis_threshold
from pipeline.evaluation.reports.plots import Panel, Timeline, draw
from pipeline.evaluation.scoring.alarms import episodes
from pipeline.evaluation.scoring.outcomes import Estimate
from pipeline.evaluation.simulated import FIRST_BUCKET, RATES, WARM_UP_DAYS, CellReport, crisis_rule
from pipeline.evaluation.vectorised.model import FleetModel
from pipeline.simulation.worlds.ordinary import FleetStream, Latent, joined, with_crisis
from schemas.observation import BUCKETS_PER_DAY, BUCKETS_PER_HOUR

Array = NDArray[np.float64]

IMAGES: Final = Path(__file__).parents[1] / "docs" / "images"
SEED: Final = 5
RATE: Final = 120.0
"""Mentions per hour of the brand that is drawn."""
ONSET: Final = BUCKETS_PER_DAY + 9 * BUCKETS_PER_HOUR
"""Bucket of the drawn days in which the event begins."""
_STYLE: Final = (
    "<style>text{font-family:system-ui,sans-serif;fill:#1d2430}.head{font-weight:600;font-size:13px}"
    ".tick{font-size:10px;fill:#59606c}.axis{stroke:#9aa1ad}.level{stroke:#b4541a;stroke-dasharray:4 3}"
    ".alarm{stroke:#c21f2f;stroke-width:1.5}.crisis{fill:#c21f2f;opacity:.13}.other{fill:#3a6ea5;opacity:.13}"
    "</style>"
)
_COLOURS: Final = {"S": "#3a6ea5", "M": "#b4541a", "L": "#3d7a4d"}


def sudden(latent: Latent) -> Latent:
    return with_crisis(latent, "sudden", np.array([ONSET]), np.random.default_rng(SEED))


def slow(latent: Latent) -> Latent:
    return with_crisis(latent, "slow", np.array([ONSET]), np.random.default_rng(SEED))


def praise(latent: Latent) -> Latent:
    """Six times the mentions for five hours, and half the usual share of negatives."""
    buckets = np.arange(len(latent.rate)) - ONSET
    shape = np.clip(np.minimum(buckets / 12.0, (60.0 - buckets) / 24.0), 0.0, 1.0)[:, None]
    return Latent(latent.rate * (1.0 + 5.0 * shape), latent.share * (1.0 - 0.5 * shape))


def shift(latent: Latent) -> Latent:
    """Three times the mentions for good, of the usual tone."""
    later = np.arange(len(latent.rate))[:, None] >= ONSET
    return Latent(latent.rate * np.where(later, 3.0, 1.0), latent.share)


SCENES: Final[Mapping[str, tuple[str, Callable[[Latent], Latent], int, int, bool]]] = {
    "sudden": ("A sudden crisis", sudden, 3, 6, True),
    "slow-burn": ("A crisis that burns slowly", slow, 3, 18, True),
    "praise": ("A burst of praise: no crisis", praise, 3, 5, False),
    "shift": ("Three times the mentions for good, the same tone: no crisis", shift, 9, 8 * 24 - 9, False),
}
"""By file: title, what is added to the counts, days drawn, hours that are labelled, whether it is a crisis."""


def scene(name: str) -> str:
    """A brand's mentions, negatives and score around one event, as SVG."""
    title, change, days, hours, is_crisis = SCENES[name]
    stream = FleetStream("ordinary", ("M",), 1, days=WARM_UP_DAYS + days, shift_day=WARM_UP_DAYS, seed=SEED)
    stream.rate[:] = RATE
    stream.bursts.clear()
    rng = np.random.default_rng([SEED, 1])
    sampler, model = stream.sampler(), FleetModel(1)
    for day in range(WARM_UP_DAYS):
        _scores(model, day, *sampler.draw(stream.next_day(), rng))
    drawn = [stream.next_day() for _ in range(days)]
    latent = joined(drawn)
    seen, bad = sampler.draw(change(latent), rng)
    scores = _scores(model, WARM_UP_DAYS, seen, bad)
    threshold = crisis_threshold(1.0)
    marks = [span.start for span in episodes(scores, crisis_rule(1.0))]
    end = min(ONSET + hours * BUCKETS_PER_HOUR, len(scores) - 1)
    fired = [mark - ONSET for mark in marks if mark >= ONSET]
    after = f"; detected {(fired[0] + 1) * 5} minutes after onset" if fired and is_crisis else ""
    return _standing_alone(
        draw(
            Timeline(
                f"{title}{after}",
                "midnight",
                f"{days} days later",
                [
                    Panel("mentions in 5 minutes", seen[:, 0], "#3a6ea5"),
                    Panel("negatives in 5 minutes", bad[:, 0], "#7a4d8c"),
                    Panel(f"crisis score, threshold {threshold:.2f}", scores, "#1d2430", threshold),
                ],
                [(ONSET, end, title, is_crisis)],
                marks,
            )
        )
    )


def _scores(model: FleetModel, day: int, seen: Array, bad: Array) -> Array:
    first = FIRST_BUCKET + day * BUCKETS_PER_DAY
    return np.array([model.step(first + row, seen[row], bad[row]).crisis[0] for row in range(len(seen))])


def _standing_alone(svg: str) -> str:
    """The SVG with its style and a white ground, for pages that know neither."""
    opening, rest = svg.split(">", 1)
    return f'{opening}>{_STYLE}<rect width="100%" height="100%" fill="#fff"/>{rest}\n'


def kept(found: Mapping[tuple[str, str], Sequence[Estimate]]) -> str:
    """Realised over tolerated false alarms by (world, size) and rate, on a logarithmic axis from 0.2 to 5, as SVG."""
    worlds = list(dict.fromkeys(world for world, _ in found))
    left, wide, line, top = 90, 290, 40, 46
    height = top + line * len(worlds) + 24
    parts = [
        f'<svg viewBox="0 0 {left + 3 * wide} {height}" width="100%" role="img" xmlns="http://www.w3.org/2000/svg">',
        "<title>Realised false alarms over tolerated ones</title>",
        f'<text x="{left}" y="14" class="head">Realised / tolerated false alarms per brand-year, 95 % interval; '
        + " ".join(f'<tspan fill="{colour}">{size}</tspan>' for size, colour in _COLOURS.items())
        + "</text>",
    ]

    def x(column: int, ratio: float) -> float:
        place = math.log(min(max(ratio, 0.2), 5.0) / 0.2) / math.log(25.0)
        return left + column * wide + (wide - 30) * place

    for column, rate in enumerate(RATES):
        parts.append(f'<text x="{x(column, 0.2):.0f}" y="32" class="tick">{rate:g} per year tolerated</text>')
        a, b = x(column, 0.6), x(column, 1.4)
        parts.append(
            f'<rect x="{a:.1f}" y="{top - 8}" width="{b - a:.1f}" height="{height - top - 10}" class="other"/>'
        )
        for ratio in (0.2, 0.5, 1.0, 2.0, 5.0):
            at = x(column, ratio)
            kind = "level" if ratio == 1.0 else "axis"
            parts += [
                f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top - 8}" y2="{height - 18}" class="{kind}" opacity=".5"/>',
                f'<text x="{at:.1f}" y="{height - 6}" class="tick" text-anchor="middle">{ratio:g}</text>',
            ]
    for place, world in enumerate(worlds):
        y = top + line * place
        parts.append(f'<text x="{left - 8}" y="{y + 14}" class="tick" text-anchor="end">{world}</text>')
        for offset, (size, colour) in enumerate(_COLOURS.items()):
            for column, (rate, realised) in enumerate(zip(RATES, found[world, size], strict=True)):
                at = y + 2 + 9 * offset
                low, high = x(column, realised.low / rate), x(column, realised.high / rate)
                parts += [
                    f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{at}" y2="{at}" stroke="{colour}"/>',
                    f'<circle cx="{x(column, realised.value / rate):.1f}" cy="{at}" r="2.5" fill="{colour}"/>',
                ]
    return _standing_alone("".join([*parts, "</svg>"]))


def false_alarms(report: Path) -> dict[tuple[str, str], list[Estimate]]:
    """False alarms by world and size at each tolerated rate, as `tocsin evaluate simulated --out` wrote them.

    Raises:
        click.ClickException: the file holds no such report.
    """
    try:
        cells = msgspec.convert(msgspec.json.decode(report.read_bytes())["results"]["cells"], list[CellReport])
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise click.ClickException(
            f"{report}: expected simulated.json of tocsin evaluate simulated: {error}"
        ) from error
    return {(cell.world, cell.size): [row.realised for row in cell.false_alarms] for cell in cells}


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=IMAGES, show_default="docs/images")
@click.option("--report", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="simulated.json")
def main(out: Path, report: Path | None) -> None:
    """Write the plots of scores; with the report of `tocsin evaluate simulated` also that of false alarms."""
    out.mkdir(parents=True, exist_ok=True)
    for name in SCENES:
        (out / f"detection-{name}.svg").write_text(scene(name), encoding="utf-8")
    if report is not None:
        (out / "detection-false-alarms.svg").write_text(kept(false_alarms(report)), encoding="utf-8")


if __name__ == "__main__":
    main()
