/// Names of places and people. Places are put together from common words; people are a surname, one more character and
/// 某 ("so-and-so"), so that nobody real is meant.
struct CityNames: ~Copyable, Sendable {
  let surnames = CityWords([
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "马", "朱", "胡", "郭", "何", "高", "林", "罗", "郑",
    "梁", "谢", "宋", "唐", "许", "韩", "冯", "邓", "曹", "彭", "曾",
  ])
  let given = CityWords([
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明", "超", "秀", "霞", "平", "刚",
    "桂", "英", "华", "玉", "萍", "红", "鹏", "飞", "云", "斌", "波", "宇", "浩", "凯", "健", "俊", "帆", "雪", "琳", "晨", "阳",
    "欣", "怡", "文", "建", "国", "春", "梅", "兰", "竹", "青", "松", "岩", "海", "江", "河", "山", "川", "林", "森", "东", "南", "北",
  ])
  let roads = CityWords([
    "建设路", "文化路", "花园路", "农业路", "东风路", "黄河路", "金水路", "人民路", "中原路", "大学路", "航海路", "陇海路", "嵩山路", "桐柏路",
    "伏牛路", "秦岭路", "工人路", "友爱路", "城东路", "紫荆路", "商城路", "未来路", "玉凤路", "姚寨路", "经三路", "政七街", "纬五路", "南阳路",
    "沙口路", "京广路", "瑞达路", "科学大道", "长椿路", "石楠路", "冬青街", "国槐街", "银屏路", "梧桐街", "合欢街", "雪松路",
  ])
  /// Names of level-1 grids without district, by index.
  let townships: CityWords
  let districts: CityWords

  init(_ partition: CityPartition) {
    districts = CityWords(partition.districts.all.map(\.name))
    let first = ["锦", "安", "和", "永", "兴", "福", "长", "新", "康", "宁", "春", "华", "明", "丰", "瑞", "祥", "泰", "乐", "清", "金"]
    let second = ["绣", "宁", "平", "泰", "城", "源", "兴", "苑", "阳", "河", "岭", "园", "桥", "庄", "台"]
    var names: [String] = []
    for (i, region) in partition.level1.enumerated() {
      // 7 and 20 * 15 = 300 share no factor, so 300 names pass before one comes again.
      let pick = (i * 7 + 3) % 300
      let county = partition.districts.all[region.parent].code % 1_000 > 110
      names.append(first[pick / 15] + second[pick % 15] + (county && i % 3 > 0 ? "镇" : "街道"))
    }
    townships = CityWords(names)
  }

  /// 王伟某
  func putPerson(_ index: UInt64, into out: inout CityBytes) {
    out.put(surnames, Int(index % 32))
    out.put(given, Int(index / 32 % 64))
    out.put("某")
  }

  /// 000-12345678: no number of any network begins with 000.
  static func putPhone(_ index: UInt64, into out: inout CityBytes) {
    out.put("000-")
    out.put(Int(index >> 11) % 100_000_000, width: 8)
  }
}
