import type { Service } from './local-services.ts'

const ENDPOINT = 'OTEL_EXPORTER_OTLP_ENDPOINT'

export interface TraceService extends Service {
  /** What the functions need to reach it. */
  readonly settings: Readonly<Record<string, string>>
}

/** Where traces go: to the collector of the environment, else to one of our own that `npm run traces` reads. */
export async function traceCollector(env: Readonly<Record<string, string>>): Promise<TraceService> {
  const given = env[ENDPOINT]
  if (given !== undefined)
    return { url: undefined, about: `${given} (${ENDPOINT})`, settings: {}, stop: async () => {} }
  const { startTraceCollector } = await import('#scripts/emulator/traces/start-trace-collector.ts')
  const collector = await startTraceCollector()
  return { ...collector, about: 'npm run traces', settings: { [ENDPOINT]: collector.url } }
}
