/// The words of the language, each with its Chinese spellings: what the parser matches, what runs of Chinese
/// characters are divided by, and what `.help 中文` and completion show.
///
/// No keyword is reserved but CQL2's own operators (``reserved``): whether a word is a keyword or a name is a
/// matter of its place.
package enum Keyword: Int, CaseIterable, Sendable {
  case explain, analyze, find, select, count, `let`, expose, allocate, link, brief, insertInto, update, deleteFrom
  case from, `as`, `where`, join, leftJoin, innerJoin, leftOuterJoin, on, nearest, withTies, to, within, beyond, of
  case inside, intersects, touches, contains, in3D, visibleFrom, byRoad, avoiding, onFloor, belowElevation,
    aboveElevation
  case `return`, distinct, groupBy, having, orderBy, ascending, descending, nullsFirst, nullsLast, limit, offset
  case naturalDistance, naturalFrom, naturalIn, naturalInside, naturalWithin, naturalBeyond, particle, measure
  case level, byFloor, tolerance, capacity, demand, max, keep, together, byInside, dryRun, radius
  case values, set, all, exportTo, format, crs, precision
  case and, or, not, like, between, `in`, `is`, isNull, isNotNull, null, `true`, `false`, div
  case `case`, when, then, `else`, end
  case date, timestamp, interval, at, bbox, circle, file, empty
  case point, lineString, polygon, multiPoint, multiLineString, multiPolygon, geometryCollection
  case begin, commit, rollback
}

/// Keywords, functions and units of the language, in English and Chinese.
package enum Words {
  package struct Entry: Sendable {
    package var keyword: Keyword
    /// The English spelling, words divided by a space; "" for a word of the natural Chinese order only.
    package var english: String
    /// The first is the one shown.
    package var chinese: [String]
  }

  /// In the order of ``Keyword``.
  package static let table: [Entry] = [
    Entry(.explain, "EXPLAIN", "解释"),
    Entry(.analyze, "ANALYZE", "分析"),
    Entry(.find, "FIND", "查找"),
    Entry(.select, "SELECT", "选择"),
    Entry(.count, "COUNT", "统计"),
    Entry(.let, "LET", "令"),
    Entry(.expose, "EXPOSE", "暴露"),
    Entry(.allocate, "ALLOCATE", "分配"),
    Entry(.link, "LINK", "匹配"),
    Entry(.brief, "BRIEF", "简报"),
    Entry(.insertInto, "INSERT INTO", "插入到"),
    Entry(.update, "UPDATE", "更新"),
    Entry(.deleteFrom, "DELETE FROM", "删除"),
    Entry(.from, "FROM", "来自"),
    Entry(.as, "AS", "作为"),
    Entry(.where, "WHERE", "条件"),
    Entry(.join, "JOIN", "连接"),
    Entry(.leftJoin, "LEFT JOIN", "左连接"),
    Entry(.innerJoin, "INNER JOIN", "内连接"),
    Entry(.leftOuterJoin, "LEFT OUTER JOIN", "左外连接"),
    Entry(.on, "ON", "依据"),
    Entry(.nearest, "NEAREST", "最近"),
    Entry(.withTies, "WITH TIES", "含并列"),
    Entry(.to, "TO", "到"),
    Entry(.within, "WITHIN", "距离"),
    Entry(.beyond, "BEYOND", "超出"),
    Entry(.of, "OF", "以内"),
    Entry(.inside, "INSIDE", "位于"),
    Entry(.intersects, "INTERSECTS", "相交"),
    Entry(.touches, "TOUCHES", "相接"),
    Entry(.contains, "CONTAINS", "包含"),
    Entry(.in3D, "IN 3D", "三维"),
    Entry(.visibleFrom, "VISIBLE FROM", "可见于"),
    Entry(.byRoad, "BY ROAD", "沿道路", "沿路"),
    Entry(.avoiding, "AVOIDING", "避开"),
    Entry(.onFloor, "ON FLOOR", "所在楼层", "楼层"),
    Entry(.belowElevation, "BELOW ELEVATION", "低于高程"),
    Entry(.aboveElevation, "ABOVE ELEVATION", "高于高程"),
    Entry(.return, "RETURN", "返回"),
    Entry(.distinct, "DISTINCT", "去重"),
    Entry(.groupBy, "GROUP BY", "分组"),
    Entry(.having, "HAVING", "满足"),
    Entry(.orderBy, "ORDER BY", "排序"),
    Entry(.ascending, "ASC", "升序"),
    Entry(.descending, "DESC", "降序"),
    Entry(.nullsFirst, "NULLS FIRST", "空值在前"),
    Entry(.nullsLast, "NULLS LAST", "空值在后"),
    Entry(.limit, "LIMIT", "限", "限制"),
    Entry(.offset, "OFFSET", "跳过"),
    Entry(.naturalDistance, "", "距离"),
    Entry(.naturalFrom, "", "距"),
    Entry(.naturalIn, "", "在"),
    Entry(.naturalInside, "", "内", "之内", "范围内", "以内"),
    Entry(.naturalWithin, "", "以内", "之内"),
    Entry(.naturalBeyond, "", "以外", "之外"),
    Entry(.particle, "", "的"),
    Entry(.measure, "", "个"),
    Entry(.level, "LEVEL", "水位"),
    Entry(.byFloor, "BY FLOOR", "逐层"),
    Entry(.tolerance, "TOLERANCE", "容差"),
    Entry(.capacity, "CAPACITY", "容量"),
    Entry(.demand, "DEMAND", "需求"),
    Entry(.max, "MAX", "最远"),
    Entry(.keep, "KEEP", "保持"),
    Entry(.together, "TOGETHER", "一起"),
    Entry(.byInside, "BY INSIDE", "按位于"),
    Entry(.dryRun, "DRY RUN", "试运行"),
    Entry(.radius, "RADIUS", "半径"),
    Entry(.values, "VALUES", "取值"),
    Entry(.set, "SET", "设为"),
    Entry(.all, "ALL", "全部"),
    Entry(.exportTo, "EXPORT TO", "导出到"),
    Entry(.format, "FORMAT", "格式"),
    Entry(.crs, "CRS", "坐标系"),
    Entry(.precision, "PRECISION", "精度"),
    Entry(.and, "AND", "且", "并且"),
    Entry(.or, "OR", "或", "或者"),
    Entry(.not, "NOT", "非"),
    Entry(.like, "LIKE", "类似"),
    Entry(.between, "BETWEEN", "介于"),
    Entry(.in, "IN", "属于", "换算成"),
    Entry(.is, "IS", "是"),
    Entry(.isNull, "IS NULL", "为空"),
    Entry(.isNotNull, "IS NOT NULL", "不为空"),
    Entry(.null, "NULL", "空值"),
    Entry(.true, "TRUE", "真"),
    Entry(.false, "FALSE", "假"),
    Entry(.div, "DIV", "整除"),
    Entry(.case, "CASE", "情况"),
    Entry(.when, "WHEN", "当"),
    Entry(.then, "THEN", "则"),
    Entry(.else, "ELSE", "否则"),
    Entry(.end, "END", "结束"),
    Entry(.date, "DATE", "日期"),
    Entry(.timestamp, "TIMESTAMP", "时刻"),
    Entry(.interval, "INTERVAL", "时段"),
    Entry(.at, "AT", "坐标"),
    Entry(.bbox, "BBOX", "范围"),
    Entry(.circle, "CIRCLE", "圆"),
    Entry(.file, "FILE", "文件"),
    Entry(.empty, "EMPTY", "空"),
    Entry(.point, "POINT", "点"),
    Entry(.lineString, "LINESTRING", "线"),
    Entry(.polygon, "POLYGON", "多边形"),
    Entry(.multiPoint, "MULTIPOINT", "多点"),
    Entry(.multiLineString, "MULTILINESTRING", "多线"),
    Entry(.multiPolygon, "MULTIPOLYGON", "多面"),
    Entry(.geometryCollection, "GEOMETRYCOLLECTION", "几何集合"),
    Entry(.begin, "BEGIN", "开始事务"),
    Entry(.commit, "COMMIT", "提交"),
    Entry(.rollback, "ROLLBACK", "回滚"),
  ]

  /// Every function by its English name, with Chinese ones where there are any. What they take is the binder's.
  package static let functions: [(name: String, chinese: [String])] = [
    ("COUNT", ["计数"]), ("SUM", ["合计", "求和"]), ("AVG", ["平均"]), ("MIN", ["最小"]), ("MAX", ["最大"]),
    ("MEDIAN", ["中位数"]), ("PERCENTILE", ["百分位"]), ("EXTENT", ["外包"]), ("UNION", ["合并"]),
    ("S_INTERSECTS", ["几何相交"]), ("S_EQUALS", ["几何相等"]), ("S_DISJOINT", ["几何相离"]), ("S_TOUCHES", ["几何相接"]),
    ("S_WITHIN", ["几何在内"]),
    ("S_OVERLAPS", ["几何重叠"]), ("S_CROSSES", ["几何穿越"]), ("S_CONTAINS", ["几何包含"]), ("S_DWITHIN", ["几何距离内"]),
    ("S_BEYOND", ["几何距离外"]),
    ("T_AFTER", ["时间晚于"]), ("T_BEFORE", ["时间早于"]), ("T_CONTAINS", ["时间包含"]), ("T_DISJOINT", ["时间相离"]),
    ("T_DURING", ["时间期间"]), ("T_EQUALS", ["时间相等"]),
    ("T_FINISHEDBY", ["时间同终含"]), ("T_FINISHES", ["时间同终"]), ("T_INTERSECTS", ["时间相交"]), ("T_MEETS", ["时间相接"]),
    ("T_METBY", ["时间被接"]),
    ("T_OVERLAPPEDBY", ["时间被重叠"]), ("T_OVERLAPS", ["时间重叠"]), ("T_STARTEDBY", ["时间同始含"]), ("T_STARTS", ["时间同始"]),
    ("A_CONTAINEDBY", ["数组属于"]), ("A_CONTAINS", ["数组包含"]), ("A_EQUALS", ["数组相等"]), ("A_OVERLAPS", ["数组相交"]),
    ("CASEI", ["忽略大小写"]), ("ACCENTI", ["忽略重音"]),
    ("ABS", ["绝对值"]), ("CEIL", ["上取整"]), ("FLOOR", ["下取整"]), ("ROUND", ["四舍五入"]), ("SQRT", ["平方根"]),
    ("LN", ["自然对数"]), ("EXP", ["指数"]), ("LOG10", ["常用对数"]), ("SIGN", ["正负号"]), ("POWER", ["乘方"]),
    ("MOD", ["余数"]), ("TRUNC", ["截断"]), ("PI", ["圆周率"]), ("LEAST", ["取小"]), ("GREATEST", ["取大"]),
    ("COALESCE", ["首个非空"]), ("NULLIF", ["相等则空"]), ("LOWER", ["小写"]), ("UPPER", ["大写"]), ("TRIM", ["去空白"]),
    ("LENGTH", ["长度"]), ("SUBSTRING", ["子串"]), ("CONCAT", ["拼接"]), ("REPLACE", ["替换"]), ("LEFT", ["左截"]),
    ("RIGHT", ["右截"]), ("STRPOS", ["查位置"]), ("LTRIM", ["去左空白"]), ("RTRIM", ["去右空白"]),
    ("TO_NUMBER", ["转数值"]), ("TO_TEXT", ["转文本"]), ("PINYIN", ["拼音"]), ("STARTS_WITH", ["开头是"]), ("ENDS_WITH", ["结尾是"]),
    ("YEAR", ["年"]), ("MONTH", ["月"]), ("DAY", ["日"]), ("HOUR", ["小时"]), ("MINUTE", ["分钟"]), ("SECOND", ["秒"]),
    ("NOW", ["当前时间"]), ("WEEKDAY", ["星期几"]), ("TO_DATE", ["转日期"]), ("DATE_TRUNC", ["时间取整"]),
    ("DATE_ADD", ["时间加"]), ("DATE_DIFF", ["时间差"]),
    ("AREA", ["面积"]), ("PERIMETER", ["周长"]), ("CENTROID", ["质心"]), ("POINT_ON_SURFACE", ["面内点"]),
    ("BUFFER", ["缓冲"]), ("CONVEX_HULL", ["凸包"]), ("SIMPLIFY", ["简化"]), ("INTERSECTION", ["交集"]),
    ("DIFFERENCE", ["差集"]), ("DISTANCE", ["间距"]), ("DISTANCE3D", ["三维间距"]), ("X", ["横坐标"]), ("Y", ["纵坐标"]),
    ("Z", ["点高程"]),
    ("LON", ["经度"]), ("LAT", ["纬度"]),
    ("HEIGHT", ["高度"]), ("VOLUME", ["体积"]), ("SURFACE_AREA", ["表面积"]), ("ENVELOPE", ["外框"]), ("IS_VALID", ["是否有效"]),
    ("MAKE_VALID", ["修复"]), ("AS_WKT", ["转WKT"]), ("AS_GEOJSON", ["转GeoJSON"]),
  ]

  /// Units by every spelling, in capitals, to their canonical name and their size in metres or square metres.
  package static let units: [(spellings: [String], name: String, factor: Double, isArea: Bool)] = [
    (["M", "米"], "m", 1, false),
    (["KM", "公里", "千米"], "km", 1000, false),
    (["CM", "厘米"], "cm", 0.01, false),
    (["MM", "毫米"], "mm", 0.001, false),
    (["M2", "㎡", "平方米"], "m2", 1, true),
    (["KM2", "平方公里", "平方千米"], "km2", 1e6, true),
    (["HA", "公顷"], "ha", 1e4, true),
    (["MU", "亩"], "mu", 10_000.0 / 15, true),
  ]

  /// CQL2's own operators: never a bare name. Double quotes make them one.
  package static let reserved: [Keyword] = [
    .and, .or, .not, .like, .between, .in, .is, .isNull, .isNotNull, .null, .true, .false, .div,
  ]

  // MARK: Look-ups

  /// The keywords that a word in capitals is the first of, as bits by their raw values: most words are none, and the
  /// parser asks about many keywords at each.
  static func keywordBits(_ key: String) -> UInt128 { index.bits[key] ?? 0 }

  static func bits(_ keywords: [Keyword]) -> UInt128 { keywords.reduce(0) { $0 | 1 << UInt128($1.rawValue) } }

  /// Whether `key` is a keyword or a part of one: a name that is printed in double quotes.
  package static func isKeyword(_ key: String) -> Bool { index.keywords.contains(key) }

  /// The spellings of a keyword, each a list of words in capitals, the English one first.
  static func spellings(of keyword: Keyword) -> [[String]] { index.spellings[keyword.rawValue] }

  /// Whether `key` alone spells `keyword`. `key` is in capitals.
  static func isSpelling(_ key: String, of keyword: Keyword) -> Bool {
    spellings(of: keyword).contains { $0.count == 1 && $0[0] == key }
  }

  /// Whether `key` is a word of the language: a keyword or a part of one, a function or a unit.
  static func isWord(_ key: String) -> Bool { index.words.contains(key) }

  static func isReserved(_ key: String) -> Bool { index.reserved.contains(key) }

  /// The English name of a function, in capitals, or nil.
  static func function(_ key: String) -> String? { index.functions[key] }

  /// The canonical name of a unit (`m`, `km`, `ha`, …), or nil.
  static func unit(_ key: String) -> String? { index.units[key] }

  /// What one unit is in metres or square metres. `name` is canonical.
  static func size(ofUnit name: String) -> (factor: Double, isArea: Bool)? {
    units.first { $0.name == name }.map { ($0.factor, $0.isArea) }
  }

  private struct Index {
    var spellings: [[[String]]] = []
    var bits: [String: UInt128] = [:]
    var keywords: Set<String> = []
    var words: Set<String> = []
    var reserved: Set<String> = []
    var functions: [String: String] = [:]
    var units: [String: String] = [:]
  }

  private static let index: Index = {
    var index = Index()
    for entry in table {
      let english = entry.english.split(separator: " ").map(String.init)
      let all = (english.isEmpty ? [] : [english]) + entry.chinese.map { [$0] }
      index.spellings.append(all)
      index.keywords.formUnion(all.joined())
      for words in all { index.bits[words[0], default: 0] |= 1 << UInt128(entry.keyword.rawValue) }
    }
    for keyword in reserved {
      index.reserved.formUnion(index.spellings[keyword.rawValue].filter { $0.count == 1 }.joined())
    }
    for function in functions {
      index.functions[function.name] = function.name
      for name in function.chinese { index.functions[name.uppercased()] = function.name }
    }
    index.words = index.keywords
    index.words.formUnion(index.functions.keys)
    for unit in units { for spelling in unit.spellings { index.units[spelling] = unit.name } }
    index.words.formUnion(index.units.keys)
    return index
  }()
}

extension Words.Entry {
  fileprivate init(_ keyword: Keyword, _ english: String, _ chinese: String...) {
    self.init(keyword: keyword, english: english, chinese: chinese)
  }
}
