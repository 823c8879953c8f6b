"""What a person reads at a terminal: a numbered line a step, the contracts together in one."""

import io

from rich.console import Console

from flows.run.console import TerminalConsole

NAMES = ["footage", "ingest", "contract@sources", "cut", "contract@clips", "report"]


def new_console(width: int = 100) -> tuple[TerminalConsole, io.StringIO]:
    screen = io.StringIO()
    console = TerminalConsole(Console(file=screen, width=width))
    console.expect(NAMES)
    return console, screen


def test_a_whole_run_reads_as_numbered_lines_in_order() -> None:
    console, screen = new_console()
    for name in NAMES:
        console.begins(name)
        console.progress(1, 2)
        console.ends(name, "unchanged" if name == "cut" else "done", f"word of {name}")
    lines = [" ".join(line.split()) for line in screen.getvalue().splitlines()]
    assert lines == [
        "[1/5] footage word of footage",
        "[2/5] ingest word of ingest",
        "[3/5] cut unchanged",
        "[4/5] contracts sources ✔ clips ✔",
        "[5/5] report word of report",
    ]


def test_a_broken_contract_is_shown_at_once() -> None:
    console, screen = new_console()
    console.begins("contract@sources")
    console.ends("contract@sources", "failed")
    assert " ".join(screen.getvalue().split()) == "[4/5] contracts sources ✘"


def test_a_summary_with_brackets_is_text_and_a_narrow_screen_does_not_cut_it() -> None:
    console, screen = new_console(width=30)
    console.begins("ingest")
    console.ends("ingest", "done", "[bold]9 of 9[/bold] files, one of them with a rather long name")
    assert "[bold]9 of 9[/bold] files, one of them with a rather long name" in screen.getvalue()


def test_a_summary_of_several_lines_stays_together_under_its_step() -> None:
    console, screen = new_console()
    console.begins("ingest")
    console.ends("ingest", "done", "7 files\nrejected: 1 no_audio")
    first, second = screen.getvalue().splitlines()
    assert first.index("7 files") == second.index("rejected: 1 no_audio")


def test_without_contracts_there_is_no_line_for_them() -> None:
    console, screen = new_console()
    console.expect(["footage", "ingest"])
    console.begins("ingest")
    console.ends("ingest", "done")
    assert screen.getvalue().startswith("[2/2] ingest")


def test_a_contract_after_training_has_a_line_of_its_own() -> None:
    console, screen = new_console()
    console.expect(["contract@sources", "contract@latents", "train@audio", "contract@evaluation"])
    for name in ("contract@sources", "contract@latents", "train@audio", "contract@evaluation"):
        console.begins(name)
        console.ends(name, "done", f"word of {name}")
    lines = [" ".join(line.split()) for line in screen.getvalue().splitlines()]
    assert lines == [
        "[1/3] contracts sources ✔ latents ✔",
        "[2/3] train@audio word of train@audio",
        "[3/3] contract@evaluation word of contract@evaluation",
    ]
