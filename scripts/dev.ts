import { rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { banner } from './dev/banner.ts'
import { startLocalCloud } from './dev/local-cloud.ts'
import { type DevOptions, HELP, readOptions } from './dev/options.ts'
import { ownFolder } from './dev/own-folder.ts'
import { renderLine } from './dev/render-line.ts'
import { errorText } from './error-text.ts'

const root = dirname(import.meta.dirname)

try {
  const options = readOptions(process.argv.slice(2))
  if (options === 'help') console.log(HELP)
  else await run(options)
} catch (error) {
  console.error(explained(error))
  process.exitCode = 1
}

async function run(options: DevOptions): Promise<void> {
  const folder = resolve(root, options.dataFolder)
  const owned = ownFolder(folder)
  if (options.fresh) reset(folder)
  const running: { cloud?: ReturnType<typeof startLocalCloud> } = {}
  let stopping: Promise<void> | undefined
  const stop = () => {
    if (stopping !== undefined) process.exit(1) // a second Ctrl-C: what is left ends with our pipes
    stopping = Promise.resolve(running.cloud)
      .then((cloud) => cloud?.stop())
      .finally(() => {
        owned.release()
        process.exit(0)
      })
  }
  // Before anything is started, so that a Ctrl-C in the first moment stops it in order, too.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
  const line = (name: string, text: string) => {
    const shown = options.json ? text : renderLine(name, text)
    if (shown !== undefined) console.log(shown)
  }
  running.cloud = startLocalCloud({
    ...options,
    root,
    folder,
    env: process.env,
    line,
    note: (text) => console.log(text),
  })
  try {
    const { facts } = await running.cloud
    if (stopping === undefined) console.log(banner({ ...facts, tookMs: performance.now() }))
  } catch (error) {
    owned.release()
    throw error
  }
}

/** Everything but the mark that the folder is ours. */
function reset(folder: string): void {
  for (const name of ['postgres', 'redis', 'build', 'secrets.env'])
    rmSync(join(folder, name), { recursive: true, force: true })
}

function explained(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    const port = 'port' in error && typeof error.port === 'number' ? error.port : 9000
    return `Cannot start: the port is taken by another program (${port}). Choose another one: npm start -- --port ${port + 1}`
  }
  return errorText(error)
}
