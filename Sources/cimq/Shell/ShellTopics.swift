extension ShellHelp {
  struct Topic {
    var name: String
    var chineseName: String
    /// Other words by which it is asked for, in lower case.
    var also: [String] = []
    var english: String
    var chinese: String
    var example: String
    /// Where it is to be shown in Chinese; nil for the same.
    var chineseExample: String?

    func answers(to key: String) -> Bool { name == key || chineseName == key || also.contains(key) }
    func example(chinese: Bool) -> String { chinese ? chineseExample ?? example : example }
  }

  static let topics: [Topic] = [
    Topic(
      name: "language", chineseName: "语言",
      english: """
        FIND layer [clauses]     or   SELECT items FROM layer [clauses]     or   COUNT layer [clauses]
          WHERE condition                 = <> < <= > >=  AND OR NOT  LIKE  BETWEEN  IN  IS NULL  S_INTERSECTS(…) …
          INSIDE | INTERSECTS | TOUCHES | CONTAINS reference
          WITHIN 500 m OF reference       NEAREST 3 TO reference [WITHIN 2 km]
          JOIN layer AS x ON condition    JOIN NEAREST 1 layer AS s [WITHIN 1 km]     LEFT JOIN …
          RETURN items                    GROUP BY items   HAVING condition
          ORDER BY keys                   LIMIT n [OFFSET n]      EXPORT TO 'file.geojson'
        reference:  AT(lon, lat) [IN GCJ02]   BBOX(…)   CIRCLE(AT(…), 500 m)   POLYGON((…))   layer 'id, code or name'
                    layer   $set   (FIND …)   FILE 'area.geojson'
        LET $near = (FIND shelter …);    EXPLAIN FIND …    -- comment
        A distance has a unit: m, km, 米, 公里.
        """,
      chinese: """
        查找 图层 [子句]     或   SELECT 项 FROM 图层 [子句]     或   统计 图层 [子句]
          条件 …                     = <> < <= > >=  且 或 非  类似  介于  属于  为空
          位于 | 相交 | 相接 | 包含 参照
          距离 500 米 以内 参照         最近 3 到 参照 [距离 2 公里]
          连接 图层 作为 x 依据 条件     返回 项   分组 项   满足 条件   排序 项   限 n   导出到 '文件'
        参照：AT(经度, 纬度) [IN GCJ02]   BBOX(…)   CIRCLE(AT(…), 500 米)   图层 '编号、代码或名称'   $集合   (查找 …)   FILE '文件'
        自然语序：查找 距离 隐患点 'HZ-0231' 500 米 以内 的 建筑 条件 层数 > 6;   全部关键字：.help 中文
        """,
      example: "FIND building WHERE height > 60 RETURN name, height, floors ORDER BY height DESC LIMIT 10;"),
    Topic(
      name: "where", chineseName: "条件", also: ["and", "or", "not", "且", "或", "非", "并且", "或者"],
      english: """
        WHERE takes any CQL2-Text expression: comparisons, AND OR NOT, LIKE 'a%', BETWEEN 1 AND 3, IN ('a', 'b'), IS NULL,
        arithmetic, CASEI(…), functions, dotted paths along links (unit.building.floors), IN (FIND …), and every spatial
        clause but NEAREST. NULL is unknown: it matches nothing but IS NULL.
        """,
      chinese: """
        WHERE（条件）接受完整的 CQL2-Text 表达式：比较、且/或/非、LIKE 'a%'、BETWEEN 1 AND 3、IN ('a', 'b')、IS NULL、
        四则运算、CASEI(…)、函数、沿链接的路径（unit.building.floors）、IN (FIND …)，以及除 NEAREST 外的空间子句。
        空值表示未知，只与 IS NULL 匹配。
        """,
      example: "FIND shelter WHERE status = 'open' AND capacity - occupied >= 50;"),
    Topic(
      name: "nearest", chineseName: "最近", also: ["with ties", "含并列", "to", "到"],
      english: """
        NEAREST k TO reference [WITHIN d] keeps the k nearest rows that pass WHERE, ordered by distance, then id.
        WITH TIES keeps rows as near as the k-th. The column `distance` is in metres.
        """,
      chinese: """
        NEAREST k TO 参照 [WITHIN 距离]：在满足条件的行中取最近的 k 行，按距离、编号排序。
        WITH TIES 保留与第 k 行等距的行。列 distance 以米为单位。
        """,
      example: "FIND shelter NEAREST 3 TO AT(113.65, 34.76) WHERE status = 'open';"),
    Topic(
      name: "spatial", chineseName: "空间",
      english: """
        INSIDE r (covered by), INTERSECTS r, TOUCHES r, CONTAINS r, WITHIN 500 m OF r, BEYOND 500 m OF r, each with NOT.
        ON FLOOR -1..2, BELOW ELEVATION 92 m, ABOVE ELEVATION 92 m. IN 3D measures with heights. Touching counts.
        """,
      chinese: """
        INSIDE r（位于）、INTERSECTS r（相交）、TOUCHES r（相接）、CONTAINS r（包含）、WITHIN 500 m OF r（以内）、BEYOND 500 m OF r（以外），
        均可加 NOT。ON FLOOR -1..2（楼层）、BELOW/ABOVE ELEVATION 92 m（高程）。IN 3D 计入高度。相接即算。
        """,
      example: "FIND building WITHIN 500 m OF hazard 'HZ-0231' WHERE floors > 6 ORDER BY distance;"),
    Topic(
      name: "references", chineseName: "参照",
      also: ["at", "bbox", "circle", "file", "坐标", "范围", "圆", "文件", "crs", "坐标系"],
      english: """
        A place in a clause: AT(lon, lat) [IN GCJ02], WKT, BBOX(w, s, e, n), CIRCLE(AT(…), 500 m), layer 'id, code or name',
        a layer (any of its features), $set, (FIND …), FILE 'area.geojson'. Coordinates are WGS 84 unless a CRS is named.
        """,
      chinese: """
        子句中的地点：AT(经度, 纬度) [IN GCJ02]、WKT、BBOX(西, 南, 东, 北)、CIRCLE(AT(…), 500 米)、图层 '编号、代码或名称'、
        图层（其任一要素）、$集合、(FIND …)、FILE 'area.geojson'。未注明坐标系即为 WGS 84。
        """,
      example: "COUNT building INSIDE district '金水区';"),
    Topic(
      name: "distance", chineseName: "距离",
      english:
        "A distance is a number with a unit: 500 m, 2 km, 500 米, 2 公里. A bare number is refused: it could be degrees.",
      chinese: "距离是带单位的数：500 m、2 km、500 米、2 公里。不带单位会被拒绝，因为可能是度。",
      example: "COUNT building WITHIN 1 km OF AT(113.6562, 34.7588) IN GCJ02;"),
    Topic(
      name: "join", chineseName: "连接",
      english: """
        JOIN layer AS x ON condition; ON WITHIN 200 m; JOIN NEAREST k layer AS s [WITHIN d]; LEFT JOIN keeps rows without
        a partner. To restrict the partners of a NEAREST, join a (FIND … WHERE …). Aliases need AS.
        """,
      chinese: """
        JOIN 图层 AS x ON 条件；ON WITHIN 200 m；JOIN NEAREST k 图层 AS s [WITHIN 距离]；LEFT JOIN 保留没有配对的行。
        要限制 NEAREST 的候选，请连接 (FIND … WHERE …)。别名要写 AS。
        """,
      example:
        "FIND hazard AS h LEFT JOIN NEAREST 1 (FIND shelter WHERE status = 'open') AS s WITHIN 1 km RETURN h.id, s.id, distance;"
    ),
    Topic(
      name: "group", chineseName: "分组", also: ["group by"],
      english:
        "GROUP BY keys with COUNT(*), SUM, AVG, MIN, MAX, COUNT(DISTINCT x), then HAVING. NULLs are not counted by COUNT(x).",
      chinese: "GROUP BY（分组）配合 COUNT(*)、SUM、AVG、MIN、MAX、COUNT(DISTINCT x)，再用 HAVING（满足）筛选。COUNT(x) 不计空值。",
      example: "FIND building GROUP BY use RETURN use, COUNT(*) AS n, AVG(height) AS mean_height ORDER BY n DESC;"),
    Topic(
      name: "let", chineseName: "集合", also: ["令"],
      english: "LET $name = reference keeps a place or the rows of a query for the rest of the session.",
      chinese: "LET $名称 = 参照：在本次会话中保留一个地点或一组查询结果。",
      example: "LET $wet = flood 'F-0720'; COUNT building INTERSECTS $wet;"),
    Topic(
      name: "edit", chineseName: "编辑", also: ["edits"],
      english: """
        INSERT INTO layer (columns) VALUES (…); UPDATE layer SET column = expr clauses; DELETE FROM layer clauses. Without
        clauses ALL must be written. Every value is checked. BEGIN … COMMIT or ROLLBACK holds several edits together (the
        prompt is cimq*>); .undo takes back the last edit.
        """,
      chinese: """
        INSERT INTO 图层 (列) VALUES (…)；UPDATE 图层 SET 列 = 值 子句；DELETE FROM 图层 子句。没有子句时必须写 ALL。
        每个值都会检查。BEGIN … COMMIT 或 ROLLBACK 把多个编辑合为一次（提示符为 cimq*>）；.undo 撤销上一次编辑。
        """,
      example: "UPDATE shelter SET status = 'full' WHERE id = 'S-0001';"),
    Topic(
      name: "emergency", chineseName: "应急",
      english: """
        EXPOSE layers TO reference [LEVEL z] [BY FLOOR] [GROUP BY grid3]: who and what a flood or a fire reaches.
        ALLOCATE source TO source CAPACITY expr [MAX d] [KEEP household TOGETHER]: who goes to which shelter.
        LINK layer TO layer BY INSIDE [ELSE NEAREST WITHIN d] [DRY RUN]: matches rows to grids.
        BRIEF reference [RADIUS d]: what a duty officer must know of a place.
        """,
      chinese: """
        EXPOSE（暴露）图层 TO 参照 [LEVEL 水位] [BY FLOOR] [GROUP BY grid3]：洪水或火灾波及的人与物。
        ALLOCATE（分配）来源 TO 去处 CAPACITY 容量 [MAX 距离] [KEEP household TOGETHER]：谁去哪个避难场所。
        LINK（匹配）图层 TO 图层 BY INSIDE [ELSE NEAREST WITHIN 距离] [DRY RUN]：把要素匹配到网格。
        BRIEF（简报）参照 [RADIUS 半径]：值班人员需要了解的一处情况。
        """,
      example: "EXPOSE building, unit, person TO flood 'F-0720' BY FLOOR GROUP BY grid3;"),
    Topic(
      name: "export", chineseName: "导出", also: ["export to", "导出到", "format", "precision", "格式", "精度"],
      english: """
        EXPORT TO 'file' writes a result by its extension: csv, tsv, json, jsonl, geojson, geojsonl, md, wkt, html (a map page).
        FORMAT f, CRS c, PRECISION n may follow. .once FILE does the same for the next result.
        """,
      chinese: """
        EXPORT TO '文件' 按扩展名写出：csv、tsv、json、jsonl、geojson、geojsonl、md、wkt、html（网页地图）。
        可加 FORMAT、CRS、PRECISION。.once 文件 对下一个结果同样有效。
        """,
      example: "FIND shelter INSIDE district '金水区' EXPORT TO 'shelters.geojson';"),
    Topic(
      name: "maps", chineseName: "地图",
      english: """
        .mode map draws results in the terminal: north up, a scale bar, colours by status; up to twenty rows are numbered.
        .open, EXPORT TO 'x.html' and -o x.html write one page with a map to pan, zoom and click; it needs no network.
        """,
      chinese: """
        .mode map 在终端中画图：上北下南，带比例尺，按状态着色；二十行以内逐个编号。
        .open、EXPORT TO 'x.html' 与 -o x.html 写出一个可平移、缩放、点选的网页，无需网络。
        """,
      example: "FIND building WITHIN 800 m OF hazard 'HZ-0231' EXPORT TO 'near.html';"),
    Topic(
      name: "explain", chineseName: "计划", also: ["解释", "analyze", "分析", "explain analyze"],
      english:
        "EXPLAIN shows the steps of a query and the index that each uses; EXPLAIN ANALYZE runs it and adds rows and times.",
      chinese: "EXPLAIN 显示查询步骤与所用索引；EXPLAIN ANALYZE 实际运行并给出行数与用时。",
      example: "EXPLAIN ANALYZE FIND building WITHIN 500 m OF hazard 'HZ-0231';"),
    Topic(
      name: "chinese", chineseName: "中文",
      english: "Every keyword, layer, column and value has a Chinese spelling: .help 中文 lists the words.", chinese: "",
      example: "查找 避难场所 最近 3 到 AT(113.65, 34.76) 条件 状态 = '开放';"),
    Topic(
      name: "keys", chineseName: "按键",
      english: """
        Enter runs a text that ends with ; and else begins a new line. Tab completes. Up, Down: lines, then history.
        Ctrl-R searches the history. Ctrl-C drops what is typed or stops the running query. Ctrl-D leaves.
        Ctrl-A, Ctrl-E: begin, end of line. Ctrl-W, Ctrl-U, Ctrl-K: cut a word, to the begin, to the end. Ctrl-Y pastes.
        Ctrl-Left, Ctrl-Right: by words. Ctrl-L clears the screen. Ctrl-Z suspends.
        """,
      chinese: """
        Enter 运行以 ; 结尾的语句，否则换行。Tab 补全。上、下键：行间移动，然后是历史。
        Ctrl-R 搜索历史。Ctrl-C 丢弃输入或停止正在运行的查询。Ctrl-D 退出。
        Ctrl-A、Ctrl-E：行首、行尾。Ctrl-W、Ctrl-U、Ctrl-K：剪切单词、到行首、到行尾。Ctrl-Y 粘贴。
        Ctrl-左右：按词移动。Ctrl-L 清屏。Ctrl-Z 挂起。
        """, example: ""),
    Topic(
      name: "config", chineseName: "配置",
      english: """
        When the shell begins on a terminal it runs $XDG_CONFIG_HOME/cimq/rc (else ~/.config/cimq/rc), then ~/.cimqrc: dot
        commands and statements; cimq shell --no-rc leaves them out. History and saved queries are kept for each database in
        $XDG_STATE_HOME/cimq (else ~/.local/state/cimq). NO_COLOR, PAGER, CIMQ_PAGER, LANG and CIMQ_DB are honoured.
        """,
      chinese: """
        在终端中启动时依次运行 $XDG_CONFIG_HOME/cimq/rc（否则 ~/.config/cimq/rc）与 ~/.cimqrc 中的命令和语句；
        cimq shell --no-rc 则跳过。历史与保存的查询按数据库存放在 $XDG_STATE_HOME/cimq（否则 ~/.local/state/cimq）。
        遵循 NO_COLOR、PAGER、CIMQ_PAGER、LANG、CIMQ_DB。
        """, example: ".lang zh"),
  ]
}
