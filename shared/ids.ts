/** A UUIDv7: 48 bits of `nowMs`, then 74 random bits, so that ids sort by time of creation. @see RFC 9562 §5.7 */
export function uuidv7(nowMs: number): string {
  const bytes = randomBytes16()
  bytes.writeUIntBE(nowMs, 0, 6)
  bytes.writeUInt8(0x70 | (bytes.readUInt8(6) & 0x0f), 6)
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8)
  return uuidText(bytes)
}

/** The text form of a UUID's 16 bytes. @see RFC 9562 §4 */
export function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** 128 random bits as 22 characters of base64url. */
export function randomId(): string {
  return randomBytes16().toString('base64url')
}

/** From the runtime's own generator: `node:crypto` is not worth loading for an id. */
function randomBytes16(): Buffer {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(16)).buffer)
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Whether `text` has the form of our ids, so that anything else never reaches a query. */
export function isUuid(text: string): boolean {
  return UUID.test(text)
}
