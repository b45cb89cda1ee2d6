"""The page about knative-local shows the fields as they are."""

from pathlib import Path

from knative_local.field_table import markdown, put_into

PAGE = Path(__file__).parents[3] / "docs" / "knative-local.md"


def test_the_page_shows_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert put_into(text) == text, "run: python -m knative_local.field_table docs/knative-local.md"


def test_each_effect_has_its_row() -> None:
    trigger = next(section for section in markdown().split("### ") if section.startswith("Trigger "))
    rows = {row.split(" | ")[0].strip("| "): row for row in trigger.splitlines() if row.startswith("| ")}

    assert "`spec.filters[].{all[], any[], not, cesql}`" in rows["honoured"]
    assert "`metadata.annotations: {local.knative.dev/batch, local.knative.dev/linger, " in rows["honoured"]
    assert "`spec.subscriber.CACerts`" in rows["refused: is not served: nothing here speaks TLS"]
    assert "`spec.config`" in next(s for s in markdown().split("### ") if s.startswith("Broker "))
