import { listen, type Listening } from '#scripts/emulator/listen.ts'
import type { Runner } from './runner.ts'

/** The listeners behind http triggers: each function URL has a port of its own. */
export interface UrlListeners {
  /** Listens on `port` where that is free, else anywhere; resolves with the port. */
  readonly open: (functionName: string, qualifier: string, port?: number) => Promise<number>
  readonly close: (port: number) => Promise<void>
  stop(): Promise<void>
}

export function createUrlListeners(runner: Pick<Runner, 'serve'>): UrlListeners {
  const open = new Map<number, Listening>()

  async function close(port: number): Promise<void> {
    const listening = open.get(port)
    open.delete(port)
    await listening?.stop()
  }

  return {
    async open(functionName, qualifier, port = 0) {
      const serve: Parameters<typeof listen>[0] = (incoming, outgoing) =>
        runner.serve(functionName, qualifier, incoming, outgoing)
      const listening = await listen(serve, port).catch(() => listen(serve)) // somebody else has the port by now
      const bound = Number(new URL(listening.url).port)
      open.set(bound, listening)
      return bound
    },
    close,
    stop: async () => void (await Promise.all([...open.keys()].map(close))),
  }
}
