import { Refusal } from './refusal.ts'

/** The one range that a header asks for; undefined, so all of it, for none, several or a malformed one. */
export function readRange(header: string | undefined, sizeBytes: number) {
  const asked = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  const [first = '', last = ''] = asked?.slice(1) ?? []
  if (asked === null || (first === '' && last === '')) return undefined
  if (first === '') return suffix(Number(last), sizeBytes)
  const [start, end] = [Number(first), last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1)]
  if (last !== '' && Number(last) < start) return undefined
  if (start >= sizeBytes) throw new Refusal('InvalidRange')
  return { start, end }
}

function suffix(bytes: number, sizeBytes: number) {
  if (bytes === 0 || sizeBytes === 0) throw new Refusal('InvalidRange')
  return { start: Math.max(0, sizeBytes - bytes), end: sizeBytes - 1 }
}

/** Whether a range names bytes that are not there. */
export function reachesPast(header: string | undefined, sizeBytes: number): boolean {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  return first === '' ? Number(last) > sizeBytes : Math.max(Number(first), Number(last)) >= sizeBytes
}
