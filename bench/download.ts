import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FetchedFile } from './fetch-file-worker.ts'
import { type FileCloud, RUNTIMES, type Runtime, startFileCloud, type Store } from './file-cloud.ts'
import { fileId, MB, postFilm } from './film.ts'
import { outputOf } from './output-of.ts'
import type { ServerProcess } from './server-process.ts'
import { median, type Row } from './table.ts'
import { userLoad } from './user-load.ts'

const ROUNDS = 5
const FILE_BYTES = 100 * MB
const RATIO = 0.7
const GROWTH_MB = 30
const CONNECTIONS = 16

interface Contender {
  readonly what: string
  readonly url: string
  readonly server: ServerProcess
  readonly token?: () => Promise<string>
}

/** A film of 100 MB through the built function, beside the shortest server of a file on the same runtime; and redirects. */
export async function benchDownload(): Promise<readonly Row[]> {
  const cloud = await startFileCloud()
  try {
    const path = join(cloud.folder, 'film')
    writeFileSync(path, Buffer.alloc(FILE_BYTES, 'x'))
    const rows: Row[] = []
    for (const runtime of RUNTIMES)
      rows.push(...(await streamRows(cloud, runtime, path)), ...(await redirectRows(cloud, runtime)))
    return rows
  } finally {
    await cloud.stop()
  }
}

async function streamRows(cloud: FileCloud, runtime: Runtime, path: string): Promise<readonly Row[]> {
  const bare = await cloud.startPeer(runtime, ['peer-file-server.ts', path])
  const peer = { what: `bare server of a file, ${runtime}`, url: bare.url, server: bare }
  const contenders: readonly Contender[] = [
    peer,
    await stored(cloud, runtime, 'folder'),
    await stored(cloud, runtime, 'null'),
    await stored(cloud, runtime, 'server'),
  ]
  const speeds = contenders.map((): number[] => [])
  const grownMb = contenders.map((): number[] => [])
  try {
    for (let round = 0; round <= ROUNDS; round += 1)
      for (const [at, contender] of contenders.entries()) {
        const before = contender.server.memory.begin()
        const mbPerS = await download(contender, statSync(path).size)
        if (round === 0) continue // warming up
        speeds[at]?.push(mbPerS)
        grownMb[at]?.push((contender.server.memory.peakBytes() - before) / MB)
      }
  } finally {
    for (const { server } of contenders) server.stop()
  }
  const bareMbPerS = median(speeds[0] ?? [])
  const how = `median of ${ROUNDS} × ${FILE_BYTES / MB} MB, client and store on the same 2 cores`
  return contenders.flatMap((contender, at): readonly Row[] => {
    const mbPerS = median(speeds[at] ?? [])
    const row = { what: contender.what, median: mbPerS, unit: 'MB/s', how }
    if (contender === peer) return [row]
    const ratio = mbPerS / bareMbPerS
    const mostMb = Math.max(...(grownMb[at] ?? []))
    const target = { target: `≥ ${RATIO * 100} %`, met: ratio >= RATIO }
    const most = { target: `≤ ${GROWTH_MB} MB`, met: mostMb <= GROWTH_MB }
    return [
      row,
      { what: `  beside ${peer.what}`, median: ratio * 100, unit: '%', how: 'of its speed', ...target },
      { what: '  peak memory', median: mostMb, unit: 'MB', how: 'VmHWM above before, most of all', ...most },
    ]
  })
}

async function stored(cloud: FileCloud, runtime: Runtime, store: Store): Promise<Contender> {
  const [user] = await cloud.users(1)
  if (user === undefined) throw new TypeError('Nobody is signed in')
  const server = await cloud.startUpload(runtime, store, { FILES_DOWNLOAD: 'stream' })
  const what = `download through the function from ${store} store, ${runtime}`
  const token = () => user.token()
  const url = `${server.url}/api/v1/upload?purpose=video`
  const id = fileId(await postFilm({ what, url, token }, FILE_BYTES))
  return { what, url: `${server.url}/api/v1/files/${id}`, server, token }
}

async function download({ what, url, token }: Contender, sizeBytes: number): Promise<number> {
  const worker = join(import.meta.dirname, 'fetch-file-worker.ts')
  const bearer = token === undefined ? [] : [await token()]
  const { ms, status, bytes }: FetchedFile = JSON.parse(
    await outputOf(process.execPath, [worker, url, ...bearer]),
  )
  if (status !== 200 || bytes !== sizeBytes) throw new TypeError(`${what} answered ${status}, ${bytes} bytes`)
  return sizeBytes / MB / (ms / 1_000)
}

async function redirectRows(cloud: FileCloud, runtime: Runtime): Promise<readonly Row[]> {
  const [user] = await cloud.users(1)
  if (user === undefined) throw new TypeError('Nobody is signed in')
  const server = await cloud.startUpload(runtime, 'null')
  try {
    const what = `GET /files/{id}, redirected, ${runtime}`
    const url = `${server.url}/api/v1/upload?purpose=video`
    const id = fileId(await postFilm({ what, url, token: () => user.token() }, MB))
    const tokens = [await user.token()]
    const plan = { method: 'GET', url: `${server.url}/api/v1/files/${id}`, tokens, connections: CONNECTIONS }
    const { perS, p99Ms } = await userLoad(plan, 302)
    const how = `${CONNECTIONS} connections, p99 ${p99Ms.toFixed(1)} ms`
    return [{ what, median: perS, unit: '/s', how }]
  } finally {
    server.stop()
  }
}
