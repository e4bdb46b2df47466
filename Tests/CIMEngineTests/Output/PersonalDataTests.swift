import Testing

@testable import CIMEngine

@Suite("Personal data") struct PersonalDataTests {
  @Test(arguments: [
    ("张三", "张*"), ("欧阳修文", "欧*"), ("王", "*"), ("John Smith", "J*"), ("", ""), ("👩‍👧 x", "👩‍👧*"),
  ]) func names(_ name: String, _ masked: String) { #expect(PersonalData.name.masked(name) == masked) }

  @Test(arguments: [
    ("13812341234", "138****1234"), ("138 1234 1234", "138 **** 1234"), ("000-51723837", "000-****3837"),
    ("+8613812341234", "+861******1234"), ("55667788", "5*****88"), ("12345", "*"), ("", ""), ("unknown", "*"),
    ("1381234x1234", "*"), ("１３８１２３４１２３４", "*"),
  ]) func phones(_ phone: String, _ masked: String) { #expect(PersonalData.phone.masked(phone) == masked) }

  @Test func columnsOfPeopleArePersonalAndThoseOfOfficialsAreNot() {
    func kind(_ layer: String, _ column: String) -> PersonalData? {
      CitySchema.personalData(column: [column], layer: [layer])
    }
    #expect(kind("person", "name") == .name)
    #expect(kind("Person_2", "PHONE_2") == .phone)
    #expect(kind("人口", "姓名") == .name && kind("人口", "手机号") == .phone)
    #expect(kind("visitors", "身份证号") == .other)
    #expect(kind("unit", "户主") == .name)
    for layer in ["人口信息", "重点人员", "old_people", "residents_2024", "Persons"] {
      #expect(kind(layer, "姓名") == .name && kind(layer, "name") == .name && kind(layer, "xm_2") == .name, "\(layer)")
      for column in ["联系电话", "本人电话", "家属手机", "home_phone", "mobile"] {
        #expect(kind(layer, column) == .phone, "\(layer) \(column)")
      }
      #expect(kind(layer, "年龄") == nil && kind(layer, "unit") == nil)
    }
    #expect(kind("名单", "姓名") == .name && kind("list", "lxr_xm") == .name && kind("list", "name") == nil)
    for layer in ["网格员", "专家", "应急队伍", "避难场所", "grid_worker_2", "值班人员"] {
      #expect(kind(layer, "姓名") == nil && kind(layer, "联系电话") == nil, "\(layer)")
    }
    for layer in ["shelter", "warden", "grid_worker", "expert", "team", "grid3", "org", "building"] {
      #expect(kind(layer, "name") == nil && kind(layer, "phone") == nil && kind(layer, "manager") == nil)
    }
    for column in ["id", "age", "unit", "household", "mobility"] { #expect(kind("person", column) == nil) }
  }

  /// What came through the gate.
  private final class Rows: RowSink {
    var header: ResultHeader?
    var values: [[Value]] = []
    var ids: [String?] = []
    let wantsShapes = true
    func begin(_ header: ResultHeader) { self.header = header }
    func write(_ batch: RowBatch) {
      for row in 0..<batch.rowCount { values.append(batch.columns.map { $0[row] }) }
      ids += batch.ids
    }
    func end(notices: [String]) {}
  }

  @Test func everyStorageIsMasked() throws {
    let dictionary = TextDictionary(["张三", "李四"])
    let columns: [(PersonalData, Vector, [Value])] = [
      (.name, Vector(.text(["张三", ""]), validity: [true, false]), [.text("张*"), .null]),
      (.name, Vector(.dictionary([1, 0], dictionary)), [.text("李*"), .text("张*")]),
      (.phone, Vector(.int([13_812_341_234, 7])), [.text("138****1234"), .text("*")]),
      (.phone, Vector(.double([13_812_341_234, .nan])), [.text("138****1234"), .text("*")]),
      (.other, Vector(.list([[.text("张三")], []])), [.text("*"), .text("*")]),
      (.other, Vector(.null(count: 2)), [.null, .null]),
      (.number, Vector(.int([41, 13_812_341_234])), [.int(41), .null]),
      (.number, Vector(.text(["张三", "x"])), [.text("*"), .text("*")]),
    ]
    let rows = Rows()
    var sink = Disclosure.masked.guarding(rows)
    try sink.begin(
      ResultHeader(
        columns: columns.enumerated().map { ResultColumn(name: "c\($0)", type: nil, personal: $1.0) }, crs: .wgs84))
    try sink.write(RowBatch(rowCount: 2, columns: columns.map(\.1)))
    try sink.end(notices: [])
    for (i, column) in columns.enumerated() {
      #expect(rows.values.map { $0[i] } == column.2, "column \(i)")
    }
    #expect(rows.header?.columns.allSatisfy { $0.personal == nil } == true)
  }

  @Test func whatIsCalledIDIsMaskedAsOneToo() throws {
    let rows = Rows()
    var sink = Disclosure.masked.guarding(rows)
    try sink.begin(ResultHeader(columns: [ResultColumn(name: "id", type: .text, personal: .name)], crs: .wgs84))
    try sink.write(RowBatch(rowCount: 1, columns: [Vector(.text(["张三"]))], shapes: [nil], ids: ["张三"]))
    #expect(rows.ids == ["张*"])
  }

  @Test func nothingLeavesWhenItCannotBeNoted() {
    let rows = Rows()
    var sink = Disclosure.noted { _ in throw StoreError(.file, "cannot be written") }.guarding(rows)
    #expect(throws: StoreError.self) {
      try sink.begin(ResultHeader(columns: [ResultColumn(name: "name", type: .text, personal: .name)], crs: .wgs84))
    }
    #expect(rows.header == nil)
  }
}
