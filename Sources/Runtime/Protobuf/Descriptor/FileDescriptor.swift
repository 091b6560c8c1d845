/// A `.proto` file as reflection shows it: a serialized `FileDescriptorProto` and its imports.
package struct FileDescriptor: Sendable {
  /// The path that imports name, such as `trunkline/v1/agent.proto`.
  package let name: String
  /// The serialized `FileDescriptorProto`, without comments.
  package let bytes: [UInt8]
  /// The files that it imports.
  package let dependencies: [FileDescriptor]

  /// Copies the descriptor from a constant of a generated C file.
  @unsafe package init(
    name: String, copying bytes: UnsafePointer<UInt8>, count: Int, dependencies: [FileDescriptor]
  ) {
    self.name = name
    unsafe self.bytes = Array(UnsafeBufferPointer(start: bytes, count: count))
    self.dependencies = dependencies
  }

  /// A serialized `FileDescriptorSet` of the file and all its imports, each once, imports first.
  package var serializedSet: [UInt8] {
    var seen: Set<String> = []
    var set = WireWriter()
    func add(_ file: FileDescriptor) {
      guard seen.insert(file.name).inserted else { return }
      for dependency in file.dependencies { add(dependency) }
      set.field(1, bytes: file.bytes)
    }
    add(self)
    return set.bytes
  }
}
