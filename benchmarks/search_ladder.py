#!/usr/bin/env python3
"""Search a ladder by what networks see, and judge it on other images.

python3 benchmarks/search_ladder.py IMAGES --models NAME|CHECKPOINT … --out OUT

The search lowers the Kullback-Leibler divergence of networks' predictions from those at full
fidelity, at budgets from 6 to 60 % of the bytes, within bounds on scans, on the time of our own
decoder, and on bytes. It begins with a ladder and keeps its number of levels. What a level sends of
DC, of eight bands of luma and of eight of chroma is free. A model, fitted to what was measured,
guesses which changes are good; these are measured, and kept if they hold for most resamples of the
images. Divergences above the start's count more than those below.

OUT receives the ladder (searched.txt), what it and the start come to on the other images (judged.csv,
levels.csv), and all measurements: started again, an interrupted search resumes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from ladders import load, measure, to_markdown
from networks import load_network
from search.bands import Table, to_ladder, to_table, to_text
from search.costs import Bounds, Costs
from search.curve import compare, curve_of
from search.descent import Search, Step
from search.notes import Notes
from search.photographs import Photographs, origin

from pcr import jpeg
from pcr.atomic import atomic_path
from pcr.errors import PCRError
from pcr.ladder import Ladder
from pcr.train.classifier import Classifier

Sources = Mapping[Path, bytes]


def choose_images(images: Path, judge_on: Path | None, sample: int) -> tuple[Sources, Sources]:
    """The images to search on and those to judge on: of another folder, or the other half.

    Raises PCRError where one is both, or there are none.
    """
    if judge_on:
        searched, judged = _colored(images, sample), _colored(judge_on, sample)
    else:
        both = list(_colored(images, 2 * sample).items())
        searched, judged = dict(both[::2]), dict(both[1::2])
    of_content = {data: path for path, data in searched.items()}
    for path, data in judged.items():
        if data in of_content:
            raise PCRError(
                f"{path}: expected images that the search does not see, found {of_content[data]}"
            )
    if not judged:
        raise PCRError(f"{images}: expected images to search on and to judge on, found one")
    return searched, judged


def _colored(folder: Path, sample: int) -> dict[Path, bytes]:
    found = {p: d for p, d in load(folder, sample).items() if jpeg.header(d).components == 3}
    if not found:
        raise PCRError(f"{folder}: expected JPEGs of three components, found none")
    return found


def open_photographs(
    sources: Sources, models: Sequence[str], path: Path
) -> tuple[Photographs, Costs]:
    """What divergences and costs on some images are measured by; measurements go to ``path``."""
    contents = list(sources.values())
    notes = Notes(path, origin(contents, models))
    networks: list[Classifier] = [load_network(name) for name in models]
    return Photographs(contents, networks, notes), Costs(contents, notes)


def search(args: argparse.Namespace, searched: Sources, bounds: Bounds) -> Step:
    """The best ladder found; each that was better than the last is printed."""
    photographs, costs = open_photographs(searched, args.models, args.out / "searched.jsonl")
    start = to_table(Ladder.load(args.start))
    if not start or not costs.of(start).is_within(bounds):
        raise PCRError(
            f"{args.start}: expected a ladder within the bounds, found {costs.of(start)}"
        )
    for step in Search(photographs, costs, bounds, start, seed=args.seed).run(args.proposals):
        shares = " ".join(f"{share:.3f}" for share in step.cost.shares)
        cost = f"{step.cost.scans} scans, time {step.cost.time:.3f}, bytes {shares}"
        print(f"proposal {step.proposals}: score {step.score:.4f}, {cost}", flush=True)
    for state in step.table:
        print(f"    {to_text(state)}")
    return step


def judge(args: argparse.Namespace, judged: Sources, tables: Mapping[str, Table]) -> str:
    """Measure ladders on images that the search did not see; write and return tables."""
    models = args.judges or args.models
    photographs, costs = open_photographs(judged, models, args.out / "judged.jsonl")
    curves = [curve_of(table, photographs, costs) for table in tables.values()]
    comparison = compare(*curves, models)
    comparison.to_csv(args.out / "judged.csv", index=False)
    levels = pd.concat(
        [measure(to_ladder(n, table), judged, args.tries) for n, table in tables.items()]
    )
    levels.to_csv(args.out / "levels.csv", index=False)
    better = (
        f"searched is better in {curves[1].share_better(curves[0], curves[0]):.2f} of resamples"
    )
    return f"{to_markdown(levels)}\n{comparison.round(4).to_string(index=False)}\n\n{better}"


def main() -> None:
    """Parse, search, judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("images", type=Path, help="folder of JPEGs, searched with its sub-folders")
    parser.add_argument("--judge-on", type=Path, metavar="FOLDER", help="(default: half of IMAGES)")
    parser.add_argument("--models", nargs="+", required=True, metavar="NAME|CHECKPOINT")
    parser.add_argument("--judges", nargs="+", metavar="NAME|CHECKPOINT", help="(default: models)")
    parser.add_argument(
        "--start", default="bitplane", metavar="NAME|FILE", help="ladder to improve"
    )
    parser.add_argument("--sample", type=int, default=60, help="images of each kind (default 60)")
    parser.add_argument("--proposals", type=int, default=120, help="to measure (default 120)")
    parser.add_argument("--most-scans", type=int, default=20, help="(default 20)")
    parser.add_argument(
        "--most-time",
        type=float,
        default=1.1,
        help="of our decoder for the last level, relative to bitplane's (default 1.1)",
    )
    parser.add_argument("--most-share", type=float, default=0.94, help="of the bytes, last level")
    parser.add_argument(
        "--most-first-share", type=float, default=0.0625, help="of the bytes, level 1"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tries", type=int, default=3, help="of each decoding, when judging")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    args = parser.parse_args()
    bounds = Bounds(args.most_scans, args.most_time, args.most_share, args.most_first_share)
    try:
        searched, judged = choose_images(args.images, args.judge_on, args.sample)
        print(
            f"{len(searched)} images to search on, {len(judged)} others to judge on; none is both"
        )
        found = search(args, searched, bounds).table
        ladder = to_ladder("searched", found)
        with atomic_path(args.out / "searched.txt") as path:
            path.write_text(ladder.text, encoding="utf-8")
        start = to_table(Ladder.load(args.start))
        print(judge(args, judged, {args.start: start, "searched": found}))
    except (PCRError, OSError) as error:
        sys.exit(f"{Path(__file__).name}: {error}")
    print(ladder.text)


if __name__ == "__main__":
    main()
