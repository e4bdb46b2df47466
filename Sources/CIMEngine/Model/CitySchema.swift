/// What cimq knows of a city before it has seen any data: the layers and columns that ship, their units, closed lists
/// of values and Chinese names.
///
/// The store writes what applies into the catalogue when a layer is made; nothing below the loaders reads it after
/// that, so a database may hold any other layer with any other columns.
public enum CitySchema {
  /// A layer as shipped. `geometry` is what it usually has; a source decides.
  public struct Layer: Sendable {
    public var name: String
    public var aliases: [String]
    public var columns: [Catalog.Column]
    /// Points of this layer carry heights (XYZ in the store).
    public var hasZ: Bool
  }

  /// Columns that mean the same in every layer. A layer's own entry of that name wins.
  public static let commonColumns: [Catalog.Column] = [
    text("id", "编号", "标识"), text("name", "名称", "名字"), text("code", "代码", "编码"),
    text("phone", "电话", "联系电话"), text("address", "地址"), text("district", "区县代码"),
    text("grid1", "所属一级网格"), text("grid2", "所属二级网格"), text("grid3", "所属网格", "所属三级网格"),
    text("parent", "上级"), text("manager", "负责人", "管理员"), text("kind", "类型", "种类"),
    text("status", "状态"), text("level", "级别", "等级"), text("class", "类别", "分类"),
    text("building", "所属建筑"), text("unit", "所属房屋"), text("household", "家庭户", "户号"),
    text("duty", "职责", "岗位"), text("use", "用途"), text("geom", "几何", "图形"),
    double("height", "m", "高度", "建筑高度"), double("ground_z", "m", "地面高程"),
    int("floors", "层数", "楼层数"), int("floors_below", "地下层数"), int("capacity", "容量", "容纳人数"),
    double("area", "m2", "面积"), double("width", "m", "宽度"), double("length", "m", "长度"),
    double("distance", "m", "距离值"), timestamp("updated", "更新时间"), timestamp("as_of", "截至时间"),
    timestamp("time", "时间"),
  ]

  /// Every shipped layer, in the order in which they are shown.
  public static let layers: [Layer] = [
    Layer("district", ["行政区", "区县"], [text("code", "区划代码", "代码", "编码")]),
    Layer(
      "grid1", ["一级网格"],
      [text("code", "网格编码", "代码", "编码"), text("parent", "上级", "上级行政区"), text("manager", "网格长", "负责人")]),
    Layer(
      "grid2", ["二级网格"],
      [text("code", "网格编码", "代码", "编码"), text("parent", "上级", "上级网格"), text("manager", "网格长", "负责人")]),
    Layer(
      "grid3", ["三级网格", "网格"],
      [text("code", "网格编码", "代码", "编码"), text("parent", "上级", "上级网格"), text("manager", "网格长", "负责人")]),
    Layer(
      "building", ["建筑", "建筑物", "楼栋"],
      [
        double("height", "m", "高度", "建筑高度", "楼高"), double("ground_z", "m", "地面高程"),
        double("roof_height", "m", "檐口高度", "屋檐高度"), double("volume", "m3", "体积"),
        double("area", "m2", "面积", "占地面积"), int("floors", "层数", "楼层数"), int("floors_below", "地下层数"),
        text(
          "use", "用途", "建筑用途",
          values: [
            ("residential", ["住宅", "居住"]), ("mixed", ["商住混合", "综合"]), ("commercial", ["商业"]), ("office", ["办公"]),
            ("industrial", ["工业"]), ("education", ["教育"]), ("medical", ["医疗"]), ("public", ["公共服务", "公共"]),
          ]), int("year_built", "建成年份", "建造年份"), text("address", "地址"),
        text("grid3", "所属网格", "所属三级网格"),
      ]),
    Layer("building_part", ["建筑部件", "建筑组成部分"], [text("parent", "所属建筑", "上级")]),
    Layer(
      "unit", ["房屋", "房间", "户室"],
      [
        text("building", "所属建筑", "楼栋编号"), int("floor", "楼层", "所在楼层"), text("room", "房号", "门牌号"),
        double("z_min", "m", "底面高程", "最低高程"), double("z_max", "m", "顶面高程", "最高高程"),
        double("area", "m2", "面积", "建筑面积"), text("grid3", "所属网格", "所属三级网格"),
        text("link_method", "匹配方式"), double("link_distance", "m", "匹配距离"),
      ], hasZ: true),
    Layer(
      "person", ["人口", "人员", "居民"],
      [
        text("name", "姓名", "名称", "名字"), text("unit", "所属房屋", "住房"), text("household", "家庭户", "户号"),
        int("age", "年龄"),
        text(
          "mobility", "行动能力",
          values: [
            ("normal", ["行动正常", "正常"]), ("slow", ["行动缓慢", "行动不便"]), ("wheelchair", ["轮椅", "使用轮椅"]),
            ("bedridden", ["卧床"]),
            ("infant", ["婴幼儿", "婴儿"]),
          ]), text("phone", "电话", "联系电话", "手机"),
      ]),
    Layer(
      "org", ["单位", "机构", "法人单位"],
      [text("kind", "类型", "单位类型"), text("unit", "所属房屋"), text("grid3", "所属网格", "所属三级网格")]),
    Layer(
      "grid_worker", ["网格员"],
      [text("name", "姓名", "名称", "名字"), text("grid3", "所属网格", "负责网格"), text("duty", "职责", "岗位")]),
    Layer(
      "warden", ["防汛责任人", "责任人"],
      [text("name", "姓名", "名称", "名字"), text("grid3", "所属网格", "负责网格"), text("duty", "职责", "岗位")]),
    Layer(
      "expert", ["应急专家", "专家"],
      [text("name", "姓名", "名称", "名字"), text("duty", "职责", "岗位"), text("field", "专业", "专业领域")]),
    Layer(
      "shelter", ["避难场所", "避难所", "应急避难场所"],
      [
        text(
          "class", "类别", "分类",
          values: [
            ("emergency", ["紧急避难场所", "紧急"]), ("fixed_short", ["短期固定避难场所", "短期固定"]),
            ("fixed_medium", ["中期固定避难场所", "中期固定"]),
            ("central", ["中心避难场所", "中心"]),
          ]), int("capacity", "容量", "容纳人数"), int("occupied", "已占用", "已安置人数", "已住人数"),
        text(
          "status", "状态", "开放状态",
          values: [("open", ["开放", "开启", "启用"]), ("full", ["已满", "满员"]), ("closed", ["关闭", "停用"])]),
        timestamp("as_of", "截至时间", "更新时间"),
      ]),
    Layer(
      "hazard", ["隐患点", "地质灾害隐患点", "地灾点"],
      [
        text(
          "kind", "类型", "灾害类型",
          values: [
            ("滑坡", ["landslide"]), ("崩塌", ["rockfall"]), ("泥石流", ["debris_flow", "debris flow"]),
            ("地面塌陷", ["ground_collapse", "ground collapse"]), ("地裂缝", ["ground_fissure", "ground fissure"]),
            ("地面沉降", ["subsidence"]),
          ]),
        int("threat_people", "威胁人数", "受威胁人数"),
        text(
          "status", "状态",
          values: [("monitored", ["监测中", "在测"]), ("treated", ["已治理", "治理"]), ("alert", ["预警中", "告警"])]),
      ]),
    Layer("warehouse", ["防汛仓库", "仓库", "物资仓库"], [int("stock", "库存", "物资数量")]),
    Layer("team", ["救援队伍", "救援队", "队伍"], [int("members", "人数", "队员数")]),
    Layer(
      "flood", ["淹没区", "淹没范围"],
      [
        text(
          "scenario", "情景", "淹没情景",
          values: [
            ("720", ["7·20特大暴雨", "七二〇"]), ("10y", ["十年一遇", "10年一遇"]), ("20y", ["二十年一遇", "20年一遇"]),
            ("50y", ["五十年一遇", "50年一遇"]), ("100y", ["百年一遇", "100年一遇"]), ("200y", ["二百年一遇", "200年一遇"]),
          ]), double("water_z", "m", "水位", "水面高程"),
        timestamp("valid_from", "生效时间", "起始时间"),
      ]),
    Layer(
      "warning", ["预警", "预警信息"],
      [
        text("kind", "类型", "预警类型"),
        text(
          "level", "级别", "预警级别", "等级",
          values: [
            ("blue", ["蓝色", "蓝色预警"]), ("yellow", ["黄色", "黄色预警"]), ("orange", ["橙色", "橙色预警"]), ("red", ["红色", "红色预警"]),
          ]), text("status", "状态", values: [("active", ["生效中", "生效"]), ("lifted", ["已解除", "解除"])]),
      ]),
    Layer(
      "event", ["事件", "突发事件"],
      [
        text("kind", "类型", "事件类型"), int("level", "级别", "事件级别", "等级"),
        text(
          "status", "状态",
          values: [("reported", ["已上报", "上报"]), ("handling", ["处置中", "处理中"]), ("closed", ["已办结", "办结"])]),
      ]),
    Layer(
      "plan", ["预案", "应急预案"],
      [
        text("kind", "类型", "预案类型"), int("level", "级别", "响应级别", "等级"),
        text("status", "状态", values: [("in_force", ["现行", "有效"]), ("draft", ["草案", "拟订"])]),
      ]),
    Layer(
      "sensor", ["感知设备", "传感器"],
      [
        text(
          "kind", "类型", "设备类型",
          values: [
            ("water_level", ["水位计", "水位监测"]), ("rain", ["雨量计", "雨量监测"]), ("ponding", ["积水监测", "积水计"]),
            ("tilt", ["倾斜仪", "倾斜监测"]),
          ]), double("value", nil, "读数", "监测值"), timestamp("updated", "更新时间"),
      ], hasZ: true),
    Layer(
      "camera", ["视频监控", "摄像头"],
      [
        text(
          "kind", "类型", "设备类型",
          values: [("road", ["道路监控", "道路"]), ("river", ["河道监控", "河道"]), ("public", ["公共区域监控", "公共区域"])]),
        timestamp("updated", "更新时间"),
      ], hasZ: true),
    Layer(
      "road", ["道路", "路网"],
      [
        text(
          "class", "等级", "道路等级",
          values: [("arterial", ["主干路", "主干道"]), ("secondary", ["次干路", "次干道"]), ("local", ["支路"])]),
        double("width", "m", "宽度", "路宽"),
      ]),
    Layer(
      "river", ["河流", "水系"],
      [
        text("class", "等级", "河流等级", values: [("main", ["干流"]), ("tributary", ["支流"])]),
        double("width", "m", "宽度", "河宽"),
      ]),
  ]

  /// How the shipped layers hang together. Those apply whose layers and column exist.
  public static let links: [Catalog.Link] = [
    link("grid1", "parent", "district", "code"), link("grid2", "parent", "grid1", "code"),
    link("grid3", "parent", "grid2", "code"), link("building", "grid3", "grid3", "code"),
    link("building_part", "parent", "building", "id"), link("unit", "building", "building", "id"),
    link("unit", "grid3", "grid3", "code"), link("person", "unit", "unit", "fid"), link("org", "unit", "unit", "id"),
    link("org", "building", "building", "id"), link("org", "grid3", "grid3", "code"),
    link("grid_worker", "grid3", "grid3", "code"), link("warden", "grid3", "grid3", "code"),
    link("expert", "grid3", "grid3", "code"), link("sensor", "grid3", "grid3", "code"),
    link("camera", "grid3", "grid3", "code"), link("event", "grid3", "grid3", "code"),
    link("shelter", "grid3", "grid3", "code"), link("hazard", "grid3", "grid3", "code"),
  ]

  /// The shipped layer of that name, case-insensitively.
  public static func layer(_ name: String) -> Layer? {
    let name = name.lowercased()
    return layers.first { $0.name == name }
  }

  /// What is known of a column: by the layer's own entry, else by the entry common to all layers, else nil.
  public static func column(_ name: String, of layer: String) -> Catalog.Column? {
    let name = name.lowercased()
    if let own = self.layer(layer)?.columns.first(where: { $0.name == name }) { return own }
    return commonColumns.first { $0.name == name }
  }

  /// Whether a shipped layer has that column for numbers: then a text in it is a mistake, not another type.
  public static func fixesType(of column: String, in layer: String) -> Bool {
    let name = column.lowercased()
    let known = self.layer(layer)?.columns.first { $0.name == name }
    return known.map { $0.type == .int || $0.type == .double } ?? false
  }

  /// `column` with the unit, values and names that the schema knows for it; its own type stays.
  public static func described(_ column: Catalog.Column, of layer: String) -> Catalog.Column {
    guard let known = self.column(column.name, of: layer) else { return column }
    var column = column
    if column.unit == nil, column.type == .double || column.type == .int { column.unit = known.unit }
    if column.aliases.isEmpty { column.aliases = known.aliases }
    if column.enumeration == nil, column.type == .text {
      column.enumeration = known.enumeration
      column.valueAliases = known.valueAliases
    }
    return column
  }

  private static func text(
    _ name: String, _ aliases: String..., values: [(value: String, aliases: [String])] = []
  ) -> Catalog.Column {
    var others: [String: String] = [:]
    for entry in values { for alias in entry.aliases { others[alias] = entry.value } }
    var column = Catalog.Column(
      name: name, type: .text, enumeration: values.isEmpty ? nil : values.map(\.value), aliases: aliases,
      valueAliases: others)
    for entry in values {
      column.valueNames[entry.value] = entry.aliases.first { $0.unicodeScalars.contains(where: \.isCJK) }
    }
    return column
  }
  private static func int(_ name: String, _ aliases: String...) -> Catalog.Column {
    Catalog.Column(name: name, type: .int, aliases: aliases)
  }
  private static func double(_ name: String, _ unit: String?, _ aliases: String...) -> Catalog.Column {
    Catalog.Column(name: name, type: .double, unit: unit, aliases: aliases)
  }
  private static func timestamp(_ name: String, _ aliases: String...) -> Catalog.Column {
    Catalog.Column(name: name, type: .timestamp, aliases: aliases)
  }
  private static func link(
    _ layer: String, _ column: String, _ targetLayer: String, _ targetColumn: String
  ) -> Catalog.Link {
    Catalog.Link(layer: layer, column: column, targetLayer: targetLayer, targetColumn: targetColumn)
  }
}

extension CitySchema.Layer {
  init(_ name: String, _ aliases: [String], _ columns: [Catalog.Column], hasZ: Bool = false) {
    self.init(name: name, aliases: aliases, columns: columns, hasZ: hasZ)
  }
}
