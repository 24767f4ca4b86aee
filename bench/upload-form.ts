import { dirname, join } from 'node:path'
import { runtimeExecutable } from '#scripts/dev/runtime-executable.ts'
import { type FileCloud, RUNTIMES, type Runtime, startFileCloud } from './file-cloud.ts'
import type { HttpLoad } from './http-load-worker.ts'
import { outputOf } from './output-of.ts'
import { median, type Row } from './table.ts'
import type { FormRates } from './upload-form-worker.ts'
import { userLoad } from './user-load.ts'

const root = dirname(import.meta.dirname)
const PASSES = 3
const CONNECTIONS = 32
const USERS = 16
const FORMS_PER_S = 2_000
const INTENT = { name: '照片.jpg', sizeBytes: 1_000_000, contentType: 'image/jpeg', purpose: 'image' }

/** Upload forms issued by the built function over HTTP, to users who are signed in; and the signing of forms alone. */
export async function benchUploadForm(): Promise<readonly Row[]> {
  const cloud = await startFileCloud()
  try {
    const issued = await issuedRows(cloud)
    return [...issued, ...(await signedRows('bun')), ...(await signedRows('node'))]
  } finally {
    await cloud.stop()
  }
}

/** Pass by pass, both runtimes in each. */
async function issuedRows(cloud: FileCloud): Promise<readonly Row[]> {
  const users = await cloud.users(USERS)
  const servers = await Promise.all(RUNTIMES.map((runtime) => cloud.startUpload(runtime, 'null')))
  const loads = servers.map((): HttpLoad[] => [])
  try {
    for (let pass = 0; pass < PASSES; pass += 1)
      for (const [at, { url }] of servers.entries()) {
        const tokens = await Promise.all(users.map((user) => user.token()))
        const plan = { method: 'POST', url: `${url}/api/v1/uploads`, tokens, connections: CONNECTIONS }
        loads[at]?.push(await userLoad({ ...plan, body: INTENT }, 201))
      }
  } finally {
    for (const server of servers) server.stop()
  }
  return RUNTIMES.flatMap((runtime, at) => rowsOf(runtime, loads[at] ?? []))
}

function rowsOf(runtime: Runtime, loads: readonly HttpLoad[]): readonly Row[] {
  const what = `upload forms over HTTP, ${runtime}`
  const perS = median(loads.map((load) => load.perS))
  const target = { target: `≥ ${FORMS_PER_S.toLocaleString('en')}/s`, met: perS >= FORMS_PER_S }
  const how = `median of ${PASSES} passes, ${CONNECTIONS} connections, ${USERS} users, client and database on the same 2 cores`
  return [
    { what, median: perS, unit: '/s', how, ...target },
    { what: `${what}: p99`, median: median(loads.map((load) => load.p99Ms)), unit: 'ms', how },
  ]
}

async function signedRows(runtime: Runtime): Promise<readonly Row[]> {
  const worker = join(import.meta.dirname, 'upload-form-worker.ts')
  const rates: FormRates = JSON.parse(await outputOf(runtimeExecutable(runtime, root), [worker]))
  return Object.entries(rates).map(([vendor, perS]) => {
    return {
      what: `upload forms signed for ${vendor}, ${runtime}`,
      median: perS,
      unit: '/s',
      how: 'one core, no I/O',
    }
  })
}
