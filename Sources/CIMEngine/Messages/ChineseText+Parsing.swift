extension ChineseText {
  /// What lexer and parser say: a line in English, a line in Chinese.
  static let parsing = #"""
    expected {}, found {}
    此处应为{}，却是 {}
    a source with conditions stands in parentheses: (FIND person INSIDE flood 'F-0720')
    带条件的来源要写在括号里：(FIND person INSIDE flood 'F-0720')
    say how many each has room for: CAPACITY capacity - occupied
    请写明每处能容纳多少人：容量 capacity - occupied
    {} has no end
    {}没有结尾
    `{}` is not a number
    `{}` 不是数
    a distance needs a unit: `{}` could be metres or degrees
    距离要写单位：`{}` 可能是米，也可能是度
    write NEAREST 3 TO AT(lon, lat), or WITHIN 500 m OF AT(lon, lat)
    写 最近 3 到 AT(经度, 纬度)，或 距离 500 米 以内 AT(经度, 纬度)
    write {} '{}'
    写 {} '{}'
    write FIND {} NEAREST 3 TO AT(lon, lat)
    写 查找 {} 最近 3 到 AT(经度, 纬度)
    say how many: NEAREST 1 TO …
    请写个数：最近 1 到 …
    say of which layer, with the id in single quotes: flood '{}'
    请写明图层，编号放在单引号里：淹没区 '{}'
    an id in single quotes, or a clause
    单引号中的编号，或子句
    a brief is about one place and has no conditions: BRIEF hazard 'HZ-0231' RADIUS 2 km
    简报只讲一个地点，不带条件：简报 隐患点 'HZ-0231' 半径 2 公里
    RADIUS, EXPORT TO, `;` or the end
    半径、导出到、`;` 或结尾
    dot commands such as .help and .quit belong to cimq shell
    .help、.quit 等点命令用于 cimq shell
    `{}` is a value of `state` and no column
    `{}` 是“状态”的取值，不是列
    write state = '{}'
    写 状态 = '{}'
    unknown unit `{}`; lengths are in m, km, cm, mm, 米 or 公里
    没有单位 `{}`；长度用 m、km、cm、mm、米、公里
    another object
    别的对象
    `op`, `property`, `date`, `timestamp`, `interval`, a geometry or `bbox`
    `op`、`property`、`date`、`timestamp`、`interval`、几何或 `bbox`
    the name of a property
    属性名
    true or false
    真假值
    a string
    字符串
    an array
    数组
    an object
    对象
    the name of an operator or function
    运算符或函数的名称
    no `args`
    没有 `args`
    `args` beside `op`
    与 `op` 并列的 `args`
    an array of arguments
    参数数组
    at least {}
    至少 {}
    `{}` takes {} arguments, not {}
    `{}` 要 {} 个参数，现有 {} 个
    an array of values
    值的数组
    an array of two ends
    两端的数组
    an array of numbers
    数的数组
    an array of {}
    {}的数组
    another type
    别的类型
    a GeoJSON geometry type
    GeoJSON 的几何类型
    no `coordinates`
    没有 `coordinates`
    `coordinates` beside `type`
    与 `type` 并列的 `coordinates`
    repeat its first point at the end
    在末尾重复第一个点
    the end of the JSON
    JSON 的结尾
    the JSON is nested too deeply (more than {} levels)
    JSON 嵌套太深（超过 {} 层）
    a JSON value
    JSON 值
    a key in double quotes
    双引号中的键
    `:` after the key
    键之后的 `:`
    a digit
    数字
    a control character in a JSON string
    JSON 字符串里的控制字符
    an unknown escape in a JSON string
    JSON 字符串里不认识的转义
    a JSON string
    JSON 字符串
    half a surrogate pair in a JSON string
    JSON 字符串里的半个代理对
    four hexadecimal digits after \u
    \u 之后的四位十六进制数
    a name in double quotes
    双引号里的名称
    an empty name
    空名称
    a name
    名称
    a name after `$`
    `$` 之后的名称
    a text in quotes
    引号里的文本
    a word, a number or a sign of the language
    词、数或语言中的符号
    name the layer first: `FIND building {} …`
    先写图层：`FIND building {} …`
    COUNT returns the count alone
    COUNT 只返回数量
    use FIND … RETURN …, COUNT(*)
    请用 FIND … RETURN …, COUNT(*)
    a statement has one NEAREST
    一条语句只有一个 NEAREST
    use JOIN NEAREST for another
    另一个用 JOIN NEAREST
    a layer, `$name` or `(FIND …)`
    图层、`$名称` 或 `(FIND …)`
    an alias after AS
    AS 之后的别名
    a clause such as RETURN
    RETURN 之类的子句
    name a key in RETURN: `RETURN … AS name`
    在 RETURN 里给键命名：`RETURN … AS 名称`
    the columns to return are given twice
    返回的列写了两次
    {} is given twice
    {} 写了两次
    an alias
    别名
    a name after AS
    AS 之后的名称
    the number after NEAREST
    NEAREST 之后的个数
    an alias after FROM
    FROM 之后的别名
    ON and a condition
    ON 和条件
    ON and a condition after the source of JOIN
    JOIN 的来源之后的 ON 和条件
    内 or 相交 after 在 …
    在 … 之后的“内”或“相交”
    以内 or 以外 after the distance
    距离之后的“以内”或“以外”
    the lower bound of BETWEEN
    BETWEEN 的下界
    NULL or NOT NULL after IS
    IS 之后的 NULL 或 NOT NULL
    a value
    值
    write one `=`
    只写一个 `=`
    AND, OR or the end of the condition
    AND、OR 或条件的结尾
    write `a < b AND b < c`
    请写 `a < b AND b < c`
    a value after {}
    {} 之后的值
    use single quotes for a text: '{}'
    文本用单引号：'{}'
    `,` or `)` in the list of IN
    IN 列表中的 `,` 或 `)`
    a value, a column or a condition
    值、列或条件
    a subquery stands after FROM, JOIN and IN, or where a place is named
    子查询写在 FROM、JOIN、IN 之后，或写在需要地点之处
    `,` or `)` in a list
    列表中的 `,` 或 `)`
    the name of a column after the dot
    点号之后的列名
    a function
    函数
    `,` or `)` in the arguments of {}
    {} 的参数中的 `,` 或 `)`
    write {}
    请写 {}
    `,` between the ends of INTERVAL
    INTERVAL 两端之间的 `,`
    `)` after INTERVAL
    INTERVAL 之后的 `)`
    the condition of WHEN
    WHEN 的条件
    WHEN in CASE
    CASE 里的 WHEN
    WHEN, ELSE or END in CASE
    CASE 里的 WHEN、ELSE 或 END
    a longitude
    经度
    `,` between longitude and latitude
    经度与纬度之间的 `,`
    a latitude
    纬度
    `)` after AT(lon, lat)
    AT(经度, 纬度) 之后的 `)`
    a number
    数值
    `,` or `)` in BBOX(west, south, east, north)
    BBOX(西, 南, 东, 北) 中的 `,` 或 `)`
    BBOX takes 4 numbers, or 6 with heights, not {}
    BBOX 要 4 个数，带高程时 6 个，现有 {} 个
    bbox takes 4 numbers, or 6 with heights, not {}
    bbox 要 4 个数，带高程时 6 个，现有 {} 个
    write BBOX(west, south, east, north)
    请写 BBOX(西, 南, 东, 北)
    a geometry such as {}
    几何，例如 {}
    `,` and a radius
    `,` 和半径
    `)` after CIRCLE(geometry, radius)
    CIRCLE(几何, 半径) 之后的 `)`
    measures (M) are not part of a place
    地点不含 M 值
    leave M out
    去掉 M
    `,` or `)` between the points
    点之间的 `,` 或 `)`
    `)` at the end of the geometry
    几何末尾的 `)`
    `,` or `)` between the geometries
    几何之间的 `,` 或 `)`
    a line needs two points
    线至少有两个点
    `(` and a ring of points
    `(` 和一圈点
    a ring needs four points, the last equal to the first
    环至少有四个点，末点与首点相同
    the ring is not closed
    环没有闭合
    repeat its first point at the end: {} {}
    在末尾重复第一个点：{} {}
    a second number: a point is `x y`, without a comma
    第二个数：点写作 `x y`，中间没有逗号
    a height
    高程
    a point has two numbers, or three with a height
    点有两个数，带高程时三个
    either every point of a geometry has a height or none
    一个几何的点要么都有高程，要么都没有
    a spatial clause after NOT
    NOT 之后的空间子句
    最近 is no condition; it stands as a clause
    “最近”不是条件，而是子句
    OF after the distance
    距离之后的 OF（以内）
    OF and what the distance is from
    OF（以内）和量距的对象
    the floors {}..{} run downwards
    楼层 {}..{} 由高到低
    a floor: …, -2, -1, 1, 2, …
    楼层：…、-2、-1、1、2、…
    there is no floor 0: floors are …, -2, -1, 1, 2, …
    没有 0 层：楼层为 …、-2、-1、1、2、…
    the ground floor is 1, the first below ground -1
    地面层是 1，地下一层是 -1
    `)` after the subquery
    子查询之后的 `)`
    a path
    路径
    a place
    地点
    say of which layer: `hazard '{}'`, or `FILE '{}'` for a file
    写明图层：`hazard '{}'`；若是文件则写 `FILE '{}'`
    a place: a layer with an id or name, AT(lon, lat), a geometry, `$name`, FILE '…' or `(FIND …)`
    地点：图层加编号或名称、AT(经度, 纬度)、几何、`$名称`、FILE '…' 或 `(FIND …)`
    an id or a name in single quotes
    单引号里的编号或名称
    `;` or the end after EXPORT TO, which comes last
    `;` 或结尾：EXPORT TO 写在最后
    a clause such as WHERE or RETURN
    WHERE、RETURN 之类的子句
    to find one row write `{}`
    要查一行请写 `{}`
    a clause such as WHERE or RETURN, `;` or the end
    WHERE、RETURN 之类的子句、`;` 或结尾
    an alias needs AS: `AS {}`
    别名前要写 AS：`AS {}`
    a statement: FIND, SELECT, COUNT, LET, EXPOSE, ALLOCATE, LINK, BRIEF, INSERT INTO, UPDATE or DELETE FROM
    语句：查找、选择、统计、令、暴露、分配、匹配、简报、插入到、更新或删除
    the columns of SELECT
    SELECT 的列
    a name with `$` after LET, such as `$flood`
    LET 之后带 `$` 的名称，例如 `$flood`
    `=` after the name of LET
    LET 的名称之后的 `=`
    a layer
    图层
    the layers of EXPOSE
    EXPOSE 的图层
    the source of ALLOCATE
    ALLOCATE 的来源
    the places of ALLOCATE
    ALLOCATE 的目标
    a column after KEEP
    KEEP 之后的列
    the column of KEEP
    KEEP 的列
    a layer after {}
    {} 之后的图层
    the layer of {}
    {} 的图层
    the layers of LINK
    LINK 的图层
    `(` and the columns to fill
    `(` 和要填的列
    a column
    列
    the columns (or a FIND)
    列（或 FIND）
    `(` and the values of a row
    `(` 和一行的值
    a row has {} values for {} columns
    一行有 {} 个值，而列有 {} 个
    `=` and the new value
    `=` 和新值
    WHERE or another clause that says which rows
    说明是哪些行的 WHERE 或其他子句
    write ALL to change every row
    要改每一行请写 ALL
    a path in single quotes after EXPORT TO, such as 'out.geojson'
    EXPORT TO 之后单引号里的路径，例如 'out.geojson'
    a format such as geojson or csv
    geojson、csv 之类的格式
    AND, OR or the end of the filter
    AND、OR 或筛选条件的结尾
    {} after {}
    {}，写在{}之后
    the statement is nested too deeply (more than {} levels)
    语句嵌套太深（超过 {} 层）
    divide it with LET, or use IN (…) for a long list of values
    用 LET 拆开，或用 IN (…) 列出许多值
    the end of the text
    文本的结尾
    a text stands in single quotes: {} = '{}'
    文本写在单引号里：{} = '{}'
    a text stands in single quotes: '{}'
    文本写在单引号里：'{}'
    words need spaces here: `{}`
    这里的词之间要有空格：`{}`
    `{}` is a word of the language; as a name write "{}"
    `{}` 是语言中的词；作名称时写 "{}"
    {}, a whole number
    {}：整数
    {} must be a whole number from {} on, not {}
    {} 须是不小于 {} 的整数，不能是 {}
    a CRS such as GCJ02 or EPSG:4547
    坐标系，例如 GCJ02、EPSG:4547
    `{}` can be read as {}
    `{}` 可以读作 {}
    {} or {}
    {} 或 {}
    put spaces between the words
    请在词之间加空格
    did you mean {}?
    是不是想写 {}？
    """#
}
