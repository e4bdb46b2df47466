extension CityRules {
  /// Each table with the statement that makes it.
  private static let tables: [(name: String, sql: String)] = [
    (
      "cimq_rule",
      """
      CREATE TABLE cimq_rule (fid INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, value DOUBLE NOT NULL, unit TEXT,
        note TEXT, source TEXT NOT NULL)
      """
    ),
    (
      "cimq_rule_age",
      """
      CREATE TABLE cimq_rule_age (fid INTEGER PRIMARY KEY, band TEXT NOT NULL UNIQUE, name_zh TEXT, min_age INTEGER,
        max_age INTEGER, source TEXT NOT NULL)
      """
    ),
    (
      "cimq_rule_shelter",
      """
      CREATE TABLE cimq_rule_shelter (fid INTEGER PRIMARY KEY, class TEXT NOT NULL UNIQUE, name_zh TEXT,
        m2_per_head DOUBLE NOT NULL, radius_m DOUBLE, max_days INTEGER, source TEXT NOT NULL)
      """
    ),
    (
      "cimq_rule_threat",
      """
      CREATE TABLE cimq_rule_threat (fid INTEGER PRIMARY KEY, grade TEXT NOT NULL UNIQUE, name_zh TEXT,
        min_people INTEGER NOT NULL, source TEXT NOT NULL)
      """
    ),
  ]

  /// Makes the tables that are missing, with the shipped rows, inside the caller's transaction.
  ///
  /// - Returns: whether any was made, so that the schema changed.
  static func ensure(in connection: SQLConnection) throws(StoreError) -> Bool {
    var isChanged = false
    for table in tables where try !has(table.name, in: connection) {
      isChanged = true
      try connection.execute(table.sql)
      try fill(table.name, in: connection)
    }
    return isChanged
  }

  private static func has(_ table: String, in connection: SQLConnection) throws(StoreError) -> Bool {
    let find = try connection.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").bind(1, table)
    return try find.step()
  }

  private static func fill(_ table: String, in connection: SQLConnection) throws(StoreError) {
    func bind(_ value: Int?, _ at: Int, _ statement: SQLStatement) {
      if let value { statement.bind(at, Int64(value)) } else { statement.bindNull(at) }
    }
    switch table {
    case "cimq_rule":
      let insert = try connection.prepare(
        "INSERT INTO cimq_rule (name, value, unit, note, source) VALUES (?, ?, ?, ?, ?)")
      for rule in shipped.numbers {
        try insert.bind(1, rule.name).bind(2, rule.value).bind(3, rule.unit).bind(4, rule.note).bind(5, rule.source)
          .run()
      }
    case "cimq_rule_age":
      let insert = try connection.prepare(
        "INSERT INTO cimq_rule_age (band, name_zh, min_age, max_age, source) VALUES (?, ?, ?, ?, ?)")
      for rule in shipped.ageBands {
        bind(rule.minAge, 3, insert)
        bind(rule.maxAge, 4, insert)
        try insert.bind(1, rule.band).bind(2, rule.nameZH).bind(5, rule.source).run()
      }
    case "cimq_rule_shelter":
      let insert = try connection.prepare(
        """
        INSERT INTO cimq_rule_shelter (class, name_zh, m2_per_head, radius_m, max_days, source)
        VALUES (?, ?, ?, ?, ?, ?)
        """)
      for rule in shipped.shelterClasses {
        if let radius = rule.radiusMetres { insert.bind(4, radius) } else { insert.bindNull(4) }
        bind(rule.maxDays, 5, insert)
        try insert.bind(1, rule.shelterClass).bind(2, rule.nameZH).bind(3, rule.squareMetresPerHead)
          .bind(6, rule.source).run()
      }
    default:
      let insert = try connection.prepare(
        "INSERT INTO cimq_rule_threat (grade, name_zh, min_people, source) VALUES (?, ?, ?, ?)")
      for rule in shipped.threatGrades {
        try insert.bind(1, rule.grade).bind(2, rule.nameZH).bind(3, Int64(rule.minPeople)).bind(4, rule.source).run()
      }
    }
  }

  /// The rules of a database; the shipped ones where it has none yet.
  static func read(in connection: SQLConnection) throws(StoreError) -> CityRules {
    var rules = shipped
    for table in tables where try !has(table.name, in: connection) { return rules }
    rules = CityRules(numbers: [], ageBands: [], shelterClasses: [], threatGrades: [], isStored: true)
    let numbers = try connection.prepare("SELECT name, value, unit, note, source FROM cimq_rule ORDER BY fid")
    while try numbers.step() {
      rules.numbers.append(
        Number(
          name: numbers.text(0), value: numbers.double(1), unit: numbers.optionalText(2), note: numbers.text(3),
          source: numbers.text(4)))
    }
    let ages = try connection.prepare(
      "SELECT band, name_zh, min_age, max_age, source FROM cimq_rule_age ORDER BY min_age, fid")
    while try ages.step() {
      rules.ageBands.append(
        AgeBand(
          band: ages.text(0), nameZH: ages.text(1), minAge: ages.isNull(2) ? nil : Int(ages.int64(2)),
          maxAge: ages.isNull(3) ? nil : Int(ages.int64(3)), source: ages.text(4)))
    }
    let classes = try connection.prepare(
      "SELECT class, name_zh, m2_per_head, radius_m, max_days, source FROM cimq_rule_shelter ORDER BY fid")
    while try classes.step() {
      rules.shelterClasses.append(
        ShelterClass(
          shelterClass: classes.text(0), nameZH: classes.text(1), squareMetresPerHead: classes.double(2),
          radiusMetres: classes.optionalDouble(3), maxDays: classes.isNull(4) ? nil : Int(classes.int64(4)),
          source: classes.text(5)))
    }
    let grades = try connection.prepare(
      "SELECT grade, name_zh, min_people, source FROM cimq_rule_threat ORDER BY min_people DESC, fid")
    while try grades.step() {
      rules.threatGrades.append(
        ThreatGrade(
          grade: grades.text(0), nameZH: grades.text(1), minPeople: Int(grades.int64(2)), source: grades.text(3)))
    }
    return rules
  }
}

extension Store {
  /// The rules of this database, read anew each time: anybody may change them.
  public func rules() throws(StoreError) -> CityRules { try read { try CityRules.read(in: $0.connection) } }
}
