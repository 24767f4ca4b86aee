const hidden = new WeakMap<object, string>()

/** A configured secret. Prints as `[secret]` wherever it is logged, spread, inspected or serialised. */
export interface Secret {
  reveal(): string
  toString(): string
}

export function secret(value: string): Secret {
  const box = {
    reveal: () => hidden.get(box) ?? '',
    toString: () => '[secret]',
    toJSON: () => '[secret]',
    [Symbol.for('nodejs.util.inspect.custom')]: () => '[secret]',
  }
  hidden.set(box, value)
  return box
}
