import CIMEngine
@main struct Main { static func main() throws { print(try probePublic()) } }
