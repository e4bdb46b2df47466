// swift-tools-version: 6.2
import PackageDescription

// Settings that keep borders honest: C types and third-party types stay out of public signatures
// unless an import says `public`, and `any` is always written out.
let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "cimq",
  products: [
    .library(name: "SpatialIndex", targets: ["SpatialIndex"]),
    .library(name: "CIMEngine", targets: ["CIMEngine"]),
    .executable(name: "cimq", targets: ["cimq"]),
  ],
  dependencies: [
    // The best-kept SQLite layer in Swift: connections, WAL, prepared statements, migrations.
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    // The convention for command lines in Swift: help, completion scripts, typed options.
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
  ],
  targets: [
    // Packed Hilbert R-tree. No Foundation, no C.
    .target(name: "SpatialIndex", swiftSettings: strict),
    // Doors to C libraries. PROJ, GEOS and SpatiaLite are opened at run time on first use: linking
    // them costs every start 20 ms and more, and most one-shot queries need none of the three.
    .systemLibrary(name: "CPROJ", providers: [.apt(["libproj-dev"])]),
    .systemLibrary(name: "CGEOS", providers: [.apt(["libgeos-dev"])]),
    // simdjson parses JSON at gigabytes a second; a C++ shim hands its tape to Swift.
    .target(
      name: "CSimdJSON",
      linkerSettings: [.linkedLibrary("simdjson")]),
    // CRC-32C with the processor's own instruction, for checking mapped snapshot blocks.
    .target(name: "CChecksum"),
    .target(
      name: "CIMEngine",
      dependencies: [
        "SpatialIndex", "CChecksum", "CPROJ", "CGEOS", "CSimdJSON",
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "GRDBSQLite", package: "GRDB.swift"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "cimq",
      dependencies: [
        "CIMEngine",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .target(
      name: "TestSupport", dependencies: ["SpatialIndex", "CIMEngine"], path: "Tests/TestSupport",
      swiftSettings: strict),
    .testTarget(name: "SpatialIndexTests", dependencies: ["SpatialIndex", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "CIMEngineTests", dependencies: ["CIMEngine", "TestSupport", "SpatialIndex"], swiftSettings: strict),
    .testTarget(name: "CLITests", dependencies: ["TestSupport"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)
