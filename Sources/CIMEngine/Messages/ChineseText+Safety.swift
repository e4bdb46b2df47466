extension ChineseText {
  /// What backups, the sandbox, personal data, imports with wrong features and exports say: a line in English, a line in
  /// Chinese.
  static let safety = #"""
    {} is the database itself
    {} 就是该数据库本身
    {} exists already; --force replaces it
    {} 已经存在；--force 可替换
    {} is there: a database of that name is in use, or was not closed
    {} 还在：同名的数据库正在使用，或没有正常关闭
    name another file, or open and close that database first
    请换一个文件名，或先打开再关闭那个数据库
    the copy is not sound ({}), so it was not kept
    副本有损坏（{}），未保留
    no answer
    没有应答
    a value or the statement is too long: raw SQL reads and makes values of at most 64 MB
    取值或语句太长：原始 SQL 读取和生成的值至多 64 MB
    `cimq check` says what is wrong with the database
    `cimq check` 可查出数据库的问题
    names and phones do not leave without a note of it, and that could not be written
    输出姓名和电话必须先记录，而记录无法写入
    without --personal they are masked
    不加 --personal 则脱敏输出
    names and phones do not leave while a transaction is open; COMMIT or ROLLBACK it first
    有未结束的事务时不输出姓名和电话；请先 COMMIT 或 ROLLBACK
    the sandbox {} is not a folder
    沙箱 {} 不是文件夹
    the sandbox {}: {}
    沙箱 {}：{}
    cannot read {}: in a sandbox only plain files are read
    无法读取 {}：沙箱中只读普通文件
    cannot write {}: it is there already and is not a plain file
    无法写入 {}：它已存在且不是普通文件
    {} names no file
    {} 不是文件名
    {} is outside of the sandbox {}
    {} 在沙箱 {} 之外
    name a file in it: '{}'
    请写其中的文件：'{}'
    the name of a file holds a NUL character
    文件名中有 NUL 字符
    {} is not allowed with --sandbox
    使用 --sandbox 时不允许 {}
    in a sandbox only GeoJSON, CSV, TSV and CityJSON are read, file by file
    沙箱中只逐个读取 GeoJSON、CSV、TSV 和 CityJSON 文件
    cannot write {}: in a sandbox no other program is started, and {} needs `ogr2ogr`
    无法写入 {}：沙箱中不启动其他程序，而 {} 需要 `ogr2ogr`
    CityJSON is not written in a sandbox
    沙箱中不写 CityJSON
    {} exists already; name another file with --rejects, or remove it
    {} 已经存在；请用 --rejects 写另一个文件，或将其删除
    --skip-invalid imports the others and writes these, with the reasons, to a file
    --skip-invalid 导入其余要素，并将这些连同原因写入文件
    {}: 1 geometry is not valid and imported as it is (--skip-invalid leaves them out): {}
    {}：1 个几何无效，按原样导入（--skip-invalid 可跳过）：{}
    {}: {} geometries are not valid and imported as they are (--skip-invalid leaves them out): {}
    {}：{} 个几何无效，按原样导入（--skip-invalid 可跳过）：{}
    nothing was imported; name another file for wrong features: --rejects FILE
    什么也没有导入；请为有误的要素另写文件：--rejects 文件
    cannot write {}: {} is written through GDAL's `ogr2ogr`, which is not installed
    无法写入 {}：{} 要通过 GDAL 的 `ogr2ogr` 写，而它没有安装
    install gdal-bin, or export GeoJSON, GeoJSONSeq or CSV
    请安装 gdal-bin，或导出 GeoJSON、GeoJSONSeq、CSV
    {} is in WGS 84, not {}
    {} 用 WGS 84，不用 {}
    {} cannot say that its coordinates are {}
    {} 无法写明坐标系是 {}
    DXF holds geometry only: the columns are left out
    DXF 只存几何：各列不写
    in {} `{}` is `{}`
    在 {} 中，`{}` 写作 `{}`
    cannot write {}: one {} file holds one kind of geometry, and this result has {}; use .gpkg, or export one kind at a time
    无法写入 {}：一个 {} 文件只存一种几何，而结果有 {}；请用 .gpkg，或分类型导出
    cannot write {}: the result has no geometry; use .csv or .gpkg
    无法写入 {}：结果没有几何；请用 .csv 或 .gpkg
    `{}`: {} text of more than {} bytes is cut, which is all that {} holds
    `{}`：{} 个文本超过 {} 字节，已截断，{} 只能存这么多
    `{}`: {} texts of more than {} bytes are cut, which is all that {} holds
    `{}`：{} 个文本超过 {} 字节，已截断，{} 只能存这么多
    cannot write {}: `ogr2ogr` was stopped after {} s (--timeout)
    无法写入 {}：`ogr2ogr` 在 {} 秒后停止（--timeout）
    cannot write {}: this GDAL has no driver for {}
    无法写入 {}：此 GDAL 没有 {} 的驱动
    cannot write {}: `ogr2ogr` {}
    无法写入 {}：`ogr2ogr` {}
    `ogr2ogr` is not installed
    没有安装 `ogr2ogr`
    VISIBLE FROM the rows of a join
    连接的行作为 VISIBLE FROM 的视点
    name a point with a height
    请写带高程的点
    `{}` is the row that is asked about
    `{}` 就是被问的那一行
    name another source of the statement, a layer, a feature or a geometry with heights
    请写语句中的另一个来源、图层、要素，或带高程的几何
    name a layer, a feature or a geometry with heights
    请写图层、要素，或带高程的几何
    a condition in 3D is asked of the rows of a layer
    三维条件问的是图层的行
    a distance is measured IN 3D or BY ROAD, not both
    距离要么按三维（IN 3D），要么沿道路（BY ROAD），不能两者都用
    3D in a database in degrees ({})
    以度为单位的数据库（{}）中的三维
    this relation IN 3D of `{}`
    `{}` 的这种三维关系
    IN 3D goes with WITHIN … OF, BEYOND … OF and INTERSECTS, and INSIDE for points
    IN 3D 可用于 WITHIN … OF、BEYOND … OF、INTERSECTS，点还可用 INSIDE
    the reference has no heights, and IN 3D needs them
    参照没有高程，而 IN 3D 需要高程
    write them as POINT Z (113.62 34.75 120): longitude, latitude, metres above datum
    请写成 POINT Z (113.62 34.75 120)：经度、纬度、基准面以上米数
    `{}` has no heights
    `{}` 没有高程
    3D needs solids, geometry with z, or columns `z_min` and `z_max` or `ground_z` and `height` in metres
    三维需要体、带 z 的几何，或以米为单位的列 `z_min` 与 `z_max`、`ground_z` 与 `height`
    {} '{}' has no heights, and IN 3D needs them
    {} '{}' 没有高程，而 IN 3D 需要高程
    one looks from a point
    视点是一个点
    """#
}
