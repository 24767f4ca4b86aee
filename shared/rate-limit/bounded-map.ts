export interface BoundedMap<V> {
  get(key: string): V | undefined
  /** Stores; beyond the maximum, the key that was stored longest ago is dropped. */
  set(key: string, value: V): void
  delete(key: string): void
  readonly size: number
}

/** A map that never holds more than `maxKeys`, however many keys there are to remember. */
export function boundedMap<V>(maxKeys: number): BoundedMap<V> {
  const entries = new Map<string, V>()
  return {
    get: (key) => entries.get(key),
    set(key, value) {
      entries.delete(key)
      entries.set(key, value)
      const [oldest] = entries.size > maxKeys ? entries.keys() : []
      if (oldest !== undefined) entries.delete(oldest)
    },
    delete: (key) => void entries.delete(key),
    get size() {
      return entries.size
    },
  }
}
