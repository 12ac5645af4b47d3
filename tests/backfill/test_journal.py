"""The journal of a history directory."""

import resource
from pathlib import Path

import pytest

from exporter.backfill.journal import NAME, Journal, JournalError

PLAN = {"step": 240, "bots": [("t1", "b1")]}


def test_it_remembers_what_is_complete(tmp_path: Path) -> None:
    """And when it was begun, also once the files are gone."""
    with Journal(tmp_path / "new" / "history", PLAN, limit=100) as journal:
        journal.note("2026-05-20", [1])
        journal.note("2026-05-20", [2])

    with Journal(tmp_path / "new" / "history", PLAN, limit=200) as journal:
        assert ([2], None, 100) == (
            journal.read_outcome("2026-05-20"),
            journal.read_outcome("2026-05-21"),
            journal.limit,
        )


@pytest.mark.parametrize("written", [1, 10, 30])
def test_a_line_that_was_being_written_counts_for_nothing(tmp_path: Path, written: int) -> None:
    """Whatever a power failure leaves of it; what comes next is readable."""
    with Journal(tmp_path, PLAN, limit=100) as journal:
        journal.note("2026-05-20", [1])
    file = tmp_path / NAME
    complete = file.read_bytes()
    file.write_bytes(complete + b'{"part":"2026-05-21","outcome":[1]}'[:written])

    with Journal(tmp_path, PLAN, limit=100) as journal:
        assert ([1], None) == (journal.read_outcome("2026-05-20"), journal.read_outcome("2026-05-21"))
        journal.note("2026-05-21", [2])

    with Journal(tmp_path, PLAN, limit=100) as journal:
        assert ([1], [2]) == (journal.read_outcome("2026-05-20"), journal.read_outcome("2026-05-21"))


def test_another_history_is_not_mixed_in(tmp_path: Path) -> None:
    """The error names the difference and the fix."""
    with Journal(tmp_path, PLAN, limit=100) as journal:
        journal.note("2026-05-20", [1])

    with pytest.raises(JournalError, match="with other labels, step; use the same flags"):
        Journal(tmp_path, {**PLAN, "step": 60, "labels": {}}, limit=100)


def test_a_history_without_a_part_is_begun_anew(tmp_path: Path) -> None:
    """A run that ends at once after a mistyped flag leaves nothing to clean up."""
    with Journal(tmp_path, PLAN, limit=100):
        pass
    with Journal(tmp_path, {**PLAN, "step": 60}, limit=200) as journal:
        journal.note("2026-05-20", [1])

    with Journal(tmp_path, {**PLAN, "step": 60}, limit=300) as journal:
        assert ([1], 200) == (journal.read_outcome("2026-05-20"), journal.limit)


def test_a_disk_that_is_full_is_told(tmp_path: Path) -> None:
    """In words; what was noted before stays."""
    with Journal(tmp_path, PLAN, limit=100) as journal:
        journal.note("2026-05-20", [1])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / NAME).stat().st_size + 9, hard))
    try:
        with Journal(tmp_path, PLAN, limit=100) as journal, pytest.raises(JournalError, match="cannot write to"):
            journal.note("2026-05-21", [2])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    with Journal(tmp_path, PLAN, limit=100) as journal:
        assert ([1], None) == (journal.read_outcome("2026-05-20"), journal.read_outcome("2026-05-21"))


@pytest.mark.parametrize("text", ["{}\n", "[]\n", "history\n", '{"plan":{},"limit":1}\n{}\n'])
def test_a_file_that_is_no_journal_is_told(tmp_path: Path, text: str) -> None:
    """And left as it is."""
    (tmp_path / NAME).write_text(text)

    with pytest.raises(JournalError, match="is not a journal; choose another directory"):
        Journal(tmp_path, PLAN, limit=100)
    assert text == (tmp_path / NAME).read_text()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    """The second run fails with that error, and can continue when the first has ended."""
    with Journal(tmp_path, PLAN, limit=100), pytest.raises(JournalError, match="another backfill is writing"):
        Journal(tmp_path, PLAN, limit=100)

    with Journal(tmp_path, PLAN, limit=100) as journal:
        assert 100 == journal.limit


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """In words, with its name."""
    (tmp_path / "file").touch()

    with pytest.raises(JournalError, match=r"cannot write to .*/file/history: Not a directory"):
        Journal(tmp_path / "file" / "history", PLAN, limit=100)
