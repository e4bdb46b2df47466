/// What a value tells of a person, and so how it is masked where it leaves a terminal.
///
/// Names and phones of people are personal; phones of officials, shelters and teams are there to be called and are not.
/// Masking keeps files from telling by accident who lives where. It is no wall: whoever may ask questions can ask for
/// the people of a certain name.
public enum PersonalData: Sendable, Equatable {
  /// `张三` is shown as `张*`.
  case name
  /// `13812341234` is shown as `138****1234`.
  case phone
  /// Made of personal values (`UPPER(name)`), or a number of identity: shown as `*`.
  case other
  /// A number of a statement of raw SQL that reads personal columns: from seven digits on it may be a phone, and is
  /// left out.
  case number

  /// `text` as it may leave.
  public func masked(_ text: String) -> String {
    if text.isEmpty { return text }
    switch self {
    case .other, .number: return "*"
    case .name:
      let first = text[..<text.index(after: text.startIndex)]
      return first.count == text.count ? "*" : first + "*"
    case .phone: return Self.maskedPhone(text)
    }
  }

  /// Keeps the first three and the last four of eleven digits, fewer of a shorter number, and what stands between digits.
  private static func maskedPhone(_ text: String) -> String {
    let digits = text.utf8.reduce(0) { $0 + (isDigit($1) ? 1 : 0) }
    let others = text.unicodeScalars.contains { $0.value > 0x7F || $0.properties.isAlphabetic }
    guard digits >= 7, !others else { return "*" }
    let (head, tail) = digits >= 11 ? (3, 4) : (1, 2)
    var seen = 0
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      guard scalar.value < 0x80, isDigit(UInt8(scalar.value)) else {
        result.unicodeScalars.append(scalar)
        continue
      }
      result.unicodeScalars.append(seen < head || seen >= digits - tail ? scalar : "*")
      seen += 1
    }
    return result
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
}

extension CitySchema {
  /// What the names of layers of people have in them, in lower case.
  private static let partsOfPeople = [
    "person", "people", "resident", "citizen", "inhabitant", "人口", "人员", "居民", "住户", "人群", "老人",
  ]
  /// What the names of layers of those have in them who are there to be called, and their words in English.
  private static let partsOfOfficials = [
    "网格员", "楼长", "楼栋长", "干部", "专家", "队伍", "机构", "单位", "避难", "工作人员", "值班", "应急人员", "救援人员",
    "管理人员", "责任人",
  ]
  private static let wordsOfOfficials: Set<String> = [
    "worker", "workers", "warden", "wardens", "expert", "experts", "team", "teams", "shelter", "shelters", "org",
    "orgs", "organization", "organizations", "official", "officials", "staff",
  ]
  private static let namesOfPeople: Set<String> = [
    "name", "full_name", "fullname", "first_name", "last_name", "given_name", "family_name", "surname", "name_en",
    "姓名", "名字", "名称", "曾用名", "xm",
  ]
  private static let phones: Set<String> = [
    "phone", "mobile", "tel", "telephone", "phone_number", "mobile_phone", "cell", "cellphone", "contact_phone",
    "电话", "联系电话", "联系方式", "手机", "手机号", "手机号码", "电话号码", "lxdh",
  ]
  private static let endsOfPhones = ["电话", "手机", "手机号", "手机号码", "电话号码", "联系方式", "phone", "mobile"]
  /// Columns that are of a person in whatever layer they stand.
  private static let alwaysPersonal: [String: PersonalData] = [
    "户主": .name, "户主姓名": .name, "业主": .name, "业主姓名": .name, "房主": .name, "房主姓名": .name,
    "householder": .name, "owner_name": .name, "户主电话": .phone, "业主电话": .phone, "房主电话": .phone,
    "owner_phone": .phone, "本人电话": .phone, "本人手机": .phone, "身份证": .other, "身份证号": .other, "身份证号码": .other,
    "公民身份号码": .other,
    "证件号码": .other, "id_card": .other, "idcard": .other, "identity_card": .other, "sfzh": .other,
  ]

  /// What a column tells of a person, by the names (and other names) of the layer and of the column; nil for the rest.
  ///
  /// 姓名 is of a person in every layer but those of officials; other names and phones are in layers that have people
  /// in their name (`重点人员`, `old_people`). A name that an import made unique (`phone_2`) counts as what it was.
  static func personalData(column: [String], layer: [String]) -> PersonalData? {
    let column = column.map { plain($0) }
    if let known = column.lazy.compactMap({ alwaysPersonal[$0] }).first { return known }
    let layer = layer.map { $0.lowercased() }
    if layer.contains(where: { isOfOfficials($0) }) { return nil }
    if column.contains(where: { $0.hasSuffix("姓名") || $0 == "xm" || $0.hasSuffix("_xm") }) { return .name }
    guard layer.contains(where: { name in partsOfPeople.contains { name.contains($0) } }) else { return nil }
    if column.contains(where: { name in phones.contains(name) || endsOfPhones.contains { name.hasSuffix($0) } }) {
      return .phone
    }
    return column.contains(where: namesOfPeople.contains) ? .name : nil
  }

  private static func isOfOfficials(_ layer: String) -> Bool {
    partsOfOfficials.contains { layer.contains($0) }
      || layer.split(whereSeparator: { !$0.isLetter }).contains { wordsOfOfficials.contains(String($0)) }
  }

  private static func plain(_ name: String) -> String {
    let lower = name.lowercased()
    guard let bar = lower.lastIndex(of: "_") else { return lower }
    let number = lower[lower.index(after: bar)...]
    return !number.isEmpty && number.allSatisfy(\.isWholeNumber) ? String(lower[..<bar]) : lower
  }
}

extension ImportReport.Layer {
  /// What a column of the layer tells of a person; nil for the rest.
  package func personalData(of column: Catalog.Column) -> PersonalData? {
    CitySchema.personalData(
      column: [column.name] + column.aliases, layer: [name] + (CitySchema.layer(name)?.aliases ?? []))
  }
}

extension Catalog.Column {
  /// What the column tells of a person where it stands in that layer; nil for the rest.
  package func personalData(in layer: Catalog.Layer) -> PersonalData? {
    CitySchema.personalData(column: [name] + aliases, layer: [layer.name] + layer.aliases)
  }
}

extension Catalog {
  /// What a column of the layer tells of a person; nil for the rest.
  package func personalData(column: Int, of layer: Int) -> PersonalData? {
    layers[layer].columns[column].personalData(in: layers[layer])
  }
}
