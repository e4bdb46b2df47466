extension ChineseText {
  /// What is said of files, databases and the command line most often: a line in English, a line in Chinese.
  static let files = #"""
    {}: no such file
    {}：没有这个文件
    {} is not a file
    {} 不是文件
    there is no such file
    没有这个文件
    there is no such file, but {} lists it
    没有这个文件，而 {} 列出了它
    no permission to read it
    没有读取权限
    is a folder, not a file
    是文件夹，不是文件
    cannot read {}: No such file or directory
    无法读取 {}：没有这个文件
    cannot read {}: Permission denied
    无法读取 {}：没有权限
    cannot read {}: Is a directory
    无法读取 {}：它是文件夹
    cannot read {}: {}
    无法读取 {}：{}
    cannot write {}: No such file or directory
    无法写入 {}：没有这个文件夹
    cannot write {}: Permission denied
    无法写入 {}：没有权限
    cannot write {}: No space left on device
    无法写入 {}：磁盘已满
    cannot write {}: {}
    无法写入 {}：{}
    {} is not UTF-8 text
    {} 不是 UTF-8 文本
    standard input
    标准输入
    the output
    输出
    {}: file is not a database
    {}：不是数据库文件
    {}: database is locked
    {}：数据库正被锁定
    {} is no database of cimq
    {} 不是 cimq 的数据库
    {} exists already
    {} 已经存在
    {} is closed
    {} 已关闭
    the file is empty
    文件是空的
    the file is empty; it needs a header line
    文件是空的；它要有标题行
    the text is not UTF-8
    文本不是 UTF-8
    the text is neither UTF-8 nor GB18030
    文本既不是 UTF-8 也不是 GB18030
    name its encoding with --encoding
    用 --encoding 写明编码
    name the right one with --encoding
    用 --encoding 写明正确的编码
    unknown encoding `{}`
    不认识编码 `{}`
    is not UTF-8 (line {}); read as GB18030
    不是 UTF-8（第 {} 行）；按 GB18030 读
    line {}
    第 {} 行
    feature {}
    第 {} 个要素
    the first line holds numbers, not column names
    第一行是数，不是列名
    add a header line such as id,name,lon,lat
    请加标题行，例如 id,name,lon,lat
    latitude {} is beyond ±90
    纬度 {} 超出 ±90
    longitude {} is beyond ±180
    经度 {} 超出 ±180
    latitude {} is beyond ±90; are `{}` and `{}` swapped?
    纬度 {} 超出 ±90；`{}` 与 `{}` 是不是写反了？
    if these are metres, name their CRS with --crs
    若单位是米，请用 --crs 写明坐标系
    `{}` is '{}', not a number
    `{}` 是 '{}'，不是数
    has {} field, the header has {}
    有 {} 个字段，标题行有 {} 个
    has {} fields, the header has {}
    有 {} 个字段，标题行有 {} 个
    a field that holds the delimiter must be in double quotes
    含分隔符的字段要写在双引号里
    a quote is opened and never closed
    引号没有闭合
    unknown format `{}`; there are: {}
    不认识格式 `{}`；现有：{}
    the extension of {} names no format; name one with FORMAT ({})
    {} 的扩展名不表示格式；请用 FORMAT 写明（{}）
    the folder holds no file that can be imported
    文件夹里没有可以导入的文件
    no file fits this pattern
    没有文件符合这个模式
    '{}' is in the layer `{}` already, with another `{}`
    '{}' 已在图层 `{}` 里，而 `{}` 不同
    --on-conflict replace takes the new row, --on-conflict skip keeps the old one
    --on-conflict replace 取新行，--on-conflict skip 留旧行
    the id '{}' appears twice in what is imported, with another `{}`; first in {}
    编号 '{}' 在导入内容里出现两次，而 `{}` 不同；第一次在 {}
    the id '{}' appears twice in what is imported, with another `{}`
    编号 '{}' 在导入内容里出现两次，而 `{}` 不同
    `{}` is '{}', and `{}.{}` holds {}
    `{}` 是 '{}'，而 `{}.{}` 的取值只有 {}
    did you mean '{}'? --new-values takes values that the list does not know
    是不是想写 '{}'？用 --new-values 可接受列表以外的值
    --new-values takes values that the list does not know
    用 --new-values 可接受列表以外的值
    `{}.{}`: {} value is written in other words and taken as meant, such as '{}' as '{}'
    `{}.{}`：{} 个值换了写法，按原意取用，例如 '{}' 记为 '{}'
    `{}.{}`: {} values are written in other words and taken as meant, such as '{}' as '{}'
    `{}.{}`：{} 个值换了写法，按原意取用，例如 '{}' 记为 '{}'
    `{}`: {} row has the id of an earlier row of this import and other content; the last counts: {}
    `{}`：本次导入有 {} 行与前面的行编号相同而内容不同；以后一行为准：{}
    `{}`: {} row has the id of an earlier row of this import and other content; the first counts: {}
    `{}`：本次导入有 {} 行与前面的行编号相同而内容不同；以前一行为准：{}
    `{}`: {} rows have the id of an earlier row of this import and other content; the last counts: {}
    `{}`：本次导入有 {} 行与前面的行编号相同而内容不同；以后一行为准：{}
    `{}`: {} rows have the id of an earlier row of this import and other content; the first counts: {}
    `{}`：本次导入有 {} 行与前面的行编号相同而内容不同；以前一行为准：{}
    more than {} of {} features are wrong
    {2} 个要素中有误的超过 {1} 个
    {} of {} features are wrong
    {2} 个要素中有 {1} 个有误
    more than {} features are wrong
    有误的要素超过 {} 个
    has no id, by which --on-conflict {} knows the row
    没有编号，而 --on-conflict {} 要靠编号认行
    `{}.{}` has values beside {}, such as '{}': any value is taken
    `{}.{}` 除 {} 之外还有别的取值，例如 '{}'：任何值都接受
    --param wants name=value, found `{}`
    --param 要写成 名称=值，现为 `{}`
    {} holds one result, and this text has {}; use jsonl or table, or run them one by one
    {} 只放一个结果，而这段文本有 {} 个；请用 jsonl 或 table，或逐条运行
    -o was given, but no statement here has a result to write
    写了 -o，但这里没有有结果的语句
    the result has more than {} rows (--max-rows)
    结果超过 {} 行（--max-rows）
    unknown mode `{}`; there are: {}
    没有格式 `{}`；现有：{}
    unknown command {}; did you mean {}?; .help lists them
    没有命令 {}；是不是想写 {}？.help 列出全部
    unknown command {}; .help lists them
    没有命令 {}；.help 列出全部
    .timeout wants a time, such as 10s, or off
    .timeout 要时间，例如 10s，或 off
    .read wants a file with statements
    .read 要一个有语句的文件
    .lang zh or .lang en
    .lang zh 或 .lang en
    which database? {}
    哪个数据库？{}
    what to ask? {}
    问什么？{}
    the snapshot was damaged and has been packed anew; run the statement again
    快照已损坏并已重建；请再运行一次
    the layer `{}` was dropped by another program
    图层 `{}` 被别的程序删除了
    the layer `{}` was made anew or changed by another program; it is taken as it is now
    图层 `{}` 被别的程序重建或改动；按现状使用
    the table `{}`, made by another program, is a layer now
    别的程序建的表 `{}` 现在是图层
    {} is no coordinate reference system that PROJ knows
    PROJ 不认识坐标系 {}
    No such file or directory
    没有这个文件或文件夹
    Permission denied
    没有权限
    """#
}
