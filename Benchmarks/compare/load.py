"""Copies the tables that are compared from a cimq database to Parquet files, geometries as WKB.

usage: load.py DATABASE FOLDER        (needs pyarrow)
"""
import os
import sqlite3
import sys

import pyarrow as pa
import pyarrow.parquet as pq

from geometry import wkb
from statements import TABLES

database, folder = sys.argv[1:3]
os.makedirs(folder, exist_ok=True)
connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
for name, columns, has_geometry in TABLES:
    path = os.path.join(folder, name + ".parquet")
    if os.path.exists(path) and os.path.getmtime(path) > os.path.getmtime(database):
        continue
    fields = columns + (["geom"] if has_geometry else [])
    rows = connection.execute(f"SELECT {', '.join(fields)} FROM {name}")
    writer = None
    while batch := rows.fetchmany(200_000):
        values = list(zip(*batch))
        arrays = [pa.array(values[i]) for i in range(len(columns))]
        if has_geometry:
            arrays.append(pa.array([wkb(blob) for blob in values[-1]], pa.binary()))
        table = pa.table(dict(zip(fields, arrays)))
        if writer is None:
            writer = pq.ParquetWriter(path + ".new", table.schema)
        writer.write_table(table.cast(writer.schema))
    writer.close()
    os.rename(path + ".new", path)
    print(f"{name}: {os.path.getsize(path) >> 20} MB", file=sys.stderr)
