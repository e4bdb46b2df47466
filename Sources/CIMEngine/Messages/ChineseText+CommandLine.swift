extension ChineseText {
  /// What the command line says when it is wrong: a line in English, a line in Chinese.
  static let commandLine = #"""
    Error: {}
    错误：{}
    Usage: {}
    用法：{}
    See '{}' for more information.
    详见 `{}`。
    Help:  {}
    说明：{}
    Unknown option '{}'. Did you mean '{}'?
    没有选项 '{}'；是否为 '{}'？
    Unknown option '{}'
    没有选项 '{}'
    Missing value for '{} <{}>'
    选项 '{}' 缺少取值 <{}>
    Missing value for '{}'
    选项 '{}' 缺少取值
    The option '{}' does not take any value, but '{}' was specified.
    选项 '{}' 不带取值，却写了 '{}'。
    Unexpected argument '{}'
    多余的参数 '{}'
    {} unexpected arguments: '{}'
    {} 个多余的参数：'{}'
    Missing expected argument '{}'
    缺少参数 '{}'
    Missing one of: '{}'
    缺少其中之一：'{}'
    The value '{}' is invalid for '{} <{}>'. Please provide one of {}.
    '{1}' 不能作为 '{2} <{3}>' 的取值，可用的有 {4}。
    The value '{}' is invalid for '{} <{}>'. Please provide one of the following:
    '{1}' 不能作为 '{2} <{3}>' 的取值，可用的有：
    The value '{}' is invalid for '{} <{}>'
    '{}' 不能作为 '{} <{}>' 的取值
    The value '{}' is invalid for '{}'
    '{}' 不能作为 '{}' 的取值
    Value to be set with {} had already been set with {}
    {} 的取值已由 {} 给出
    which database? {} — or set CIMQ_DB
    哪个数据库？{}，或设置 CIMQ_DB
    --scale is more than 0 and at most 1
    --scale 大于 0，至多 1
    what to import? cimq import DB SOURCE…
    导入什么？cimq import 数据库 来源…
    --rejects goes with --skip-invalid
    --rejects 与 --skip-invalid 同用
    --types wants col=type with text, int, double, bool, date, timestamp or list; found `{}`
    --types 写作 列=类型，类型为 text、int、double、bool、date、timestamp 或 list；现为 `{}`
    which layers? cimq link DB LAYER TARGET, such as: cimq link city.sqlite unit grid3
    哪些图层？cimq link 数据库 图层 目标，例如：cimq link city.sqlite unit grid3
    where to? cimq backup DB FILE, such as: cimq backup city.sqlite city-backup.sqlite
    备份到哪里？cimq backup 数据库 文件，例如：cimq backup city.sqlite city-backup.sqlite
    audit is written as table, csv, tsv, json, jsonl or markdown, not {}
    audit 可写为 table、csv、tsv、json、jsonl 或 markdown，不能为 {}
    --layer LAYER and a text to run: give one of them
    --layer 图层 与语句只能给一个
    -f FILE and a query on the command line: give one of them
    -f 文件 与命令行上的语句只能给一个
    what to ask? cimq query DB 'QUERY', or -f FILE, or - for stdin
    查询什么？cimq query 数据库 '语句'，或 -f 文件，或用 - 读标准输入
    {} texts were given where one is wanted; put the query in quotes: cimq query DB 'FIND …'
    只要一条语句，却给了 {} 段文本；请给语句加引号：cimq query 数据库 'FIND …'
    CityJSON is written in the working CRS with millimetres; --crs, --precision and --format do not go with it
    CityJSON 按工作坐标系和毫米写出；不能同用 --crs、--precision、--format
    CityJSON is written with personal data masked; --personal goes with .geojson or .csv
    CityJSON 中个人信息总是脱敏；--personal 用于 .geojson 或 .csv
    what to export? cimq export DB LAYER -o FILE, or --query 'QUERY'
    导出什么？cimq export 数据库 图层 -o 文件，或 --query '语句'
    completions are there for bash, zsh and fish; found `{}`
    补全脚本有 bash、zsh、fish 三种；现为 `{}`
    -k wants a number of at least 1
    -k 要一个不小于 1 的数
    --at wants longitude,latitude such as 113.65,34.76, or the name of a place; found `{}`
    --at 要经度,纬度（如 113.65,34.76）或地名；现为 `{}`
    --crs belongs to a coordinate; a place is found in the database and needs none
    --crs 用于坐标；地名在数据库中查找，无需坐标系
    --avoiding goes with --by-road
    --avoiding 与 --by-road 同用
    which layer? cimq nearest DB LAYER --at LON,LAT, such as: shelter
    哪个图层？cimq nearest 数据库 图层 --at 经度,纬度，例如：shelter
    --avoiding wants one area, such as "{}"
    --avoiding 要一个区域，例如 "{}"
    packing the snapshot ({} layers)
    正在打包快照（{} 个图层）
    inserted: {}
    已插入：{} 行
    updated: {}
    已更新：{} 行
    deleted: {}
    已删除：{} 行
    --filter-json goes with one FIND or COUNT, or with the name of a layer
    --filter-json 与一条 FIND 或 COUNT，或一个图层名同用
    """#
}
