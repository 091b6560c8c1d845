/// Which fields an update changes (AIP-134, AIP-161).
///
/// An absent mask takes the fields that are populated; `*` takes all that can be changed.
struct UpdateMask<Field: Hashable & CaseIterable & RawRepresentable>
where Field.RawValue == String {
  let fields: Set<Field>

  /// - Parameters:
  ///   - paths: the mask as it came; nil or empty when it was absent.
  ///   - populated: what the message has set.
  init(_ paths: [String]?, populated: Set<Field>, _ validator: inout Validator) {
    guard let paths, !paths.isEmpty else {
      self.fields = populated
      return
    }
    guard paths.count <= RegistryLimits.maskPathCountMax else {
      validator.refuse(
        "update_mask", .tooMany,
        "The mask has \(paths.count) paths; the limit is \(RegistryLimits.maskPathCountMax).")
      self.fields = []
      return
    }
    var fields: Set<Field> = []
    for path in paths {
      let found = Self.fields(of: path)
      fields.formUnion(found)
      if found.isEmpty {
        let known = Field.allCases.map(\.rawValue).joined(separator: ", ")
        validator.refuse(
          "update_mask", .unknown, "A path names no field that can be changed. Those are \(known).")
      }
    }
    self.fields = fields
  }

  /// A path names a field, all fields under it, or with `*` all there are.
  private static func fields(of path: String) -> [Field] {
    guard path.utf8.count <= RegistryLimits.maskPathLengthMax else { return [] }
    if path == "*" { return Array(Field.allCases) }
    return Field.allCases.filter { $0.rawValue == path || $0.rawValue.hasPrefix(path + ".") }
  }
}
