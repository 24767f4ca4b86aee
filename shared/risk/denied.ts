import type { DenyListRow } from '#shared/db/tables/deny-list.ts'
import { ipPrefix, plainIp } from '#shared/ip-address.ts'

export type DeniedKind = DenyListRow['kind']

/** Entries of the deny list as they are cached: kind, value, and when they end, in epoch milliseconds. */
export type DeniedEntries = readonly (readonly [kind: DeniedKind, value: string, untilMs: number])[]

/** Who makes a call, in the deny list's terms. */
export interface Subject {
  readonly userId: string | undefined
  readonly ip: string
  readonly device: string
}

/** Looks up whether any of the subject's names is on the list; a lookup each, whatever the list's length. */
export type IsDenied = (subject: Subject, nowMs: number) => boolean

export const NOBODY_DENIED: IsDenied = () => false

export function denyIndex(entries: DeniedEntries): IsDenied {
  if (entries.length === 0) return NOBODY_DENIED
  const untilMs = new Map<string, number>()
  for (const [kind, value, until] of entries) {
    const key = `${kind}:${value}`
    untilMs.set(key, Math.max(until, untilMs.get(key) ?? 0))
  }
  return (subject, nowMs) => namesOf(subject).some((name) => (untilMs.get(name) ?? 0) > nowMs)
}

function namesOf({ userId, ip, device }: Subject): readonly string[] {
  return [
    ...(userId === undefined ? [] : [`user:${userId}`]),
    `ip:${plainIp(ip)}`,
    `prefix:${ipPrefix(ip)}`,
    ...(device === '' ? [] : [`device:${device}`]),
  ]
}
