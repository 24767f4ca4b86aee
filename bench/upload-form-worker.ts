// Runs in a process of its own, on either runtime: node|bun bench/upload-form-worker.ts
// Signs forms of each vendor, with no request around them, and prints how many a second.
import { secret } from '#shared/secret.ts'
import { openStorage } from '#shared/storage/open-storage.ts'
import { readStorageUrl } from '#shared/storage/storage-address.ts'
import { median } from './table.ts'

/** Forms a second by vendor, medians. */
export type FormRates = Readonly<Record<string, number>>

const BUCKETS = {
  s3: 's3://bench?region=us-east-1',
  cos: 'cos://bench-1250000000?region=ap-guangzhou',
  oss: 'oss://bench?region=cn-hangzhou',
}
const ROUNDS = 5
const ROUND_MS = 500

const credentials = {
  accessKeyId: 'AKIDEXAMPLE',
  secretKey: secret('a-secret-of-forty-characters-or-of-more.'),
}
const rates: FormRates = Object.fromEntries(Object.entries(BUCKETS).map(([name, url]) => [name, rateOf(url)]))
console.log(JSON.stringify(rates))

function rateOf(url: string): number {
  const storage = openStorage({ at: readStorageUrl(url), credentials: () => credentials })
  const terms = { minBytes: 1, maxBytes: 5_000_000, contentType: 'image/jpeg', expiresInS: 600 }
  const rounds: number[] = []
  for (let round = 0; round <= ROUNDS; round += 1) {
    const startedAt = performance.now()
    let done = 0
    for (; performance.now() - startedAt < ROUND_MS; done += 1)
      storage.uploadForm({ ...terms, key: `uploads/${done}/whole` })
    rounds.push((done / (performance.now() - startedAt)) * 1_000)
  }
  return median(rounds.slice(1))
}
