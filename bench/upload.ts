import { type FileCloud, RUNTIMES, type Runtime, startFileCloud, type Store } from './file-cloud.ts'
import { fileId, type FilmTaker, MB, postFilm } from './film.ts'
import type { ServerProcess } from './server-process.ts'
import { median, type Row } from './table.ts'

const ROUNDS = 5
const FILE_BYTES = 100 * MB
const EARLIER_BYTES = [MB, 12 * MB]
const GROWTH_BYTES = [20 * MB, 100 * MB, 400 * MB]
const RATIO = 0.7
const GROWTH_MB = 30

interface Contender extends FilmTaker {
  readonly server: ServerProcess
  /** The peer that a ratio is given to, and whether the issue asks for it. */
  readonly beside?: readonly string[]
}

/** A film of 100 MB posted to the built function, beside bare busboy servers on the same runtime. */
export async function benchUpload(): Promise<readonly Row[]> {
  const cloud = await startFileCloud()
  try {
    const rows: Row[] = []
    for (const runtime of RUNTIMES)
      rows.push(...(await speedRows(cloud, runtime)), ...(await growthRows(cloud, runtime)))
    return rows
  } finally {
    await cloud.stop()
  }
}

/** Round by round, all of them in each, so that none has the quieter machine. */
async function speedRows(cloud: FileCloud, runtime: Runtime): Promise<readonly Row[]> {
  const contenders = [
    await peer(cloud, runtime, 'drain'),
    await peer(cloud, runtime, 'disk'),
    await peer(cloud, runtime, 'store', 'null'),
    await peer(cloud, runtime, 'store', 'server'),
    await uploadFunction(cloud, runtime, 'folder'),
    await uploadFunction(cloud, runtime, 'null'),
    await uploadFunction(cloud, runtime, 'server'),
  ]
  const speeds = contenders.map((): number[] => [])
  try {
    for (let round = 0; round <= ROUNDS; round += 1)
      for (const [at, contender] of contenders.entries()) {
        const mbPerS = await post(contender, FILE_BYTES)
        if (round > 0) speeds[at]?.push(mbPerS) // the first one warms up
      }
  } finally {
    for (const { server } of contenders) server.stop()
  }
  const medians = new Map(contenders.map(({ what }, at) => [what, median(speeds[at] ?? [])]))
  return contenders.flatMap((contender) => rowsOf(contender, medians))
}

function rowsOf({ what, beside = [] }: Contender, medians: ReadonlyMap<string, number>): readonly Row[] {
  const own = medians.get(what) ?? Number.NaN
  const how = `median of ${ROUNDS} × ${FILE_BYTES / MB} MB, client and store on the same 2 cores`
  return [
    { what, median: own, unit: 'MB/s', how },
    ...beside.map((other): Row => {
      const ratio = own / (medians.get(other) ?? Number.NaN)
      const target = { target: `≥ ${RATIO * 100} %`, met: ratio >= RATIO }
      return { what: `  beside ${other}`, median: ratio * 100, unit: '%', how: 'of its speed', ...target }
    }),
  ]
}

/**
 * What a new process grows by while a film passes: after a small film, and after one that already went through both of
 * the buffers that parts are sent from.
 */
async function growthRows(cloud: FileCloud, runtime: Runtime): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const before of EARLIER_BYTES)
    for (const sizeBytes of GROWTH_BYTES) {
      const contender = await uploadFunction(cloud, runtime, 'folder')
      const grownMb = await growth(contender, before, sizeBytes)
      const target = { target: `≤ ${GROWTH_MB} MB`, met: grownMb <= GROWTH_MB }
      rows.push(growthRow(`upload function, ${runtime}`, { before, sizeBytes, grownMb, ...target }))
    }
  for (const sizeBytes of GROWTH_BYTES) {
    const [before = 0] = EARLIER_BYTES
    const grownMb = await growth(await peer(cloud, runtime, 'drain'), before, sizeBytes)
    rows.push(growthRow(peerName(runtime, 'drain'), { before, sizeBytes, grownMb }))
  }
  return rows
}

async function growth(contender: Contender, before: number, sizeBytes: number): Promise<number> {
  const { memory } = contender.server
  try {
    await post(contender, before)
    const beforeBytes = memory.begin()
    await post(contender, sizeBytes)
    return (memory.peakBytes() - beforeBytes) / MB
  } finally {
    contender.server.stop()
  }
}

interface Growth extends Pick<Row, 'target' | 'met'> {
  readonly before: number
  readonly sizeBytes: number
  readonly grownMb: number
}

function growthRow(whose: string, { before, sizeBytes, grownMb, ...target }: Growth): Row {
  const what = `peak memory of ${whose}: ${sizeBytes / MB} MB after ${before / MB} MB`
  return { what, median: grownMb, unit: 'MB', how: 'VmHWM above before, once, a new process', ...target }
}

async function peer(cloud: FileCloud, runtime: Runtime, sink: string, store?: Store): Promise<Contender> {
  const settings = store === undefined ? [cloud.folder] : Object.values(cloud.storage(store))
  const server = await cloud.startPeer(runtime, ['peer-upload-server.ts', sink, ...settings])
  return { what: peerName(runtime, sink, store), url: server.url, server }
}

function peerName(runtime: Runtime, sink: string, store?: Store): string {
  return `bare busboy to ${store === undefined ? sink : `${store} store`}, ${runtime}`
}

async function uploadFunction(cloud: FileCloud, runtime: Runtime, store: Store): Promise<Contender> {
  const [user] = await cloud.users(1)
  if (user === undefined) throw new TypeError('Nobody is signed in')
  const server = await cloud.startUpload(runtime, store)
  return {
    what: `upload function to ${store} store, ${runtime}`,
    url: `${server.url}/api/v1/upload?purpose=video`,
    server,
    token: () => user.token(),
    beside: [
      peerName(runtime, 'drain'),
      peerName(runtime, 'disk'),
      ...(store === 'folder' ? [] : [peerName(runtime, 'store', store)]),
    ],
  }
}

/** MB/s of one film, which is deleted again. */
async function post(contender: Contender, sizeBytes: number): Promise<number> {
  const sent = await postFilm(contender, sizeBytes)
  const { token, url } = contender
  if (token !== undefined) await deleteFile(new URL(`/api/v1/files/${fileId(sent)}`, url), await token())
  return sizeBytes / MB / (sent.ms / 1_000)
}

async function deleteFile(url: URL, token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` }
  const response = await fetch(url, { method: 'DELETE', headers })
  if (!response.ok) throw new TypeError(`Cannot delete a film: ${await response.text()}`)
}
