import { describe, expect, test } from '@jest/globals'
import { inspect } from 'node:util'
import { traceSettings } from '#shared/backend/trace-settings.ts'
import { readEnv } from '#shared/config/read-env.ts'
import { redact } from '#shared/telemetry/redact.ts'

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.example' }
const read = (env: Readonly<Record<string, string>>) => readEnv({ ...ENDPOINT, ...env }, traceSettings).traces

describe('the settings of traces', () => {
  test('hold the headers of the collector as secrets', () => {
    const text = 'X-Api-Key = hush%20hush, x-scope=hush'

    const settings = read({ OTEL_EXPORTER_OTLP_HEADERS: text })

    const { headers = {} } = settings ?? {}
    expect(Object.entries(headers).map(([name, value]) => [name, value.reveal()])).toEqual([
      ['x-api-key', 'hush hush'],
      ['x-scope', 'hush'],
    ])
    expect(JSON.stringify(settings) + inspect(settings) + JSON.stringify(redact(settings))).not.toContain(
      'hush',
    )
  })

  test.each(['hush', 'x y=hush', 'x=hush%0d%0ay: z', 'x=hush%E5%B0%8F', 'x=hush%'])(
    'refuse the headers %j, and do not quote them',
    (text) => {
      const reading = () => read({ OTEL_EXPORTER_OTLP_HEADERS: text })

      expect(reading).toThrow(/OTEL_EXPORTER_OTLP_HEADERS (?:must be headers|cannot be read)/)
      expect(reading).not.toThrow(/hush/)
    },
  )

  test.each<[Readonly<Record<string, string>>, number, boolean]>([
    [{}, 1, false],
    [{ OTEL_TRACES_SAMPLER_ARG: '0.25' }, 0.25, false],
    [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' }, 0.25, false],
    [{ OTEL_TRACES_SAMPLER: 'always_off' }, 0, false],
    [{ OTEL_TRACES_SAMPLER: 'always_on', OTEL_TRACES_SAMPLER_ARG: '0.25' }, 1, false],
    [{ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' }, 0.25, true],
    [{ OTEL_TRACES_SAMPLER: 'parentbased_always_on' }, 1, true],
    [{ OTEL_TRACES_SAMPLER: 'parentbased_always_off' }, 0, true],
  ])('as %j: share and whether callers decide', (env, ratio, trustsCallers) => {
    expect(read(env)).toMatchObject({ ratio, trustsCallers })
  })

  test.each([
    [{ OTEL_TRACES_SAMPLER: 'jaeger_remote' }, 'OTEL_TRACES_SAMPLER must be one of traceidratio, always_on'],
    [{ OTEL_TRACES_SAMPLER_ARG: '2' }, 'OTEL_TRACES_SAMPLER_ARG must be a share from 0 to 1'],
  ])('cannot be %j', (env, problem) => {
    expect(() => read(env as Readonly<Record<string, string>>)).toThrow(problem)
  })
})
