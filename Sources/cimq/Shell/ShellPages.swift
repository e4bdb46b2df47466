extension ShellHelp {
  /// A page for every statement and clause, each with an example that runs on the bundled city.
  static let pages: [Topic] = statements + clauses + conditions

  private static let statements: [Topic] = [
    Topic(
      name: "find", chineseName: "查找",
      english: """
        FIND layer [AS alias] [clauses] gives the rows of a layer; without RETURN all columns. A $set or (FIND …) may stand
        for the layer.
        """,
      chinese: "FIND（查找）图层 [AS 别名] [子句]：给出图层的行；不写 RETURN 则给出全部列。图层处也可写 $集合 或 (FIND …)。",
      example: "FIND shelter WHERE capacity > 500 ORDER BY capacity DESC;",
      chineseExample: "查找 避难场所 条件 容量 > 500 排序 容量 降序;"),
    Topic(
      name: "select", chineseName: "选择", also: ["from", "来自"],
      english: "SELECT items FROM layer [clauses] is FIND layer [clauses] RETURN items, for those who know SQL.",
      chinese: "SELECT（选择）项 FROM（来自）图层 [子句]：等于 FIND 图层 [子句] RETURN 项，供熟悉 SQL 的人使用。",
      example: "SELECT name, capacity - occupied AS free FROM shelter WHERE status = 'open';",
      chineseExample: "选择 名称, 容量 - 已占用 作为 空位 来自 避难场所 条件 状态 = '开放';"),
    Topic(
      name: "count", chineseName: "统计",
      english: "COUNT layer [clauses]: how many rows; with GROUP BY, how many for each key.",
      chinese: "COUNT（统计）图层 [子句]：行数；加 GROUP BY（分组）则为各组行数。",
      example: "COUNT person GROUP BY mobility;", chineseExample: "统计 人口 分组 行动能力;"),
    Topic(
      name: "expose", chineseName: "暴露",
      english: """
        EXPOSE layers TO reference [LEVEL z] [BY FLOOR] [TOLERANCE d] [clauses]: what the water reaches. A row is wet when its
        `z_min` (else `ground_z`, else the z of its point) lies below the level, else dry; unsure within the tolerance; unknown
        without a height. Without RETURN the answer is totals by scenario and layer. Clauses may use `state`, `depth`,
        `water_level`, `wet_floors`, `age_band`, `scenario`, `layer`.
        """,
      chinese: """
        EXPOSE（暴露）图层 TO 参照 [LEVEL 水位] [BY FLOOR] [TOLERANCE 容差] [子句]：水淹到什么。行的底面高程 z_min（否则 ground_z，
        否则点的 z）低于水位即 wet（被淹），否则 dry（未淹）；容差以内为 unsure（存疑）；没有高程为 unknown（不明）。
        不写 RETURN 时按情景和图层给出合计。子句可用 状态、水深、水位、被淹楼层、年龄段、情景。
        """,
      example: "EXPOSE building, unit, person TO flood 'F-0720' TOLERANCE 0.2 m GROUP BY layer;",
      chineseExample: "暴露 人口 到 淹没区 'F-0720' 条件 状态 = '被淹' 分组 年龄段, 行动能力;"),
    Topic(
      name: "allocate", chineseName: "分配",
      english: """
        ALLOCATE people TO places CAPACITY expr [DEMAND expr] [MAX d] [KEEP column TOGETHER] [BY ROAD [AVOIDING r]]
        [GROUP BY layer]: who goes where, as many as possible, then with the fewest metres. A source with conditions stands
        in parentheses: (FIND person …), or (EXPOSE person … WHERE state = 'wet') for the people whom the water reaches.
        GROUP BY and the layer of the places gives the load of each place.
        """,
      chinese: """
        ALLOCATE（分配）来源 TO 去处 CAPACITY 容量 [DEMAND 需求] [MAX 最远] [KEEP 列 TOGETHER] [BY ROAD [AVOIDING 参照]]
        [GROUP BY 图层]：谁去哪里，先安置尽可能多的人，再使总路程最短。带条件的来源写在括号里：
        (FIND person …)，或 (EXPOSE person … WHERE state = 'wet') 只取被淹的人。GROUP BY 加去处的图层给出各处的负荷。
        """,
      example:
        "ALLOCATE (FIND person INSIDE flood 'F-0720') TO (FIND shelter WHERE status = 'open' NOT INSIDE flood 'F-0720') "
        + "CAPACITY capacity - occupied MAX 2 km KEEP household TOGETHER GROUP BY shelter;",
      chineseExample:
        "分配 (查找 人口 位于 淹没区 'F-0720') 到 (查找 避难场所 条件 状态 = '开放' 非 位于 淹没区 'F-0720') "
        + "容量 capacity - occupied 最远 2 公里 保持 household 一起 分组 shelter;"),
    Topic(
      name: "exposed", chineseName: "被淹", also: ["wet"],
      english: """
        (EXPOSE layer TO reference … WHERE state = 'wet') stands wherever (FIND …) may: in FIND, JOIN, LET and ALLOCATE. It
        gives the rows that the water meets, with all their columns and `state`, `depth`, …. So ALLOCATE takes only the people
        who are below the water.
        """,
      chinese: """
        (EXPOSE 图层 TO 参照 … WHERE state = 'wet') 可写在任何 (FIND …) 的位置：FIND、JOIN、LET、ALLOCATE。
        它给出水淹到的行，带全部列以及状态、水深等。这样 ALLOCATE（分配）只安置水位以下的人。
        """,
      example:
        "ALLOCATE (EXPOSE person TO flood 'F-0720' WHERE state = 'wet') "
        + "TO (FIND shelter WHERE status = 'open' NOT INSIDE flood 'F-0720') CAPACITY capacity - occupied GROUP BY shelter;",
      chineseExample:
        "分配 (暴露 人口 到 淹没区 'F-0720' 条件 状态 = '被淹') "
        + "到 (查找 避难场所 条件 状态 = '开放' 非 位于 淹没区 'F-0720') 容量 capacity - occupied 分组 shelter;"),
    Topic(
      name: "link", chineseName: "匹配", also: ["by inside", "按位于", "else"],
      english: """
        LINK layer TO layer BY INSIDE [ELSE NEAREST WITHIN d] [DRY RUN] gives each row the one polygon that it lies in, and
        writes it into a column with `link_method` and `link_distance`. DRY RUN writes nothing.
        """,
      chinese: """
        LINK（匹配）图层 TO 图层 BY INSIDE [ELSE NEAREST WITHIN 距离] [DRY RUN]：为每行找出它所在的唯一面，
        写入相应列以及 link_method、link_distance。DRY RUN（试运行）不写入。
        """,
      example: "LINK unit TO grid3 BY INSIDE ELSE NEAREST WITHIN 30 m DRY RUN;",
      chineseExample: "匹配 房屋 到 三级网格 按位于 ELSE 最近 距离 30 米 试运行;"),
    Topic(
      name: "brief", chineseName: "简报", also: ["radius", "半径"],
      english: """
        BRIEF reference [RADIUS d]: one page about a place: people, buildings, shelters with room, teams, stock, wardens with
        phones, sensors, warnings. Around a point 1 km unless RADIUS says otherwise; of an area what lies inside.
        """,
      chinese: """
        BRIEF（简报）参照 [RADIUS 半径]：一个地点的一页情况：人口、建筑、有空位的避难场所、队伍、物资、责任人及电话、传感器、预警。
        点的周围默认 1 公里；面则为其内部。
        """,
      example: "BRIEF flood 'F-0720';", chineseExample: "简报 隐患点 'HZ-0231' 半径 500 米;"),
    Topic(
      name: "insert", chineseName: "插入", also: ["insert into", "插入到", "values", "取值"],
      english:
        "INSERT INTO layer (columns) VALUES (…), (…), or INSERT INTO layer (columns) FIND …. Every row needs an `id`.",
      chinese: "INSERT INTO（插入到）图层 (列) VALUES (…), (…)，或 INSERT INTO 图层 (列) FIND …。每行都要有 id。",
      example:
        "INSERT INTO shelter (id, name, capacity, occupied, status, geom) "
        + "VALUES ('S-9001', '第九中学', 800, 0, 'open', AT(113.65, 34.76)) DRY RUN;",
      chineseExample:
        "插入到 避难场所 (编号, 名称, 容量, 已占用, 状态, 几何) 取值 ('S-9001', '第九中学', 800, 0, '开放', AT(113.65, 34.76)) 试运行;"),
    Topic(
      name: "update", chineseName: "更新", also: ["set", "设为"],
      english: "UPDATE layer SET column = expr, … with any clauses of FIND that say which rows, or ALL.",
      chinese: "UPDATE（更新）图层 SET（设为）列 = 表达式, … 后接说明哪些行的子句，或 ALL（全部）。",
      example: "UPDATE shelter SET status = 'full' WHERE occupied >= capacity DRY RUN;",
      chineseExample: "更新 避难场所 设为 状态 = '已满' 条件 已占用 >= 容量 试运行;"),
    Topic(
      name: "delete", chineseName: "删除", also: ["delete from", "all", "全部"],
      english:
        "DELETE FROM layer with clauses that say which rows, or ALL. Rows that others name stay, and it is said.",
      chinese: "DELETE FROM（删除）图层 后接说明哪些行的子句，或 ALL（全部）。被其他行引用的行不会删除，并会说明。",
      example: "DELETE FROM warning WHERE status = 'lifted' DRY RUN;", chineseExample: "删除 预警 条件 状态 = '解除' 试运行;"),
    Topic(
      name: "transactions", chineseName: "事务", also: ["begin", "commit", "rollback", "开始事务", "提交", "回滚"],
      english: """
        BEGIN; edits; COMMIT; writes them together, ROLLBACK; drops them. The prompt is cimq*> in between. A script that ends
        inside a transaction has written nothing, and ends with status 1.
        """,
      chinese: """
        BEGIN（开始事务）; 编辑; COMMIT（提交）; 一起写入，ROLLBACK（回滚）; 全部放弃。其间提示符为 cimq*>。
        在事务中结束的脚本什么也没有写，退出码为 1。
        """,
      example: "BEGIN; UPDATE shelter SET occupied = 0 WHERE id = 'S-0001'; ROLLBACK;",
      chineseExample: "开始事务; 更新 避难场所 设为 已占用 = 0 条件 编号 = 'S-0001'; 回滚;"),
    Topic(
      name: "dry run", chineseName: "试运行",
      english: "DRY RUN at the end of an edit or a LINK: everything is worked out and checked, and nothing is written.",
      chinese: "编辑或 LINK 末尾的 DRY RUN（试运行）：只计算和检查，不写入。",
      example: "DELETE FROM warning ALL DRY RUN;", chineseExample: "删除 预警 全部 试运行;"),
  ]

  private static let clauses: [Topic] = [
    Topic(
      name: "return", chineseName: "返回", also: ["distinct", "去重", "as", "作为"],
      english:
        "RETURN items chooses the columns: names, expressions AS name, alias.*, *. RETURN DISTINCT leaves out repeats.",
      chinese: "RETURN（返回）项：选择列，可为列名、表达式 AS（作为）名称、别名.*、*。RETURN DISTINCT（去重）去掉重复的行。",
      example: "FIND building RETURN DISTINCT use;", chineseExample: "查找 建筑 返回 去重 用途;"),
    Topic(
      name: "having", chineseName: "满足",
      english: "HAVING condition keeps groups: it is asked after GROUP BY and may use aggregates.",
      chinese: "HAVING（满足）条件：在分组之后筛选各组，可用聚合函数。",
      example: "FIND building GROUP BY use HAVING COUNT(*) > 10 RETURN use, COUNT(*) AS n;",
      chineseExample: "查找 建筑 分组 用途 满足 计数(*) > 10 返回 用途, 计数(*) 作为 数量;"),
    Topic(
      name: "order by", chineseName: "排序",
      also: ["order", "asc", "desc", "升序", "降序", "nulls first", "nulls last", "空值在前", "空值在后"],
      english: """
        ORDER BY keys [ASC | DESC] [NULLS FIRST | LAST]. Without it rows come by distance where there is one, by key where they
        are grouped, by id in a table, a page or with LIMIT; into files and pipes in no particular order.
        """,
      chinese: """
        ORDER BY（排序）键 [ASC | DESC] [NULLS FIRST | LAST]。不写时：有距离按距离，分组按键，表格、分页或有 LIMIT 时按 id；
        写入文件和管道时不保证顺序。
        """,
      example: "FIND building ORDER BY height DESC LIMIT 3;", chineseExample: "查找 建筑 排序 高度 降序 限 3;"),
    Topic(
      name: "limit", chineseName: "限", also: ["offset", "跳过", "限制"],
      english: "LIMIT n [OFFSET m]: at most n rows, after leaving out m. Without ORDER BY the rows come by id.",
      chinese: "LIMIT（限）n [OFFSET（跳过）m]：跳过 m 行后最多 n 行。不写 ORDER BY 时按 id。",
      example: "FIND shelter LIMIT 2 OFFSET 1;", chineseExample: "查找 避难场所 限 2 跳过 1;"),
    Topic(
      name: "left join", chineseName: "左连接", also: ["left outer join", "左外连接", "inner join", "内连接", "on", "依据"],
      english:
        "LEFT JOIN layer AS x ON condition keeps the rows without a partner too; their x is NULL. JOIN drops them.",
      chinese: "LEFT JOIN（左连接）图层 AS x ON（依据）条件：没有配对的行也保留，其 x 为空；JOIN 则去掉。",
      example: "FIND hazard AS h LEFT JOIN shelter AS s ON WITHIN 1 km RETURN h.id, s.id;",
      chineseExample: "查找 隐患点 作为 h 左连接 避难场所 作为 s 依据 距离 1 公里 返回 h.编号, s.编号;"),
    Topic(
      name: "join nearest", chineseName: "最近连接",
      english:
        "JOIN NEAREST k layer AS s [WITHIN d] [FROM alias]: to each row the k nearest of the layer. `s.distance` is in metres.",
      chinese: "JOIN NEAREST（连接 最近）k 图层 AS s [WITHIN 距离] [FROM 别名]：为每行配上最近的 k 个。s.distance 以米为单位。",
      example: "FIND hazard AS h JOIN NEAREST 1 shelter AS s RETURN h.id, s.id, distance;",
      chineseExample: "查找 隐患点 作为 h 连接 最近 1 避难场所 作为 s 返回 h.编号, s.编号, 距离;"),
    Topic(
      name: "level", chineseName: "水位", also: ["by floor", "逐层", "tolerance", "容差"],
      english: """
        Of EXPOSE: LEVEL 92.5 m, LEVEL water_z + 0.5 m, LEVEL sensor.value (a surface through gauges) or LEVEL NULL (inside at
        any height); without it the flood's `water_z`. BY FLOOR divides totals by floor. TOLERANCE 0.2 m: nearer than that to
        the level is `unsure`.
        """,
      chinese: """
        用于 EXPOSE：LEVEL（水位）92.5 米、LEVEL water_z + 0.5 米、LEVEL sensor.value（测站水面）或 LEVEL NULL（不论高度）；
        不写则用淹没区的 water_z。BY FLOOR（逐层）按楼层合计。TOLERANCE（容差）0.2 米：距水位不到此值为“存疑”。
        """,
      example: "EXPOSE unit TO flood 'F-0720' LEVEL water_z + 0.5 m BY FLOOR TOLERANCE 0.2 m;",
      chineseExample: "暴露 房屋 到 淹没区 'F-0720' 水位 water_z + 0.5 米 逐层 容差 0.2 米;"),
    Topic(
      name: "capacity", chineseName: "容量", also: ["demand", "需求", "max", "最远", "keep", "together", "保持", "一起"],
      english: """
        Of ALLOCATE: CAPACITY expr is the room of a place, DEMAND expr the people that a row stands for (else 1), MAX d the
        farthest way, KEEP household TOGETHER one place for each household.
        """,
      chinese: """
        用于 ALLOCATE：CAPACITY（容量）为一处能容纳的人数，DEMAND（需求）为一行代表的人数（默认 1），MAX（最远）为最远距离，
        KEEP household TOGETHER（保持 household 一起）使一户去同一处。
        """,
      example:
        "ALLOCATE (FIND org INSIDE flood 'F-0720') TO shelter CAPACITY capacity - occupied DEMAND 10 MAX 5 km GROUP BY shelter;",
      chineseExample: "分配 (查找 单位 位于 淹没区 'F-0720') 到 避难场所 容量 capacity - occupied 需求 10 最远 5 公里 分组 shelter;"),
  ]

  private static let conditions: [Topic] = [
    Topic(
      name: "within", chineseName: "以内", also: ["of", "beyond", "超出", "以外", "距离 以内"],
      english: """
        WITHIN d OF reference: at most d metres away, zero where they meet; BEYOND d OF reference: farther. The column
        `distance` holds the metres.
        """,
      chinese: "WITHIN d OF 参照（距离 d 以内 参照）：至多 d 米，相接为零；BEYOND d OF 参照：更远。列 distance 为米数。",
      example: "FIND building WITHIN 500 m OF hazard 'HZ-0231' ORDER BY distance LIMIT 5;",
      chineseExample: "查找 建筑 距离 500 米 以内 隐患点 'HZ-0231' 排序 距离 限 5;"),
    Topic(
      name: "inside", chineseName: "位于",
      english:
        "[NOT] INSIDE reference: covered by it; its edge belongs to it. For a layer or set: by any one of its features.",
      chinese: "[NOT] INSIDE（位于）参照：被其覆盖，边界也算。参照为图层或集合时：在其任一要素内。",
      example: "COUNT shelter NOT INSIDE flood;", chineseExample: "统计 避难场所 非 位于 淹没区;"),
    Topic(
      name: "intersects", chineseName: "相交",
      english: "[NOT] INTERSECTS reference: they share at least a point.", chinese: "[NOT] INTERSECTS（相交）参照：至少有一个公共点。",
      example: "COUNT building INTERSECTS flood 'F-0720';", chineseExample: "统计 建筑 相交 淹没区 'F-0720';"),
    Topic(
      name: "touches", chineseName: "相接",
      english: "[NOT] TOUCHES reference: they share edges or corners, and no inside.",
      chinese: "[NOT] TOUCHES（相接）参照：只共有边界，内部不相交。",
      example: "FIND grid3 TOUCHES grid3 '410105003012007' RETURN code;",
      chineseExample: "查找 三级网格 相接 三级网格 '410105003012007' 返回 网格编码;"),
    Topic(
      name: "contains", chineseName: "包含",
      english: "[NOT] CONTAINS reference: the row covers it.", chinese: "[NOT] CONTAINS（包含）参照：该行的图形覆盖参照。",
      example: "FIND grid3 CONTAINS AT(113.63, 34.755) RETURN code, manager, phone;",
      chineseExample: "查找 三级网格 包含 AT(113.63, 34.755) 返回 网格编码, 网格长, 电话;"),
    Topic(
      name: "in 3d", chineseName: "三维", also: ["3d"],
      english: """
        After INTERSECTS reference or WITHIN d OF reference: with heights, between solids, units, points and lines with z.
        NEAREST has no IN 3D; ask WITHIN d OF … IN 3D ORDER BY distance LIMIT k.
        """,
      chinese: """
        写在 INTERSECTS 参照或 WITHIN d OF 参照之后：计入高度，在实体、房屋、带 z 的点与线之间量算。
        NEAREST 不能加 IN 3D；改用 WITHIN d OF … IN 3D ORDER BY distance LIMIT k。
        """,
      example: "FIND building WITHIN 20 m OF POINT Z (113.62 34.75 120) IN 3D ORDER BY distance LIMIT 3;",
      chineseExample: "查找 建筑 距离 20 米 以内 POINT Z (113.62 34.75 120) 三维 排序 距离 限 3;"),
    Topic(
      name: "visible from", chineseName: "可见于", also: ["visible"],
      english: "VISIBLE FROM POINT Z (lon lat z) WITHIN d: buildings of which some corner can be seen past the others.",
      chinese: "VISIBLE FROM（可见于）POINT Z (经度 纬度 高程) WITHIN 距离：至少有一角不被遮挡的建筑。",
      example: "COUNT building VISIBLE FROM POINT Z (113.62 34.75 180) WITHIN 300 m;",
      chineseExample: "统计 建筑 可见于 POINT Z (113.62 34.75 180) 距离 300 米;"),
    Topic(
      name: "by road", chineseName: "沿道路", also: ["沿路", "avoiding", "避开", "road"],
      english: """
        After NEAREST k TO reference, WITHIN d OF reference and in ALLOCATE: metres on foot along the layer `road`. AVOIDING
        reference closes the streets inside it.
        """,
      chinese: "写在 NEAREST k TO 参照、WITHIN d OF 参照之后以及 ALLOCATE 中：沿 road 图层的步行米数。AVOIDING（避开）参照：其内的街道封闭。",
      example: "FIND shelter NEAREST 3 TO AT(113.65, 34.76) BY ROAD AVOIDING flood 'F-0720';",
      chineseExample: "查找 避难场所 最近 3 到 AT(113.65, 34.76) 沿道路 避开 淹没区 'F-0720';"),
    Topic(
      name: "on floor", chineseName: "楼层", also: ["所在楼层", "floor"],
      english:
        "ON FLOOR n or ON FLOOR -1..2: rows on these floors. Floors are …, -2, -1, 1, 2, …; there is no floor 0.",
      chinese: "ON FLOOR（所在楼层）n 或 -1..2：位于这些楼层的行。楼层为 …、-2、-1、1、2、…，没有 0 层。",
      example: "COUNT unit ON FLOOR -1..1 INSIDE flood 'F-0720';",
      chineseExample: "统计 房屋 所在楼层 -1..1 位于 淹没区 'F-0720';"),
    Topic(
      name: "elevation", chineseName: "高程", also: ["below elevation", "above elevation", "低于高程", "高于高程"],
      english:
        "BELOW ELEVATION 92 m, ABOVE ELEVATION 92 m: the base (`z_min`, else `ground_z`, else the z of the point).",
      chinese: "BELOW ELEVATION（低于高程）92 米、ABOVE ELEVATION（高于高程）92 米：底面（z_min，否则 ground_z，否则点的 z）。",
      example: "COUNT unit BELOW ELEVATION 95 m;", chineseExample: "统计 房屋 低于高程 95 米;"),
    Topic(
      name: "like", chineseName: "类似", also: ["casei", "accenti"],
      english:
        "LIKE 'pattern': % stands for any text, _ for one character, \\ before one means itself. CASEI(x) ignores case.",
      chinese: "LIKE（类似）'模式'：% 代表任意文本，_ 代表一个字符，前加 \\ 为其自身。CASEI(x) 忽略大小写。",
      example: "FIND shelter WHERE name LIKE '%中学%' RETURN id, name;",
      chineseExample: "查找 避难场所 条件 名称 类似 '%中学%' 返回 编号, 名称;"),
    Topic(
      name: "in", chineseName: "属于", also: ["between", "介于"],
      english: "x IN ('a', 'b'), x IN (FIND … RETURN column), x BETWEEN 1 AND 3; each with NOT.",
      chinese: "x IN（属于）('a', 'b')、x IN (FIND … RETURN 列)、x BETWEEN（介于）1 AND 3，均可加 NOT。",
      example: "COUNT warden WHERE grid3 IN (FIND grid3 INTERSECTS flood 'F-0720' RETURN code);",
      chineseExample: "统计 防汛责任人 条件 所属网格 属于 (查找 三级网格 相交 淹没区 'F-0720' 返回 网格编码);"),
    Topic(
      name: "null", chineseName: "空值", also: ["is null", "is not null", "is", "为空", "不为空", "是"],
      english:
        "NULL is unknown: it equals nothing, not even NULL. IS NULL and IS NOT NULL ask for it; COALESCE(x, 0) replaces it.",
      chinese: "NULL（空值）表示未知，不等于任何值。用 IS NULL（为空）、IS NOT NULL（不为空）判断；COALESCE(x, 0) 以值代之。",
      example: "FIND shelter WHERE occupied IS NULL RETURN id, name;", chineseExample: "查找 避难场所 条件 已占用 为空 返回 编号, 名称;"),
    Topic(
      name: "case", chineseName: "情况", also: ["when", "then", "end", "当", "则", "否则", "结束"],
      english: "CASE WHEN condition THEN value … [ELSE value] END: the value of the first condition that holds.",
      chinese: "CASE WHEN 条件 THEN 值 … [ELSE 值] END（情况 当 … 则 … 否则 … 结束）：第一个成立的条件的值。",
      example: "FIND shelter RETURN id, CASE WHEN occupied < capacity THEN 'room' ELSE 'none' END AS room;",
      chineseExample: "查找 避难场所 返回 编号, 情况 当 已占用 < 容量 则 '有' 否则 '无' 结束 作为 余位;"),
    Topic(
      name: "times", chineseName: "时间", also: ["date", "timestamp", "interval", "日期", "时刻", "时段", "time"],
      english: """
        DATE('2022-08-10'), TIMESTAMP('2022-08-10T01:00:00Z'), INTERVAL(a, b) with '..' for an open end; T_AFTER, T_DURING, ….
        Times are kept in UTC.
        """,
      chinese:
        "DATE('2022-08-10')、TIMESTAMP('2022-08-10T01:00:00Z')、INTERVAL(a, b)（'..' 表示不限）；T_AFTER、T_DURING 等。时间按 UTC 保存。",
      example: "COUNT event WHERE T_AFTER(time, TIMESTAMP('2022-08-10T00:00:00Z'));",
      chineseExample: "统计 事件 条件 时间晚于(time, 时刻('2022-08-10T00:00:00Z'));"),
  ]
}
