internal import CGEOS
internal import CPROJ
internal import CSimdJSON
internal import GRDB
internal import GRDBSQLite

func probe() throws -> String {
  var e: UnsafePointer<CChar>? = nil
  let p = cproj_open(&e)
  let c = p?.pointee.proj_context_create()
  let g = cgeos_open(&e)
  let h = g?.pointee.GEOS_init_r()
  let q = csimdjson_create()!
  let text = Array("{\"a\":[1,2.5,\"x\"]}".utf8)
  let r = csimdjson_parse(q, text, text.count, 0)
  let db = try DatabaseQueue()
  let v = try db.write { d in
    sqlite3_enable_load_extension(d.sqliteConnection, 1)
    var m: UnsafeMutablePointer<CChar>? = nil
    let rc = sqlite3_load_extension(d.sqliteConnection, "mod_spatialite", nil, &m)
    if rc != 0 { return "rc \(rc) " + (m.map { String(cString: $0) } ?? "") }
    return try String.fetchOne(d, sql: "select spatialite_version()") ?? "-"
  }
  return "\(p != nil) \(c != nil) \(h != nil) \(r) \(csimdjson_tape(q)[0] >> 56) \(v)"
}
public func probePublic() throws -> String { try probe() }
