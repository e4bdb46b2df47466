/// The rules that the city analyses go by, as data: four small tables in the database with a source for every row, which
/// anybody may change with any SQLite client (QGIS lists them as tables without geometry).
///
/// - `cimq_rule(name, value, unit, note, source)`: single numbers, such as the height of a floor when it is unknown.
/// - `cimq_rule_age(band, name_zh, min_age, max_age, …)`: age bands; both ends count.
/// - `cimq_rule_shelter(class, name_zh, m2_per_head, radius_m, max_days, …)`: shelter classes.
/// - `cimq_rule_threat(grade, name_zh, min_people, …)`: grades of geological hazards by the people they threaten.
///
/// New databases get them with the values below, older ones when they are opened for writing. A row that was changed stays
/// changed: only tables that are missing are made. Answers that used a rule name it (``CityRules/said(_:)``).
public struct CityRules: Sendable, Equatable {
  /// A number that an analysis uses, with its unit and where it comes from.
  public struct Number: Sendable, Equatable {
    public var name: String
    public var value: Double
    public var unit: String?
    public var note: String
    public var source: String
  }

  /// People of these ages are counted together.
  public struct AgeBand: Sendable, Equatable {
    public var band: String
    public var nameZH: String
    /// Whole years; nil for no limit. Both ends belong to the band.
    public var minAge: Int?
    public var maxAge: Int?
    public var source: String
  }

  /// A class of shelters.
  public struct ShelterClass: Sendable, Equatable {
    public var shelterClass: String
    public var nameZH: String
    public var squareMetresPerHead: Double
    public var radiusMetres: Double?
    public var maxDays: Int?
    public var source: String
  }

  /// A grade of hazards, by how many people one threatens.
  public struct ThreatGrade: Sendable, Equatable {
    public var grade: String
    public var nameZH: String
    /// From so many people on.
    public var minPeople: Int
    public var source: String
  }

  public var numbers: [Number]
  /// In the order of ages.
  public var ageBands: [AgeBand]
  public var shelterClasses: [ShelterClass]
  /// The gravest first.
  public var threatGrades: [ThreatGrade]
  /// False when the database has no tables of rules yet: these are the values that they would be made with.
  public var isStored: Bool

  /// Metres from one floor to the next where a building does not say.
  public static let floorHeight = "floor_height"

  public func number(_ name: String) -> Number? { numbers.first { $0.name == name } }

  /// "rule floor_height: 3.0 m (cimq_rule: source)", for the notices of an answer that used it.
  public func said(_ number: Number) -> String {
    "rule \(number.name): \(number.value)\(number.unit.map { " " + $0 } ?? "") (\(place("cimq_rule")): \(number.source))"
  }

  /// Which bands an answer by age used.
  public var saidAgeBands: String {
    let bands = ageBands.map { band in
      "\(band.band) \(band.minAge.map(String.init) ?? "")–\(band.maxAge.map(String.init) ?? "")"
    }
    return
      "rule age bands: \(bands.joined(separator: ", ")) (\(place("cimq_rule_age")): \(ageBands.first?.source ?? ""))"
  }

  /// The grade of a hazard that threatens so many people, or nil below all grades.
  public func threatGrade(people: Int) -> ThreatGrade? {
    threatGrades.filter { $0.minPeople <= people }.max { $0.minPeople < $1.minPeople }
  }

  private func place(_ table: String) -> String { isStored ? table : table + ", as shipped" }
}

extension CityRules {
  /// What new tables hold.
  public static let shipped = CityRules(
    numbers: [
      Number(
        name: floorHeight, value: 3.0, unit: "m", note: "floor to floor, where neither units nor roof_height say it",
        source: "project default; residential storeys are 2.8 m and more in GB 50096-2011")
    ],
    ageBands: [
      AgeBand(band: "child", nameZH: "儿童", minAge: 0, maxAge: 14, source: ageSource),
      AgeBand(band: "adult", nameZH: "成人", minAge: 15, maxAge: 59, source: ageSource),
      AgeBand(band: "older", nameZH: "老年人", minAge: 60, maxAge: 79, source: ageSource),
      AgeBand(band: "oldest", nameZH: "高龄老人", minAge: 80, maxAge: nil, source: ageSource),
    ],
    shelterClasses: [
      ShelterClass(
        shelterClass: "emergency", nameZH: "紧急避难场所", squareMetresPerHead: 0.5, radiusMetres: 500, maxDays: 1,
        source: shelterSource),
      ShelterClass(
        shelterClass: "fixed_short", nameZH: "短期固定避难场所", squareMetresPerHead: 2, radiusMetres: 1_000, maxDays: 15,
        source: shelterSource),
      ShelterClass(
        shelterClass: "fixed_medium", nameZH: "中期固定避难场所", squareMetresPerHead: 3, radiusMetres: 1_500,
        maxDays: 30, source: shelterSource),
      ShelterClass(
        shelterClass: "fixed_long", nameZH: "长期固定避难场所", squareMetresPerHead: 4.5, radiusMetres: 2_500,
        maxDays: 100, source: shelterSource),
      ShelterClass(
        shelterClass: "central", nameZH: "中心避难场所", squareMetresPerHead: 4.5, radiusMetres: 2_500, maxDays: 100,
        source: shelterSource),
    ],
    threatGrades: [
      ThreatGrade(grade: "extra_large", nameZH: "特大型", minPeople: 1_000, source: threatSource),
      ThreatGrade(grade: "large", nameZH: "大型", minPeople: 500, source: threatSource),
      ThreatGrade(grade: "medium", nameZH: "中型", minPeople: 100, source: threatSource),
      ThreatGrade(grade: "small", nameZH: "小型", minPeople: 1, source: threatSource),
    ], isStored: false)

  private static let ageSource = "age groups of the national census (0–14, 15–59, 60 and over); 80 and over apart"
  private static let shelterSource = "GB 51143-2015 as commonly quoted; not verified against the text, check before use"
  private static let threatSource = "grades of geological hazards by people to be moved (威胁人数)"
}

extension CityRules {
  /// The grade of so many people threatened; NULL where their number is unknown or below all grades.
  func threatGrade(of people: Expression) -> Expression {
    .choose(
      threatGrades.sorted { $0.minPeople > $1.minPeople }.map { grade in
        (people.compared(.greaterOrEqual, .number(Double(grade.minPeople))), .text(grade.grade))
      })
  }

  /// Which grades an answer used.
  var saidThreatGrades: String {
    let grades = threatGrades.map { "\($0.grade) from \($0.minPeople)" }.joined(separator: ", ")
    return "rule threat grades: \(grades) (\(place("cimq_rule_threat")): \(threatGrades.first?.source ?? ""))"
  }

  /// The name of the band that an age falls into; NULL where the age is unknown or in none.
  func ageBand(of age: Expression) -> Expression {
    let known = Expression(kind: .not(age.isUnknown), range: 0..<0)
    return .choose(
      ageBands.map { band in
        var tests = [known]
        if let least = band.minAge { tests.append(age.compared(.greaterOrEqual, .number(Double(least)))) }
        if let most = band.maxAge { tests.append(age.compared(.lessOrEqual, .number(Double(most)))) }
        return (tests.dropFirst().reduce(known) { .both($0, $1) }, .text(band.band))
      })
  }
}
