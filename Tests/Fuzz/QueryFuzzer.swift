// A libFuzzer target on lexer and parser: `scripts/torture parser` compiles it together with the sources of both.
// Every input is read as statements, as a CQL2-Text filter and as CQL2-JSON. It may be refused, but not crash or hang, and what
// it is read as prints to something that reads back to the same.

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let text = String(decoding: UnsafeBufferPointer(start: data, count: count), as: UTF8.self)
  if let script = try? parse(text) {
    let printed = Printer.print(script)
    guard let again = try? parse(printed), again == script else { fatalError("\(text)\n\(printed)") }
  }
  if let filter = try? parseFilter(text, strictCQL2: true) { check(filter, text) }
  if let filter = try? parseFilterJSON(text) { check(filter, text) }
  return 0
}

private func check(_ filter: Expression, _ text: String) {
  let printed = Printer.print(filter)
  // Strictly, because a name in Chinese may come apart into words of the language otherwise.
  guard let again = try? parseFilter(printed, strictCQL2: true), again == filter else {
    fatalError("\(text)\n\(printed)")
  }
}
