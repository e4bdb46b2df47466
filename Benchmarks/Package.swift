// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nobody who uses the library builds it.
let package = Package(
  name: "Benchmarks",
  dependencies: [.package(name: "cimq", path: "..")],
  targets: [
    .executableTarget(
      name: "bench-library",
      dependencies: [
        .product(name: "SpatialIndex", package: "cimq"),
        .product(name: "CIMEngine", package: "cimq"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
