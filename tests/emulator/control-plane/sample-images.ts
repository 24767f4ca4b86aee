import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ResolveImage } from '#scripts/emulator/control-plane/images.ts'
import { EXECUTABLES } from '#tests/runtime/executables.ts'

export const CREDENTIALS = { accessKeyId: 'LTAI-sample', accessKeySecret: 'a-secret-of-the-sample' }

/** What stands behind `registry.local/sample:<tag>`. */
const SOURCES: Readonly<Record<string, string>> = {
  one: answering(`{ image: 'one', setting: process.env.SETTING, version: versionOf(request.headers) }`),
  two: answering(`{ image: 'two', setting: process.env.SETTING, version: versionOf(request.headers) }`),
  failing: answering(`{ error: 'always' }`, 500),
  broken: `console.log('cannot start'); process.exit(1)`,
}

/** A server that answers requests and events alike. */
function answering(answer: string, status = 200): string {
  return `
import { createServer } from 'node:http'
const versionOf = (headers) => headers['x-fc-version-id'] ?? headers['x-scf-version']
createServer(async (request, response) => {
  const event = Buffer.concat(await request.toArray()).toString()
  if (event !== '') console.log('called with ' + event)
  const answer = { ...${answer}, path: request.url, event }
  response.writeHead(${status}, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
}).listen(Number(process.env.FC_SERVER_PORT ?? process.env.PORT), '127.0.0.1')
`
}

/** Images by the tags above, each a file in a temporary folder, run by Node. */
export function sampleImages(): { readonly folder: string; readonly resolve: ResolveImage; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'xiaohan-plane-'))
  for (const [tag, source] of Object.entries(SOURCES)) writeFileSync(join(folder, `${tag}.mjs`), source)
  return {
    folder,
    resolve(reference) {
      const tag = reference.split(':')[1] ?? ''
      if (tag === 'refused') return 'the image is for another architecture'
      if (!Object.hasOwn(SOURCES, tag)) return undefined
      const file = join(folder, `${tag}.mjs`)
      return {
        bundle: { name: 'sample', version: tag, file, bytes: 1, modules: [] },
        runtime: EXECUTABLES.node,
      }
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
