"""One of QGIS's ways into a database of cimq, beside what cimq answers: scripts/check-qgis runs it.

usage: qgis.py CIMQ DATABASE spatialite|ogr    (the database is edited: give a copy)
"""
import json, os, sqlite3, subprocess, sys

from qgis.core import Qgis, QgsApplication, QgsDataSourceUri, QgsFeatureRequest, QgsGeometry, QgsVectorLayer, QgsWkbTypes

cimq, path, provider = sys.argv[1:4]


def query(text):
    done = subprocess.run([cimq, "query", path, text, "--format", "json"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def count(layer):
    return query(f'COUNT "{layer}"')[0]["count"]


application = QgsApplication([], False)
application.initQgis()
failures = []


def expect(what, is_so, detail=""):
    if not is_so:
        failures.append(what)
        print(f"NOT {what} {detail}", file=sys.stderr)


def open_layer(name, geometry, provider):
    if provider == "ogr":
        return QgsVectorLayer(f"{path}|layername={name}", name, "ogr")
    uri = QgsDataSourceUri()
    uri.setDatabase(path)
    uri.setDataSource("", name, geometry or "")
    return QgsVectorLayer(uri.uri(), name, "spatialite")


database = sqlite3.connect(path)
shapes = {
    name: (column, kind % 1000, srid)
    for name, column, kind, srid in database.execute("SELECT f_table_name, f_geometry_column, geometry_type, srid FROM geometry_columns")
}
tables = [name for name, in database.execute("SELECT name FROM cimq_layer ORDER BY position")] if database.execute(
    "SELECT 1 FROM pragma_table_info('cimq_layer') WHERE name = 'position'").fetchone() else sorted(shapes)
tables = [name for name in tables if not name.endswith("_geometry")]
database.close()
rows = texts = edits = opened = 0
counts = {name: count(name) for name in tables}
names = {}
for name in tables:
    if any(column["name"] == "name" for column in query(f'FIND "{name}" LIMIT 1')[:1] for column in [{"name": key} for key in column]):
        names[name] = {row["id"]: row["name"] for row in query(f'FIND "{name}" RETURN id, name LIMIT 2000')}
for name in tables:
    column, kind, srid = shapes.get(name, (None, 0, None))
    for provider in [provider]:
        layer = open_layer(name, column, provider)
        if column is None and provider == "spatialite":
            continue
        expect(f"{name} ({provider}) opens", layer.isValid(), layer.error().message())
        if not layer.isValid():
            continue
        opened += 1
        wanted = counts[name]
        found = sum(1 for _ in layer.getFeatures())
        expect(f"{name} ({provider}): {wanted} rows", found == wanted, f"QGIS has {found}")
        rows += found
        # Of a layer of any geometry QGIS's own provider knows neither CRS nor extent; the other does.
        if column is None or (kind == 0 and provider == "spatialite"):
            continue
        expect(f"{name} ({provider}): EPSG:{srid}", layer.crs().authid() == f"EPSG:{srid}", layer.crs().authid())
        if kind:
            flat = QgsWkbTypes.flatType(layer.wkbType())
            expect(f"{name} ({provider}): geometry type {kind}", int(flat) == kind, QgsWkbTypes.displayString(layer.wkbType()))
        box = None
        for feature in layer.getFeatures():
            if feature.hasGeometry() and not feature.geometry().isEmpty():
                if box is None:
                    box = feature.geometry().boundingBox()
                else:
                    box.combineExtentWith(feature.geometry().boundingBox())
        if box is not None:
            extent = layer.extent()
            near = all(abs(a - b) < 0.5 for a, b in zip(
                (box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()),
                (extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum())))
            expect(f"{name} ({provider}): the extent is that of its geometries", near, extent.toString())
    # Texts, row by row.
    if name not in names or (column is None and provider == "spatialite"):
        continue
    request = QgsFeatureRequest().setFlags(QgsFeatureRequest.NoGeometry)
    for feature in open_layer(name, column, provider).getFeatures(request):
        if feature["id"] in names[name]:
            value = feature["name"] if isinstance(feature["name"], str) else None
            expect(f"{name} '{feature['id']}': name", value == names[name][feature["id"]], f"{value!r}")
            texts += 1

# An edit as a user makes it: attribute, new row, moved geometry, deleted row; each seen by the next query.
name = "shelter" if "shelter" in shapes else next((n for n in tables if n in shapes and shapes[n][1] == 1), None)
if name and provider == "spatialite":
    layer = open_layer(name, shapes[name][0], provider)
    before = counts[name]
    features = list(layer.getFeatures())
    first, second = features[0], features[1]
    expect("an edit can begin", layer.startEditing())
    layer.changeAttributeValue(first.id(), layer.fields().indexOf("name"), "改名—𠮷祥避难所")
    moved = QgsGeometry(second.geometry())
    moved.translate(123.25, -77.5)
    layer.changeGeometry(second.id(), moved)
    layer.deleteFeature(features[2].id())
    expect("the edit is committed", layer.commitChanges(), str(layer.commitErrors()))
    renamed = query(f"FIND {name} WHERE id = '{first['id']}' RETURN name")
    expect("a name changed in QGIS is seen", renamed == [{"name": "改名—𠮷祥避难所"}], str(renamed))
    expect("a row deleted in QGIS is gone", count(name) == before - 1)
    x, y = moved.centroid().asPoint().x(), moved.centroid().asPoint().y()
    near = query(f"FIND {name} NEAREST 1 TO POINT({x!r} {y!r}) IN EPSG:{shapes[name][2]} RETURN id, distance")
    expect("a geometry moved in QGIS is found there", near and near[0]["id"] == second["id"] and near[0]["distance"] < 0.01, str(near))
    edits = 3
    check = subprocess.run([cimq, "check", path], capture_output=True, text=True)
    expect("cimq check passes", check.returncode == 0, check.stdout + check.stderr)

print(f"QGIS {Qgis.QGIS_VERSION}, provider {provider}: {opened} layers of {len(tables)} opened, {rows} rows, {texts} names compared, "
      f"{edits} edits; {len(failures)} differences")
sys.stdout.flush()
# Without QGIS's own tidying up, which crashes in some versions once layers have been edited.
os._exit(1 if failures else 0)
