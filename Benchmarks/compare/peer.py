"""Runs the statements in one peer: peer.py PEER DATABASE FOLDER RUNS INDEX…

Prints {"index", "seconds": […], "answer": […]} for each statement, after {"load": seconds} for taking the data in.
The first run of each is not counted: it warms caches.
"""
import glob
import json
import os
import sys
import time

from statements import STATEMENTS, TABLES

peer, database, folder, runs = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
wanted = [int(i) for i in sys.argv[5:]]


def parquet(name):
    return os.path.join(folder, name + ".parquet")


def duckdb():
    import duckdb

    package = os.path.dirname(duckdb.__file__)
    extension = glob.glob(package + "/../duckdb_extension_spatial/**/spatial.duckdb_extension", recursive=True)
    connection = duckdb.connect(":memory:", config={"allow_unsigned_extensions": "true", "threads": 2})
    connection.execute(f"LOAD '{extension[0]}'" if extension else "INSTALL spatial; LOAD spatial")
    for name, _, has_geometry in TABLES:
        columns = "* REPLACE (ST_GeomFromWKB(geom) AS geom)" if has_geometry else "*"
        connection.execute(f"CREATE TABLE {name} AS SELECT {columns} FROM '{parquet(name)}'")
    return lambda sql: connection.execute(sql).fetchone()


def sedonadb():
    import pyarrow
    import sedonadb

    session = sedonadb.connect()
    for name, columns, has_geometry in TABLES:
        session.read_parquet(parquet(name)).to_view(name + "_file")
        fields = ", ".join(columns) + (", ST_GeomFromWKB(geom) AS geom" if has_geometry else "")
        session.sql(f"SELECT {fields} FROM {name}_file").to_memtable().to_view(name)
    return lambda sql: tuple(column[0].as_py() for column in pyarrow.table(session.sql(sql)).columns)


def postgis():
    import psycopg
    import pyarrow
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    connection = psycopg.connect(os.environ.get("CIMQ_COMPARE_POSTGRES", "dbname=cimq_compare"), autocommit=True)
    connection.execute("CREATE EXTENSION IF NOT EXISTS postgis")
    connection.execute("SET max_parallel_workers_per_gather = 1; SET jit = off; SET work_mem = '256MB'")
    connection.execute("SET max_parallel_maintenance_workers = 1")
    kinds = {"int64": "bigint", "double": "double precision", "string": "text", "binary": "geometry"}
    for name, _, has_geometry in TABLES:
        file = pq.ParquetFile(parquet(name))
        fields = [f"{field.name} {kinds[str(field.type)]}" for field in file.schema_arrow]
        connection.execute(f"DROP TABLE IF EXISTS {name}; CREATE TABLE {name} ({', '.join(fields)})")
        with connection.cursor().copy(f"COPY {name} FROM STDIN (FORMAT csv)") as copy:
            for batch in file.iter_batches(200_000):
                columns = [
                    pyarrow.array([v and v.hex() for v in c.to_pylist()]) if pyarrow.types.is_binary(c.type) else c
                    for c in batch.columns]
                text = pyarrow.BufferOutputStream()
                csv.write_csv(
                    pyarrow.record_batch(columns, names=batch.schema.names), text,
                    csv.WriteOptions(include_header=False))
                copy.write(text.getvalue())
        if has_geometry:
            connection.execute(f"CREATE INDEX ON {name} USING gist (geom)")
        connection.execute(f"VACUUM ANALYZE {name}")
    return lambda sql: connection.execute(sql).fetchone()


started = time.perf_counter()
ask = {"duckdb": duckdb, "sedonadb": sedonadb, "postgis": postgis}[peer]()
print(json.dumps({"load": time.perf_counter() - started}), flush=True)
for index in wanted:
    seconds = []
    for _ in range(runs + 1):
        started = time.perf_counter()
        answer = ask(STATEMENTS[index][peer])
        seconds.append(time.perf_counter() - started)
        if seconds[0] > 10:
            break
    print(
        json.dumps({"index": index, "seconds": seconds[1:] or seconds, "answer": [float(v) for v in answer]}), flush=True)
