extension ChineseText {
  /// What binder and executor say: a line in English, a line in Chinese.
  static let binding = #"""
    there is no layer `{}`
    没有图层 `{}`
    `{}` has no column `{}`
    `{}` 没有列 `{}`
    `{}` could be {}
    `{}` 可能是 {}
    there is no function `{}`
    没有函数 `{}`
    `{}` has nothing with id, code or name '{}'
    `{}` 里没有编号、代码或名称为 '{}' 的要素
    '{}' names several rows of `{}`: {}
    `{2}` 里有几行叫 '{1}'：{3}
    `${}` is not defined
    `${}` 没有定义
    unknown CRS `{}`
    不认识坐标系 `{}`
    `{}` has no value '{}'; it has: {}
    `{}` 没有取值 '{}'；取值有：{}
    {} is not supported in this version
    本版本不支持 {}
    stopped after {} s (--timeout)
    {} 秒后停止（--timeout）
    interrupted
    已中断
    SUM gives a whole number beyond 64 bits
    SUM 的整数结果超出 64 位
    multiply by 1.0 to sum decimal numbers
    乘以 1.0 即按小数求和
    `{}` gives a whole number beyond 64 bits
    `{}` 的整数结果超出 64 位
    multiply one side by 1.0 to work with decimal numbers
    一边乘以 1.0 即按小数计算
    write {} or a code such as EPSG:4547
    请写 {}，或 EPSG:4547 之类的代码
    define it first: LET ${} = …, or --param {}=…
    请先定义：LET ${} = …，或 --param {}=…
    the query needs more than {} MB of memory (--max-memory)
    查询所需内存超过 {} MB（--max-memory）
    ask for fewer rows or columns, or raise the limit
    请少要些行或列，或调高上限
    the database has no layers yet
    数据库里还没有图层
    there are: {}
    现有：{}
    an aggregate cannot stand here
    这里不能用聚合函数
    the geometry
    该几何
    an alias stands for one row at a time here
    这里别名一次只代表一行
    the rows of `{}` have no geometry
    `{}` 的行没有几何
    `{}` has no geometry to measure from
    `{}` 没有可以量距的几何
    `{}` has no geometry
    `{}` 没有几何
    JOIN NEAREST needs a geometry on both sides
    JOIN NEAREST 两边都要有几何
    a distance in a database in degrees ({})
    以度为单位的数据库（{}）中的距离
    import into a database with a projected working CRS
    请导入到工作坐标系为投影坐标系的数据库
    the groups are no rows of a layer, so they have no geometry
    分组不是图层的行，所以没有几何
    {} stands in an aggregate such as COUNT, not in {}
    {} 用在 COUNT 之类的聚合函数里，不能用在 {} 里
    {} takes {} arguments, not {}
    {} 要 {} 个参数，现有 {} 个
    {} takes {} argument, not {}
    {} 要 {} 个参数，现有 {} 个
    {} or more
    至少 {}
    the arguments of {}
    {} 的参数
    {} takes a unit of time first, not {}
    {} 的第一个参数是时间单位，不能是 {}
    write 'second', 'minute', 'hour', 'day', 'week', 'month' or 'year'
    请写 '秒'、'分钟'、'小时'、'天'、'周'、'月' 或 '年'
    {} takes the name of a CRS, not {}
    {} 要坐标系的名称，不能是 {}
    a text or a line
    文本或线
    {} takes {}; {} is {}
    {} 要{}；{} 是{}
    {} takes a geometry; `{}` is a row
    {} 要几何；`{}` 是一行
    a geometry
    几何
    a date or a time
    日期或时刻
    {} takes two geometries and a distance
    {} 要两个几何和一个距离
    the interval ends before it starts
    时段的结束早于开始
    a list such as ('a', 'b')
    列表，例如 ('a', 'b')
    an aggregate inside an aggregate
    聚合函数里不能再有聚合函数
    {}(…) looks at many rows and cannot stand in {}
    {}(…) 要看许多行，不能写在 {} 里
    use HAVING after GROUP BY
    请在 GROUP BY 之后用 HAVING（满足）
    only COUNT takes `*`
    只有 COUNT 可以用 `*`
    {} takes {}, not {}
    {} 要{}，现有 {} 个
    one argument
    一个参数
    a value and a share from 0 to 1
    一个值和一个 0 到 1 的比例
    for the greatest of several values write GREATEST(…)
    几个值中取最大请写 GREATEST(…)
    for the least of several values write LEAST(…)
    几个值中取最小请写 LEAST(…)
    a value that has an order
    可以排序的值
    the share of PERCENTILE is a number from 0 to 1
    PERCENTILE 的比例是 0 到 1 的数
    a condition is true or false; {} is {}
    条件是真或假；{} 是{}
    compare it, such as `{} = …`
    请作比较，例如 `{} = …`
    INTERVAL stands only in a temporal function (T_…)
    INTERVAL 只能写在时间函数（T_…）里
    `{}` is neither a key of GROUP BY nor inside an aggregate
    `{}` 既不是 GROUP BY 的键，也不在聚合函数里
    write GROUP BY {}, or MAX({})
    请写 GROUP BY {}，或 MAX({})
    geometries are not compared with `=`
    几何不用 `=` 比较
    {} is {} and {} is {}
    {} 是{}，而 {} 是{}
    write {} without quotes
    {} 不要加引号
    write '{}' in quotes
    请加引号写 '{}'
    write TRUE or FALSE
    请写 TRUE（真）或 FALSE（假）
    a length
    长度
    an area
    面积
    a volume
    体积
    {} is not a date or a time
    {} 不是日期或时刻
    '{}' is not a date
    '{}' 不是日期
    '{}' is not a time
    '{}' 不是时刻
    '{}' is neither a date, nor a time, nor '..'
    '{}' 不是日期、时刻，也不是 '..'
    write '2021-07-20' or '2021-07-20T16:00:00Z'
    请写 '2021-07-20' 或 '2021-07-20T16:00:00Z'
    the subquery of IN returns {} columns, not one
    IN 的子查询返回 {} 列，应为一列
    add RETURN and the column to look in
    请加上 RETURN 和要找的列
    {} is {} and the subquery returns {}
    {} 是{}，而子查询返回{}
    to join texts write CONCAT(a, b)
    连接文本请写 CONCAT(a, b)
    `{}` takes numbers; {} is {}
    `{}` 要数值；{} 是{}
    {} takes text; {} is {}
    {} 要文本；{} 是{}
    `${}` is a set of places, not a value
    `${}` 是一组地点，不是值
    use it as a place: {}
    请作地点用：{}
    the results of CASE
    CASE 的结果
    {} are of one type; {} is {} and {} is {}
    {}须是同一类型；{} 是{}，而 {} 是{}
    a date
    日期
    a time
    时刻
    a list
    列表
    text
    文本
    this place
    这里
    HAVING asks about groups
    HAVING 问的是分组
    use WHERE, or add GROUP BY
    请用 WHERE，或加上 GROUP BY
    `*` cannot stand beside GROUP BY or an aggregate
    `*` 不能与 GROUP BY 或聚合函数并列
    name the keys and the aggregates
    请写出键和聚合函数
    two columns are named `{}`
    有两列都叫 `{}`
    give one another name with AS
    用 AS 给其中一个另起名称
    {} has no order
    {}不能排序
    with DISTINCT, ORDER BY takes the columns that are returned
    有 DISTINCT 时，ORDER BY 只能用返回的列
    add {} to the columns
    请把 {} 加到列里
    ORDER BY takes a column or an expression, not a constant
    ORDER BY 要列或表达式，不能是常量
    name the column to order by
    请写排序所用的列
    `{}` can be reached in several ways: {}
    到 `{}` 有几条路：{}
    name the column, such as `{}`
    请写出列，例如 `{}`
    `{}` has neither a code nor an id
    `{}` 既没有代码也没有编号
    the statement
    本语句
    `distance` is there after NEAREST … TO or WITHIN … OF
    `distance` 要在 NEAREST … TO 或 WITHIN … OF 之后才有
    the geometry is `geom`
    几何列叫 `geom`
    for its place write `{}`
    它的位置请写 `{}`
    it has: {}
    它有：{}
    `{}` is joined later
    `{}` 是后面才连接的
    ON FLOOR asks for the rows of a layer with a column `floor`, such as `unit`
    ON FLOOR 用于有 `floor` 列的图层，例如 `unit`（房屋）
    `floor` is {}, not a number
    `floor` 是{}，不是数值
    `{}` has no height: neither `z_min`, nor `ground_z`, nor points with z
    `{}` 没有高程：没有 `z_min`、`ground_z`，也不是带 z 的点
    the height of `{}` is not a number
    `{}` 的高程不是数值
    `{}` is an area, not a distance
    `{}` 是面积，不是距离
    a distance is a number of metres; {} is {}
    距离是米数；{} 是{}
    the radius of a circle is a fixed length
    圆的半径是固定长度
    use WITHIN {} OF …
    请用 WITHIN {} OF …
    use WITHIN {} m OF …
    请用 WITHIN {} m OF …
    `{}` '{}' has no geometry
    `{}` '{}' 没有几何
    the rows of this reference have no geometry
    这个引用的行没有几何
    leave out GROUP BY and DISTINCT, and name a layer with a place
    去掉 GROUP BY 和 DISTINCT，并写有位置的图层
    name one by its id: {} '{}'
    用编号指明其中一个：{} '{}'
    `${}` has its CRS already
    `${}` 已有坐标系
    sets are nested too deeply (more than 50 levels)
    集合嵌套太深（超过 50 层）
    the parameter `${}` is no place: '{}'
    参数 `${}` 不是地点：'{}'
    give it as lon,lat or as WKT: --param {}=113.65,34.76
    请写成 经度,纬度 或 WKT：--param {}=113.65,34.76
    {} holds no geometry
    {} 里没有几何
    subqueries and sets are nested too deeply (more than 50 levels)
    子查询和集合嵌套太深（超过 50 层）
    two sources are named `{}`
    有两个来源都叫 `{}`
    give one another name with AS: `{}`
    用 AS 给其中一个另起名称：`{}`
    `${}` is a geometry and has no rows
    `${}` 是几何，没有行
    no source is named `{}`
    没有来源叫 `{}`
    the sources are: {}
    来源有：{}
    NEAREST measures from a place that is known before the rows are
    NEAREST 从事先知道的地点量距
    use JOIN NEAREST {} … for the nearest of each row
    求每一行的最近者请用 JOIN NEAREST {} …
    {} takes a whole number from {} on; `${}` is '{}'
    {} 要不小于 {} 的整数；`${}` 是 '{}'
    write --param {}=5
    请写 --param {}=5
    BY ROAD in a database in degrees ({})
    在以度为单位的数据库（{}）里 BY ROAD
    BY ROAD needs a layer `road` of street lines, and there is none
    BY ROAD 需要街道线图层 `road`，而数据库里没有
    import one: cimq import DB streets.geojson --layer road
    请先导入：cimq import DB streets.geojson --layer road
    BY ROAD needs a layer `road` of lines; `road` here holds none
    BY ROAD 需要线图层 `road`；这里的 `road` 没有线
    AVOIDING wants areas that are known before the rows are
    AVOIDING 要事先知道的面
    name an area: a flood, a polygon, CIRCLE(AT(…), 200 m)
    请写一个面：淹没区、多边形、CIRCLE(AT(…), 200 m)
    AVOIDING closes the streets inside an area; this is none
    AVOIDING 封闭面内的街道；这不是面
    AVOIDING closes the streets inside areas; `{}` has none
    AVOIDING 封闭面内的街道；`{}` 没有面
    BY ROAD stands after WITHIN … OF and NEAREST
    BY ROAD 写在 WITHIN … OF 或 NEAREST 之后
    BY ROAD measures from places that are known before the rows are
    BY ROAD 从事先知道的地点量距
    name a row, such as shelter 'S-1', or a (FIND …)
    请写一行，例如 shelter 'S-1'，或 (FIND …)
    `{}` has no geometry, and no link to a layer that has one
    `{}` 没有几何，也没有连到有几何的图层
    `{}` has no geometry of its own: the place is that of its `{}` (through {})
    `{}` 自己没有几何：位置取自它的 `{}`（经 {}）
    {} is no latitude
    {} 不是纬度
    longitude {}, latitude {} is far from the area of {}
    经度 {}、纬度 {} 离 {} 的范围很远
    did you swap lon and lat? Write {}
    是不是把经度和纬度写反了？请写 {}
    did you swap lon and lat?
    是不是把经度和纬度写反了？
    x is longitude, y latitude; name the CRS of other coordinates: IN EPSG:4547
    x 是经度，y 是纬度；其他坐标请写明坐标系：IN EPSG:4547
    the place at longitude {}, latitude {} lies outside the area of {}: distances there are not exact
    经度 {}、纬度 {} 处在 {} 的范围之外：那里的距离不准确
    the south of the box, {}, lies north of its north
    矩形的南边 {} 在北边之北
    the west of the box, {}, lies east of its east
    矩形的西边 {} 在东边之东
    CIRCLE in a database in degrees
    以度为单位的数据库中的 CIRCLE
    the radius of a circle is greater than zero
    圆的半径要大于零
    `{}` has no column `{}` to link to
    `{}` 没有可以连接的列 `{}`
    states no CRS
    没有写明坐标系
    name it in the query: FILE '{}' IN EPSG:4547
    请在查询里写明：FILE '{}' IN EPSG:4547
    holds no geometry
    没有几何
    no row of `{}` has a `{}` yet: LINK {} gives them one
    `{}` 还没有一行填了 `{}`：用 LINK {} 来填
    a division by zero gave NULL: NULLIF or CASE make that case explicit
    有除以零，结果为空值：用 NULLIF 或 CASE 可写明这种情况
    the sets in this LET stand for too much text
    这个 LET 里的集合展开后太长
    geometry of another row
    另一行的几何
    """#
}
