"""The table of commands."""

import typer

from trackway.cli.archive import archive
from trackway.cli.connect import connect
from trackway.cli.demo import demo
from trackway.cli.deploy import deploy
from trackway.cli.doctor import doctor
from trackway.cli.replay import replay
from trackway.cli.search import search
from trackway.cli.store import store
from trackway.cli.trips import trips
from trackway.cli.up import up
from trackway.cli.vehicles import vehicles

app = typer.Typer(
    help="Every delivery of a fleet, live on a map.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_show_locals=False,
)
app.command()(up)
app.command()(demo)
app.add_typer(trips, name="trip")
app.command()(vehicles)
app.command()(replay)
app.add_typer(store, name="store")
app.add_typer(archive, name="archive")
app.command()(doctor)
app.add_typer(connect, name="connect")
app.add_typer(search, name="search")
app.add_typer(deploy, name="deploy")
