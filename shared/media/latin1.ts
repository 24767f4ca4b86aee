/** These bytes without a copy, with Buffer's ways of reading them. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** One character a byte, so that patterns can be written over bytes. */
export function latin1(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('latin1')
}
