internal import Telephony

/// A request that has been let in, with its parts.
struct RESTRequest: Sendable {
  let method: String
  /// Without the product, as in `next_page_uri`.
  let path: String
  let segments: [String]
  let query: FormFields
  let form: FormFields
  let region: Region
  let principal: Principal
  let id: RequestID

  // MARK: Fields of the form

  /// Missing or empty: 20001.
  func text(required name: String) throws(RESTError) -> String {
    guard let text = form[name], !text.isEmpty else {
      throw .badRequest(20001, "Missing required parameter \(name) in the post body")
    }
    return text
  }

  /// At most so many bytes, or 20001.
  func name(_ field: String, max: Int = 64) throws(RESTError) -> String? {
    guard let text = form[field] else { return nil }
    guard text.utf8.count <= max else {
      throw .badRequest(20001, "\(field) is longer than \(max) characters")
    }
    return text
  }

  func flag(_ name: String) throws(RESTError) -> Bool? {
    switch form[name]?.lowercased() {
    case nil: return nil
    case "true": return true
    case "false": return false
    default: throw .badRequest(20001, "Invalid parameter: \(name) must be true or false")
    }
  }

  func integer(_ name: String, in range: ClosedRange<Int>) throws(RESTError) -> Int? {
    guard let text = form[name] else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw .badRequest(
        20001,
        "Invalid parameter: \(name) must be from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  func word<Word>(_ name: String, _ type: Word.Type) throws(RESTError) -> Word?
  where Word: RawRepresentable<String> & CaseIterable {
    guard let text = form[name] else { return nil }
    guard let word = Word(rawValue: text) else {
      let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
      throw .badRequest(20001, "Invalid parameter: \(name) must be one of \(words)")
    }
    return word
  }

  func url(_ name: String) throws(RESTError) -> String? {
    guard let value = form[name] else { return nil }
    guard value.isEmpty || WebhookAddress(value) != nil else {
      throw .badRequest(21402, "\(name) is not a valid URL: \(value)")
    }
    return value
  }

  func method(_ name: String) throws(RESTError) -> String? {
    guard let value = form[name], !value.isEmpty else { return nil }
    guard value == "GET" || value == "POST" else {
      throw .badRequest(21403, "\(name) is not a valid method: \(value)")
    }
    return value
  }

  // MARK: Addresses

  /// Twilio's own host for a product in the request's region.
  func host(_ product: String) -> String {
    let middle =
      switch region {
      case .us1: ""
      case .ie1: ".dublin.ie1"
      case .au1: ".sydney.au1"
      }
    return "https://\(product)\(middle).twilio.com"
  }
}
