/// One page of a list, and the addresses of its neighbours.
///
/// A token names the page's first or last item, so that what is added in front moves nothing.
struct Page {
  static let sizeDefault = 50
  static let sizeMax = 1000

  let items: ArraySlice<String>
  private let number: Int
  private let size: Int
  private let start: Int
  private let isLast: Bool
  private let path: String
  private let filters: [FormFields.Field]

  /// Begins the token of a page that follows an item.
  private static let forward = "PA"
  /// Begins the token of a page that ends before an item.
  private static let backward = "PB"

  init(_ ask: RESTRequest, of all: [String]) throws(RESTError) {
    let size = ask.query["PageSize"].map { Int($0) } ?? Self.sizeDefault
    guard let size, size >= 1 else { throw .badRequest(20001, "Invalid PageSize") }
    let number = ask.query["Page"].map { Int($0) } ?? 0
    guard let number, number >= 0 else { throw .badRequest(20001, "Invalid Page") }
    self.size = min(size, Self.sizeMax)
    self.number = number
    path = ask.path
    filters = ask.query.fields.filter { !["PageSize", "Page", "PageToken"].contains($0.name) }

    var start = 0
    if let token = ask.query["PageToken"] {
      let isBackward = token.hasPrefix(Self.backward)
      guard isBackward || token.hasPrefix(Self.forward),
        let index = all.firstIndex(of: String(token.dropFirst(2)))
      else { throw .badRequest(20001, "Invalid PageToken") }
      start = isBackward ? max(0, index - self.size) : index + 1
    } else if number > 0 {
      throw .badRequest(20001, "Page \(number) needs its PageToken")
    }
    let end = min(all.count, start + self.size)
    items = all[start..<end]
    self.start = start
    isLast = end == all.count
  }

  func answer(_ name: String, _ rendered: [JSON]) -> SimulatorAnswer {
    let next = isLast ? nil : items.last.map { uri(number + 1, Self.forward + $0) }
    let previous =
      number == 0 || start == 0 ? nil : items.first.map { uri(number - 1, Self.backward + $0) }
    return SimulatorAnswer(
      200,
      [
        name: .array(rendered),
        "page": .integer(number), "page_size": .integer(size),
        "start": .integer(number * size),
        "end": .integer(number * size + max(0, items.count - 1)),
        "uri": .string(uri(number, nil)), "first_page_uri": .string(uri(0, nil)),
        "next_page_uri": JSON(next), "previous_page_uri": JSON(previous),
      ])
  }

  /// As the newer APIs have it: what belongs to the page stands in `meta`, with whole URLs.
  func metaAnswer(_ key: String, _ rendered: [JSON], host: String) -> SimulatorAnswer {
    let next = isLast ? nil : items.last.map { uri(number + 1, Self.forward + $0) }
    let previous =
      number == 0 || start == 0 ? nil : items.first.map { uri(number - 1, Self.backward + $0) }
    return SimulatorAnswer(
      200,
      [
        key: .array(rendered),
        "meta": [
          "key": .string(key), "page": .integer(number), "page_size": .integer(size),
          "url": .string(host + uri(number, nil)),
          "first_page_url": .string(host + uri(0, nil)),
          "next_page_url": JSON(next.map { host + $0 }),
          "previous_page_url": JSON(previous.map { host + $0 }),
        ],
      ])
  }

  private func uri(_ page: Int, _ token: String?) -> String {
    var query = FormFields()
    for field in filters { query.append(field.name, field.value) }
    query.append("PageSize", String(size))
    query.append("Page", String(page))
    if let token { query.append("PageToken", token) }
    return path + "?" + query.encoded
  }
}
