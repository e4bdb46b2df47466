extension ChineseText {
  /// What LINK, EXPOSE, ALLOCATE, BRIEF and BY ROAD say: a line in English, a line in Chinese.
  static let city = #"""
    {}: {} rows touched since the last LINK matched with `{}`, {} changed ({}); matching {}, writing {}
    {}：上次 LINK 之后改动的 {} 行与 `{}` 匹配，其中 {} 行有变化（{}）；匹配 {}，写入 {}
    {}: {} rows touched since the last LINK matched with `{}`, {} would change ({}); matching {}; dry run, nothing written
    {}：上次 LINK 之后改动的 {} 行与 `{}` 匹配，其中 {} 行会变化（{}）；匹配 {}；试运行，什么也没有写
    {}: {} rows matched with `{}`, {} changed ({}); matching {}, writing {}
    {}：{} 行与 `{}` 匹配，其中 {} 行有变化（{}）；匹配 {}，写入 {}
    {}: {} rows matched with `{}`, {} would change ({}); matching {}; dry run, nothing written
    {}：{} 行与 `{}` 匹配，其中 {} 行会变化（{}）；匹配 {}；试运行，什么也没有写
    {} on a shared edge or corner, given to the smallest code: {}
    {} 行落在公共边或角点上，归编码最小的一个：{}
    {} where targets overlap, given to the smallest code: {}
    {} 行处有多个目标重叠，归编码最小的一个：{}
    {} in a gap between targets: {}
    {} 行落在目标之间的缝隙里：{}
    {} outside all targets: {}
    {} 行在所有目标之外：{}
    {} without a place: {}
    {} 行没有位置：{}
    `cimq link DB {} {} --report FILE` lists them all
    用 `cimq link DB {} {} --report 文件` 列出全部
    bringing the snapshot up to date: {}
    正在更新快照：{}
    no flood matches, so nothing is exposed
    没有符合的淹没区，因此没有暴露对象
    the surface is made from `{}` of kind 'water_level' only
    水面只由 `{}` 中类型为 'water_level' 的点得出
    water level by inverse distance (power 2, {} nearest) from {} points of `{}`
    水位由 `{3}` 的 {2} 个点按反距离加权（2 次幂，最近 {1} 个）得出
    rule {} ({}: {}), for {} of `{}` whose storeys are not known
    规则 {}（{}：{}），用于层高未知的 {} 个 `{}`
    rule age bands: {} ({}: {})
    规则“年龄段”：{}（{}：{}）
    rule threat grades: {} ({}: {})
    规则“威胁等级”：{}（{}：{}）
    `{}` has no geometry of its own: the place is that of its `{}` (through {})
    `{}` 自身没有几何：位置取其 `{}`（经 {}）
    {} of {} people to {} of {} places
    {2} 人中的 {1} 人安置到 {4} 处场所中的 {3} 处
    {} people unserved, {} of them without a place of their own: their rows have no {}
    {} 人未安置，其中 {} 人自身没有位置：他们的行没有 {}
    {} people unserved: their rows have no {}
    {} 人未安置：他们的行没有 {}
    no place takes more than its capacity
    没有场所超出容量
    {} person-metres ({} m a head), in straight lines
    共 {} 人·米（人均 {} 米），按直线距离
    {} person-metres ({} m a head), by road
    共 {} 人·米（人均 {} 米），沿道路
    {} person-metres, in straight lines
    共 {} 人·米，按直线距离
    {} person-metres, by road
    共 {} 人·米，沿道路
    this is the optimum: {} of {} pairs held, the others ruled out by price ({} nearest first, {} passes, {} pivots)
    这是最优解：{2} 对中保留了 {1} 对，其余由价格排除（先取最近 {3} 个，{4} 遍，{5} 次换基）
    at least {} person-metres for that many people, so the gap is at most {} %: {} of {} pairs held, the others ruled out by price ({} nearest first, {} passes, {} pivots)
    安置这么多人至少要 {1} 人·米，差距至多 {2} %：{4} 对中保留了 {3} 对，其余由价格排除（先取最近 {5} 个，{6} 遍，{7} 次换基）
    {} place of unknown capacity, left out: {}
    {} 处场所容量不明，未计入：{}
    {} places of unknown capacity, left out: {}
    {} 处场所容量不明，未计入：{}
    {} place with less than no room, counted as full: {}
    {} 处场所余量为负，按已满计：{}
    {} places with less than no room, counted as full: {}
    {} 处场所余量为负，按已满计：{}
    {} place without a geometry, left out: {}
    {} 处场所没有几何，未计入：{}
    {} places without a geometry, left out: {}
    {} 处场所没有几何，未计入：{}
    {} rows of unknown demand, left out: {}
    {} 行需求不明，未计入：{}
    {} rows without a group stand alone, under their ids
    {} 行没有分组，各自以编号单独计
    rows of `{}` that are areas are measured from their centroids
    `{}` 中为面的行从形心量距
    {}; people are at most {} from a street, places {}
    {}；人距街道至多 {}，场所距街道至多 {}
    {}; {} is {} from the nearest street
    {}；{} 距最近的街道 {}
    distances are by road: straight to the nearest street, along streets, and straight off them; streets inside {} are closed; {} is {} from the nearest street
    距离沿道路计：直线到最近的街道，沿街道走，再直线离开；{} 内的街道封闭；{} 距最近的街道 {}
    distances are by road: straight to the nearest street, along streets, and straight off them; streets inside {} are closed; people are at most {} from a street, places {}
    距离沿道路计：直线到最近的街道，沿街道走，再直线离开；{} 内的街道封闭；人距街道至多 {}，场所距街道至多 {}
    {}, as shipped
    {}（出厂值）
    project default; residential storeys are 2.8 m and more in GB 50096-2011
    项目默认值；《住宅设计规范》GB 50096-2011 的住宅层高为 2.8 米
    age groups of the national census (0–14, 15–59, 60 and over); 80 and over apart
    全国人口普查年龄分组（0–14、15–59、60 岁及以上），80 岁及以上单列
    GB 51143-2015 as commonly quoted; not verified against the text, check before use
    《防灾避难场所设计规范》GB 51143-2015 的常见引用值；未与原文核对，使用前请核对
    grades of geological hazards by people to be moved (威胁人数)
    按威胁人数划分的地质灾害等级
    child {}, adult {}, older {}, oldest {}
    儿童 {}，成人 {}，老年人 {}，高龄老人 {}
    extra_large from {}, large from {}, medium from {}, small from {}
    特大型 {} 人起，大型 {} 人起，中型 {} 人起，小型 {} 人起
    the rows of an EXPOSE in parentheses are those of one layer
    括号中的 EXPOSE（暴露）给出一个图层的行
    BY FLOOR gives totals, and an EXPOSE in parentheses stands for rows
    BY FLOOR（逐层）给出合计，而括号中的 EXPOSE（暴露）代表行
    write GROUP BY floor around it
    在外层写 GROUP BY floor（分组 楼层）
    an EXPOSE in parentheses with RETURN, GROUP BY, ORDER BY or LIMIT is about one flood, not {}
    括号中的 EXPOSE（暴露）带返回、分组、排序或限时只针对一个淹没区，而不是 {} 个
    name one, such as flood 'F-0720'
    请指明一个，例如 淹没区 'F-0720'
    EXPOSE inside another EXPOSE
    EXPOSE（暴露）中的 EXPOSE
    NEAREST … IN 3D
    NEAREST（最近）… IN 3D（三维）
    ask WITHIN 200 m OF … IN 3D ORDER BY distance LIMIT {}
    改问：距离 200 米 以内 … 三维 排序 距离 限 {}
    there is no command `{}`; did you mean cimq {}?
    没有命令 `{}`；是否为 cimq {}？
    there is no command `{}`; there are: {}
    没有命令 `{}`；有：{}
    `{}` is a file and no command; did you mean cimq shell {}, or cimq query {} 'FIND …'?
    `{}` 是文件而不是命令；是否为 cimq shell {} 或 cimq query {} 'FIND …'？
    distances are by road: straight to the nearest street, along streets, and straight off them; streets inside {} are closed
    距离沿道路计：直线到最近的街道，沿街道走，再直线离开；{} 内的街道封闭
    distances are by road: straight to the nearest street, along streets, and straight off them
    距离沿道路计：直线到最近的街道，沿街道走，再直线离开
    no open street within {} of {} points of people and {} places: they cannot be reached by road
    {2} 处人的位置和 {3} 处场所 {1} 内没有可走的街道：沿道路到不了
    the brief has no {}: the database lacks what they need
    简报缺少 {}：数据库没有所需的内容
    {}: {} of {} are shown
    {}：显示 {3} 个中的 {2} 个
    a brief is about one place
    简报只针对一个地点
    a brief is about one place, not {}
    简报只针对一个地点，而不是 {} 个
    a radius is not negative
    半径不能为负
    `{}` has no heights
    `{}` 没有高程
    `{}` has no heights: neither `z_min`, nor `ground_z`, nor points with z
    `{}` 没有高程：既没有 `z_min`，也没有 `ground_z`，也不是带 z 的点
    write `LEVEL NULL` to count what is inside the flood at any height
    写 `LEVEL NULL` 可不论高程统计淹没区内的对象
    a geometry has no level of its own
    几何自身没有水位
    say it: `LEVEL 92.5 m`, or `LEVEL NULL` for what is inside at any height
    请写明：`LEVEL 92.5 m`，或写 `LEVEL NULL` 不论高程
    TOLERANCE is a fixed length, such as 0.2 m
    TOLERANCE（容差）是固定的长度，例如 0.2 米
    exposed: {} in {}
    暴露：{2} 中的 {1}
    people: rows of {}
    人：{} 的行
    places: rows of {}, as many people as {}
    场所：{} 的行，可容 {} 人
    no farther than {}
    不远于 {}
    distances are straight lines in metres
    距离为直线，单位米
    serve as many people as possible, then the least person-metres: network simplex over the nearest places of each source, all other pairs ruled out by price
    先安置尽可能多的人，再使人·米最小：对各来源最近的场所用网络单纯形，其余的对由价格排除
    keep each {} together: rounded from that optimum, which is the bound for the gap
    同一 {} 不拆分：由该最优解取整，并以它为差距的下界
    {}: left out, the database lacks what it needs
    {}：略去，数据库没有所需的内容
    """#
}
