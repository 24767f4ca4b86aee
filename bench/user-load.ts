import { join } from 'node:path'
import type { HttpLoad } from './http-load-worker.ts'
import { outputOf } from './output-of.ts'
import type { UserLoad } from './user-load-worker.ts'

/** What a process of its own measures of requests that all have to be answered with `status`. */
export async function userLoad(plan: UserLoad, status: number): Promise<HttpLoad> {
  const worker = join(import.meta.dirname, 'user-load-worker.ts')
  const load: HttpLoad = JSON.parse(await outputOf(process.execPath, [worker, JSON.stringify(plan)]))
  if (Object.keys(load.statuses).join() !== String(status))
    throw new TypeError(`${plan.url} answered ${JSON.stringify(load.statuses)}`)
  return load
}
