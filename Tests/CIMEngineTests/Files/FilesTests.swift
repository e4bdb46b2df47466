import Glibc
import TestSupport
import Testing

@testable import CIMEngine

@Suite("Files and folders") struct FilesTests {
  private let folder = ThrowawayFolder()

  @Test(
    "parts of a path",
    arguments: [
      ("city.sqlite", ".", "city.sqlite"), ("/city.sqlite", "/", "city.sqlite"), ("a/b/c", "a/b", "c"),
      ("a/", "a", ""), ("/", "/", ""), ("", ".", ""), ("郑州/a.b", "郑州", "a.b"),
    ])
  func parts(path: String, folder: String, name: String) {
    #expect(FilePath.folder(of: path) == folder)
    #expect(FilePath.name(of: path) == name)
  }

  @Test func theRealPathIsWithoutLinks() throws {
    let file = folder.write("file", "")
    #expect(symlink(file, folder.file("link")) == 0)
    #expect(FilePath.real(folder.file("link")) == FilePath.real(file))
    #expect(FilePath.real(folder.path + "/./file") == FilePath.real(file))
    #expect(FilePath.real(folder.file("missing")) == nil)
  }

  @Test func foldersAreMadeWithThoseAbove() {
    let path = folder.file("a/b/c")
    #expect(Folder.make(path))
    #expect(Folder.make(path + "/"), "what is there stays")
    #expect(Folder.names(in: folder.path) == ["a"])
    _ = folder.write("a/b/file", "")
    #expect(Folder.names(in: folder.file("a/b"))?.sorted() == ["c", "file"])
    #expect(!Folder.make(folder.file("a/b/file/d")))
    #expect(!Folder.make(""))
    #expect(Folder.names(in: folder.file("missing")) == nil)
    var status = stat()
    #expect(Folder.make(folder.file("own/x"), mode: 0o700) && stat(folder.file("own"), &status) == 0)
    #expect(status.st_mode & 0o077 == 0)
  }

  @Test func aTemporaryFileGoesWithItsOwner() throws {
    func use() throws -> String {
      let file = try #require(TemporaryFile(name: "x.json"))
      #expect(file.path.hasSuffix("/x.json") && access(file.path, F_OK) != 0)
      try WholeFile.write([1, 2, 3], to: file.path)
      var status = stat()
      #expect(stat(FilePath.folder(of: file.path), &status) == 0 && status.st_mode & 0o077 == 0)
      return file.path
    }
    #expect(access(FilePath.folder(of: try use()), F_OK) != 0)
  }

  @Test func temporaryNamesAreNew() throws {
    let prefix = folder.file("map-")
    let names = (0..<20).compactMap { _ in TemporaryFile.make(prefix: prefix, ending: ".html") }
    #expect(Set(names).count == 20)
    #expect(names.allSatisfy { $0.hasPrefix(prefix) && $0.hasSuffix(".html") && access($0, F_OK) == 0 })
    #expect(TemporaryFile.make(prefix: folder.file("missing/x"), ending: "") == nil)
    #expect(TemporaryFile.makeFolder(prefix: folder.file("missing/x")) == nil)
    let made = try #require(TemporaryFile.makeFolder(prefix: folder.file("f-")))
    #expect(Folder.names(in: made) == [])
  }

  @Test func aFileWithoutANameIsMadeInTheFirstFolderThatTakesIt() throws {
    #expect(TemporaryFile.openUnnamed(in: [folder.file("missing")]) == nil)
    let descriptor = try #require(TemporaryFile.openUnnamed(in: [folder.file("missing"), folder.path]))
    defer { close(descriptor) }
    #expect(Folder.names(in: folder.path) == [], "it has no name")
    #expect(write(descriptor, "abc", 3) == 3)
    var status = stat()
    #expect(fstat(descriptor, &status) == 0 && status.st_nlink == 0 && status.st_size == 3)
    #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
  }

  @Test func aFileIsReplacedWholeOrNotAtAll() throws {
    let path = folder.file("stamp")
    try WholeFile.write(Array("old".utf8), to: path)
    #expect(ThrowawayFolder.bytes(of: path) == Array("old".utf8))
    try WholeFile.write(Array("newer".utf8), to: path)
    #expect(ThrowawayFolder.bytes(of: path) == Array("newer".utf8))
    try WholeFile.write([], to: path)
    #expect(ThrowawayFolder.bytes(of: path) == [])
    #expect(throws: StoreError.self) {
      try WholeFile.replace(path) { (temporary) throws(StoreError) in
        _ = folder.write(FilePath.name(of: temporary), "half")
        throw StoreError(.file, "the disk is full")
      }
    }
    #expect(Folder.names(in: folder.path) == ["stamp"])
    #expect(ThrowawayFolder.bytes(of: path) == [])
    // A folder of that name cannot be replaced by a file.
    let taken = folder.file("taken")
    #expect(Folder.make(taken + "/inside"))
    #expect(throws: StoreError.self) { try WholeFile.write([1], to: taken) }
    #expect(Folder.names(in: folder.path)?.sorted() == ["stamp", "taken"])
  }
}
