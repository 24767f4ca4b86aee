import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'

const Plane = v.object({ endpoint: v.string(), accessKeyId: v.string(), accessKeySecret: v.string() })

const Addresses = v.object({
  api: v.string(),
  databaseUrl: v.optional(v.string()),
  redisUrl: v.optional(v.string()),
  wechatUrl: v.optional(v.string()),
  storageUrl: v.optional(v.string()),
  payUrl: v.optional(v.string()),
  partnerUrl: v.optional(v.string()),
  shopUrl: v.optional(v.string()),
  tracesUrl: v.optional(v.string()),
  /** Where to deploy to, and as whom. */
  controlPlanes: v.optional(v.object({ fc: Plane, scf: Plane })),
  /** What the functions are given, which one that is deployed here needs as well. */
  settings: v.optional(v.record(v.string(), v.string())),
})

/** Where the parts of a local cloud listen, for the other commands. */
export type Addresses = v.InferOutput<typeof Addresses>

/** Notes them in the cloud's folder until `forget`; only the owner can read them. */
export function noteAddresses(folder: string, addresses: Addresses): { forget(): void } {
  const file = fileIn(folder)
  // They are noted more than once, and somebody may be reading.
  writeFileSync(`${file}.new`, `${JSON.stringify(addresses)}\n`, { mode: 0o600 })
  renameSync(`${file}.new`, file)
  return { forget: () => rmSync(file, { force: true }) }
}

/** The addresses of the local cloud that runs on this folder; undefined when none does. */
export function addressesOf(folder: string): Addresses | undefined {
  const file = fileIn(folder)
  return existsSync(file) ? v.parse(Addresses, JSON.parse(readFileSync(file, 'utf8'))) : undefined
}

function fileIn(folder: string): string {
  return join(folder, 'addresses.json')
}
