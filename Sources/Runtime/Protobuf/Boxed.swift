/// Holds a field whose type contains its own message, so that the message has a finite size.
///
/// The box is never changed, so values share it safely; setting makes a new one.
@propertyWrapper
package struct Boxed<Value: Hashable & Sendable>: Hashable, Sendable {
  private final class Box: Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
  }

  private var box: Box

  package init(wrappedValue: Value) {
    box = Box(wrappedValue)
  }

  package var wrappedValue: Value {
    get { box.value }
    set { box = Box(newValue) }
  }

  package static func == (left: Self, right: Self) -> Bool {
    left.box === right.box || left.box.value == right.box.value
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(box.value)
  }
}
