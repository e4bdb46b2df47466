extension ChineseText {
  /// What edits, databases in degrees and CQL2-JSON say: a line in English, a line in Chinese.
  static let editing = #"""
    a transaction was open at the end, so its edits are undone; COMMIT keeps them
    结束时事务仍未提交，其中的改动已撤销；用 COMMIT 保留改动
    {} is not replaced by an export: it is a database
    {} 是数据库，导出不会覆盖它
    {} is not replaced by an export: it belongs to the database {}
    {} 属于数据库 {}，导出不会覆盖它
    {} is not replaced by an export: a snapshot is kept there
    {} 在快照之中，导出不会覆盖它
    write to another name, or remove it first
    请换一个文件名，或先删除它
    dry run: nothing was written
    试运行：什么也没有写
    DRY RUN at its end says how many rows it touches
    在末尾写 DRY RUN（试运行）可知涉及多少行
    the database was changed by somebody else meanwhile; run the statement again
    数据库刚被别人改过；请再运行一次
    '{}' is in the layer `{}` already
    '{}' 已在图层 `{}` 里
    UPDATE {} SET … WHERE id = '{}' changes it
    要改它请写 UPDATE {} SET … WHERE id = '{}'
    '{}' names no {}
    没有{2} '{1}'
    MAKE_VALID(…) repairs it
    MAKE_VALID(…) 可修复
    a coordinate is not a finite number
    有坐标不是有限的数
    an id is a text that is not empty
    编号是非空的文本
    not a valid geometry: {}
    几何无效：{}
    row {}, `{}`: {}
    第 {} 行，`{}`：{}
    the layer holds heights, and this geometry has none
    图层带高程，而这个几何没有
    heights of geometries are left out: `{}` holds none
    几何的高程被去掉：`{}` 不带高程
    the number is not finite
    数不是有限的
    a row of `{}` needs an `id`
    `{}` 的行要有 `id`
    name `id` among the columns, and give each row one of its own
    请在列中写上 `id`，并给每行各自的编号
    its columns are: {}
    它的列有：{}
    the FIND gives {} columns for {}
    FIND 给出 {} 列，而要填 {} 列
    say which with RETURN
    请用 RETURN 写明
    a value of VALUES cannot read a row
    VALUES 的值不能读行
    '{}' is met several times, with different new values
    '{}' 出现几次，新值各不相同
    make the join give one row for each, such as with JOIN NEAREST 1
    请让连接每行只给一行，例如用 JOIN NEAREST 1
    the transaction was rolled back when the disk was full; nothing of it was kept
    磁盘已满，事务已回滚，什么也没有留下
    this edit of {} rows cannot be undone with .undo (more than {})
    这次编辑涉及 {} 行，不能用 .undo 撤销（超过 {} 行）
    there is no edit to undo (edits of many rows and of 3D geometry are not kept)
    没有可撤销的编辑（行数很多或三维几何的编辑不保留）
    a transaction is open; ROLLBACK takes back all of it
    有未结束的事务；ROLLBACK 全部撤回
    in a database in degrees distances reach 500 km; {}
    以度为单位的数据库中，距离最远 500 公里；{}
    this one is about {} km
    这里约 {} 公里
    this one is longer
    这里更远
    areas, lengths and buffers are not measured in a database in degrees ({})
    以度为单位的数据库（{}）不计算面积、长度和缓冲
    import into a database with a projected working CRS (--working-crs)
    请导入到工作坐标系为投影坐标系的数据库（--working-crs）
    only {} of the {} nearest lie that near
    最近的 {2} 个中只有 {1} 个在此距离内
    join layers with JOIN … ON: FIND unit AS u JOIN building AS b ON u.building = b.id
    连接图层用 JOIN … ON：FIND unit AS u JOIN building AS b ON u.building = b.id
    the expression is too long (more than {} steps, one inside the other)
    表达式太长（超过 {} 层）
    AT and CIRCLE in CQL2-JSON
    CQL2-JSON 中的 AT 和 CIRCLE
    `{}` in CQL2-JSON
    CQL2-JSON 中的 `{}`
    """#
}
