"""The numbered steps that bring a store's file from nothing to its present shape; never change one that was
released."""

import sqlite3

from trackway.storage.port import SchemaTooNew

# Times are microseconds since 1970. Vehicles and the trips that positions name have integer keys, to keep a position's
# row at some 60 bytes. Positions lie in the order of vehicle and time, in which they are asked for; that order is their
# unique key too, so a repeat is found without an index beside it, and a vehicle's newest is the last of its rows: a
# table of the newest would cost 3 µs a position and spare 2 µs a vehicle when reading.
STEPS: tuple[str, ...] = (
    """
    CREATE TABLE route (
        tenant TEXT NOT NULL,
        route_id TEXT NOT NULL,
        name TEXT NOT NULL,
        summary BLOB NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (tenant, route_id)
    );
    CREATE TABLE trip (
        tenant TEXT NOT NULL,
        trip_id TEXT NOT NULL,
        vehicle_id TEXT NOT NULL,
        vehicle_name TEXT NOT NULL,
        route_id TEXT NOT NULL,
        status TEXT NOT NULL,
        simulated INTEGER NOT NULL,
        speed REAL NOT NULL,
        seed INTEGER NOT NULL,
        planned_us INTEGER NOT NULL,
        promised_us INTEGER NOT NULL,
        started_us INTEGER NOT NULL,
        ended_us INTEGER,
        reason TEXT,
        shard INTEGER NOT NULL,
        PRIMARY KEY (tenant, trip_id)
    );
    CREATE INDEX trip_by_age ON trip (tenant, planned_us, trip_id);
    CREATE INDEX trip_by_vehicle ON trip (tenant, vehicle_id, planned_us, trip_id);
    CREATE INDEX trip_open ON trip (tenant, vehicle_id) WHERE status IN ('planned', 'underway');
    CREATE INDEX trip_open_by_shard ON trip (tenant, shard) WHERE status IN ('planned', 'underway');
    CREATE INDEX trip_ended ON trip (tenant, ended_us, status) WHERE ended_us IS NOT NULL;
    CREATE TABLE trip_end (
        tenant TEXT NOT NULL,
        trip_id TEXT NOT NULL,
        status TEXT NOT NULL,
        ended_us INTEGER NOT NULL,
        reason TEXT,
        PRIMARY KEY (tenant, trip_id)
    ) WITHOUT ROWID;
    CREATE TABLE trip_progress (
        tenant TEXT NOT NULL,
        trip_id TEXT NOT NULL,
        recorded_us INTEGER NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (tenant, trip_id)
    ) WITHOUT ROWID;
    CREATE TABLE trip_event (
        tenant TEXT NOT NULL,
        trip_id TEXT NOT NULL,
        time_us INTEGER NOT NULL,
        source TEXT NOT NULL,
        event_id TEXT NOT NULL,
        event BLOB NOT NULL,
        PRIMARY KEY (tenant, trip_id, source, event_id)
    );
    CREATE TABLE idempotency (
        tenant TEXT NOT NULL,
        idempotency_key TEXT NOT NULL,
        trip_id TEXT NOT NULL,
        PRIMARY KEY (tenant, idempotency_key)
    ) WITHOUT ROWID;
    CREATE TABLE vehicle (
        vehicle_key INTEGER PRIMARY KEY,
        tenant TEXT NOT NULL,
        vehicle_id TEXT NOT NULL,
        UNIQUE (tenant, vehicle_id)
    );
    CREATE TABLE trip_name (
        trip_key INTEGER PRIMARY KEY,
        tenant TEXT NOT NULL,
        trip_id TEXT NOT NULL,
        UNIQUE (tenant, trip_id)
    );
    CREATE TABLE position (
        vehicle_key INTEGER NOT NULL,
        recorded_us INTEGER NOT NULL,
        event_hash INTEGER NOT NULL,
        lat REAL NOT NULL,
        lng REAL NOT NULL,
        received_us INTEGER,
        heading REAL,
        speed REAL,
        accuracy REAL,
        altitude REAL,
        trip_key INTEGER,
        seq INTEGER,
        PRIMARY KEY (vehicle_key, recorded_us, event_hash)
    ) WITHOUT ROWID;
    CREATE TABLE shard (
        tenant TEXT NOT NULL,
        shard INTEGER NOT NULL,
        version INTEGER NOT NULL,
        wanted INTEGER NOT NULL,
        claim TEXT,
        claimed_until_us INTEGER,
        driven_until_us INTEGER,
        PRIMARY KEY (tenant, shard)
    ) WITHOUT ROWID;
    CREATE TABLE dead_letter (
        tenant TEXT NOT NULL,
        letter_id TEXT NOT NULL,
        failed_us INTEGER NOT NULL,
        event BLOB NOT NULL,
        destination TEXT NOT NULL,
        code INTEGER,
        reason TEXT NOT NULL,
        PRIMARY KEY (tenant, letter_id)
    );
    CREATE INDEX dead_letter_by_age ON dead_letter (tenant, failed_us);
    """,
    # The columns of position, in the order of arrival; numbers are given out by position_rows and never used twice, and
    # all before ``merged`` were brought to their places.
    """
    CREATE TABLE position_staged (
        staged INTEGER PRIMARY KEY,
        vehicle_key INTEGER NOT NULL,
        recorded_us INTEGER NOT NULL,
        event_hash INTEGER NOT NULL,
        lat REAL NOT NULL,
        lng REAL NOT NULL,
        received_us INTEGER,
        heading REAL,
        speed REAL,
        accuracy REAL,
        altitude REAL,
        trip_key INTEGER,
        seq INTEGER
    );
    CREATE TABLE position_rows (next INTEGER NOT NULL, merged INTEGER NOT NULL);
    INSERT INTO position_rows VALUES (1, 1);
    """,
)


def migrate(connection: sqlite3.Connection, path: str) -> None:
    """Apply the steps that the file lacks, all or none of them. Safe when several processes do it at once: one does the
    work, the others wait for it and then find nothing left to do. Raises SchemaTooNew."""
    if _version(connection) == len(STEPS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        present = _version(connection)
        if present > len(STEPS):
            raise SchemaTooNew(
                f"{path} has schema {present}, and this Trackway knows {len(STEPS)} at most; update Trackway"
            )
        for step in STEPS[present:]:
            # Not executescript: it commits what is open before it begins.
            for statement in step.split(";"):
                if statement.strip():
                    connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(STEPS)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
