"""Groups and columns of the page name metrics of the catalogue; clips are ranked by what tells them apart."""

from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.registry.manifests import Metric
from mova_core.reporting.evaluation.best_and_worst import choose
from mova_core.reporting.evaluation.groups import GROUPS, ranked_metrics
from mova_core.reporting.evaluation.published import COLUMNS, ROWS
from mova_core.reporting.evaluation.results import ClipScores, Results, ScoredSuite, Scores


def results(**values: list[float]) -> Results:
    """Clips 0, 1, … with these values of metrics."""
    count = len(next(iter(values.values())))
    clips = [
        ClipScores(
            name=f"{index}",
            file="x.mp4",
            sha256="0",
            metrics={name: (each[index], 1.0) for name, each in values.items()},
        )
        for index in range(count)
    ]
    metrics = {name: Metric(value=0.5, better=CATALOGUE[name].better) for name in values}
    return Results(Scores(folder="clips", suite=ScoredSuite(clips=count), metrics=metrics), tuple(clips), ())


def test_names_are_those_of_the_catalogue() -> None:
    named = [name for names in GROUPS.values() for name in names]
    assert len(named) == len(set(named)) and set(named) <= set(CATALOGUE)
    assert {column.metric for column in COLUMNS} <= set(CATALOGUE)
    assert [column.better for column in COLUMNS] == [CATALOGUE[str(column.metric)].better for column in COLUMNS]
    assert all(len(row) == len(COLUMNS) for row in ROWS.values())


def test_what_is_the_same_in_most_clips_ranks_only_where_nothing_else_does() -> None:
    shared, apart = [0.0, 0.0, 0.0, 1.0], [0.1, 0.2, 0.3, 0.4]
    assert [spec.name for spec in ranked_metrics(results(event_f1=shared, av_align=apart))] == ["av_align"]
    assert [spec.name for spec in ranked_metrics(results(event_f1=shared))] == ["event_f1"]
    assert ranked_metrics(results(event_f1=[1.0, 1.0], loudness_lufs=[1.0, 2.0])) == []  # no difference, no direction


def test_the_best_are_on_the_better_side() -> None:
    found = results(onset_lag_s=[0.1, 0.2, 0.3, 0.4, 0.5])
    tags = {choice.clip.name: choice.tags for choice in choose(found, ranked_metrics(found))}
    label = CATALOGUE["onset_lag_s"].label
    assert tags == {
        "0": (f"best {label}",),
        "1": (f"second best {label}",),
        "4": (f"worst {label}",),
        "3": (f"second worst {label}",),
        "2": (),
    }
