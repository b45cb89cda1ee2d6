"""``python -m monitoring``: write the dashboards and the rules' Kubernetes form; part of ``make generate``.

What is committed is what this writes, which a test sees to.
"""

from pathlib import Path
from typing import Final

import yaml

from monitoring.dashboards import DASHBOARDS
from monitoring.panels import text_of

FOLDER: Final = Path(__file__).parent
RULES: Final = ("recording", "alerts")
_HEAD: Final = "# Written from rules/*.yaml by `python -m monitoring`; not to be edited.\n"


class _Dumper(yaml.SafeDumper):
    """Writes expressions of several lines as such."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def generated() -> dict[Path, str]:
    """Every file below this folder that is written, with its text."""
    files = {FOLDER / "grafana" / f"{each.name}.json": text_of(each) for each in DASHBOARDS}
    return files | {FOLDER / "prometheus-rule.yaml": _HEAD + prometheus_rule()}


def prometheus_rule() -> str:
    """The rules as the Prometheus operator takes them."""
    groups = [
        group
        for name in RULES
        for group in yaml.safe_load((FOLDER / "rules" / f"{name}.yaml").read_text(encoding="utf-8"))["groups"]
    ]
    document = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "trackway", "namespace": "trackway", "labels": {"app.kubernetes.io/part-of": "trackway"}},
        "spec": {"groups": groups},
    }
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def main() -> None:
    """Write what has changed, and say so."""
    for path, text in generated().items():
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(FOLDER.parent)}")  # noqa: T201 - a command line talks to a terminal


if __name__ == "__main__":
    main()
