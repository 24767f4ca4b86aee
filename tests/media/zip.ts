import { crc32, deflateRawSync } from 'node:zlib'

export interface ZipOptions {
  /** As programs write that cannot seek: sizes behind the data, none in the header before them. */
  readonly isStreamed?: boolean
  readonly isEncrypted?: boolean
  readonly comment?: string
}

/** A zip with these entries, in this order. */
export function zip(
  entries: Readonly<Record<string, string>>,
  { isStreamed = false, isEncrypted = false, comment = '' }: ZipOptions = {},
): Buffer {
  const flags = (isStreamed ? 8 : 0) | (isEncrypted ? 1 : 0)
  const locals: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const [name, content] of Object.entries(entries)) {
    const data = deflateRawSync(content)
    const sizes = numbers('444', crc32(content), data.length, content.length)
    const named = Buffer.from(name)
    const local = Buffer.concat([
      numbers('42222', 0x04034b50, 20, flags, 8, 0, 0x21),
      isStreamed ? Buffer.alloc(12) : sizes,
      numbers('22', named.length, 0),
      named,
      data,
      ...(isStreamed ? [numbers('4', 0x08074b50), sizes] : []),
    ])
    directory.push(
      numbers('4222222', 0x02014b50, 20, 20, flags, 8, 0, 0x21),
      sizes,
      numbers('2222244', named.length, 0, 0, 0, 0, 0, offset),
      named,
    )
    locals.push(local)
    offset += local.length
  }
  const list = Buffer.concat(directory)
  const count = locals.length
  const end = numbers('42222442', 0x06054b50, 0, 0, count, count, list.length, offset, comment.length)
  return Buffer.concat([...locals, list, end, Buffer.from(comment, 'latin1')])
}

/** Little-endian numbers of so many bytes each. */
function numbers(widths: string, ...values: readonly number[]): Buffer {
  const parts = [...values].map((value, index) => {
    const part = Buffer.alloc(Number(widths[index] ?? 2))
    part.writeUIntLE(value, 0, part.length)
    return part
  })
  return Buffer.concat(parts)
}
