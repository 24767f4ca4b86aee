import type { App } from '#shared/http/app.ts'
import { createInstance } from '#shared/runtime/instance.ts'
import { local } from '#shared/runtime/local.ts'
import { createLogger } from '#shared/telemetry/logger.ts'

const { listen } =
  'Bun' in globalThis ? await import('#shared/runtime/bun.ts') : await import('#shared/runtime/node.ts')

export interface ServedApp {
  readonly url: string
  readonly port: number
  stop(): Promise<void>
}

/** Serves an app on this machine as a bare process would, for clients that bring their own HTTP. `now` is the app's clock. */
export async function serveApp(app: App, now: () => number): Promise<ServedApp> {
  // The instance gives deadlines by the real clock, the app reckons with the test's.
  const shifted: App = {
    ...app,
    fetch: (request, invocation) =>
      app.fetch(request, { ...invocation, deadline: invocation.deadline - Date.now() + now() }),
  }
  const logger = createLogger({ level: 'error' })
  const instance = createInstance(shifted, {
    contract: local,
    isEventFunction: false,
    logger,
    print: () => {},
  })
  const server = await listen({ instance, hostname: '127.0.0.1', port: 0 })
  return { url: `http://127.0.0.1:${server.port}`, port: server.port, stop: () => server.stop() }
}
