import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { RUNTIMES, type RuntimeName } from './executables.ts'
import { bundleProbe, type Probe, startProbe } from './start-probe.ts'
import { until } from './until.ts'

const FC = (port: number) => ({ FC_FUNCTION_NAME: 'probe', FC_SERVER_PORT: String(port) })
const SCF = (port: number) => ({ TENCENTCLOUD_RUNENV: 'SCF', PORT: String(port) })

let bundle: Awaited<ReturnType<typeof bundleProbe>>
let probe: Probe | undefined
beforeAll(async () => {
  bundle = await bundleProbe()
})
afterEach(() => probe?.process.stop(), 15_000)
afterAll(() => bundle.remove())

async function start(
  runtime: RuntimeName,
  variables: (port: number) => Record<string, string>,
): Promise<Probe> {
  probe = await startProbe(bundle.file, runtime, variables)
  return probe
}

async function json(url: string, headers: Record<string, string> = {}): Promise<Record<string, unknown>> {
  return { ...Object(await (await fetch(url, { headers })).json()) }
}

describe.each(RUNTIMES)('on %s', (runtime) => {
  test('FC’s headers give the request id, the client and the deadline less half a second', async () => {
    const { url } = await start(runtime, FC)

    const seen = await json(`${url}/see`, {
      'x-fc-request-id': '1-2-3',
      'x-fc-client-ip': '9.9.9.9',
      'x-fc-function-timeout': '7',
      'x-scf-request-id': 'forged',
      'x-scf-remote-addr': '6.6.6.6',
    })

    expect(seen).toMatchObject({ platform: 'fc', requestId: '1-2-3', clientIp: '9.9.9.9' })
    expect(Math.abs(Number(seen['leftMs']) - 6_500)).toBeLessThan(400)
  })

  test('SCF’s headers give the request id, the client and the deadline less half a second', async () => {
    const { url } = await start(runtime, SCF)

    const seen = await json(`${url}/see`, {
      'x-scf-request-id': 'abc',
      'x-scf-remote-addr': '9.9.9.9',
      'x-scf-timeout': '7',
      'x-fc-request-id': 'forged',
      'x-fc-client-ip': '6.6.6.6',
    })

    expect(seen).toMatchObject({ platform: 'scf', requestId: 'abc', clientIp: '9.9.9.9' })
    expect(Math.abs(Number(seen['leftMs']) - 6_500)).toBeLessThan(400)
  })

  test('a role’s token of any length neither reaches an app nor counts as the client’s', async () => {
    const { url } = await start(runtime, FC)

    const seen = await json(`${url}/see`, {
      'x-fc-security-token': 't'.repeat(9_000),
      'X-Scf-Secret-Key': 'forged',
      'x-own': 'kept',
    })

    expect(seen).toMatchObject({ headers: expect.arrayContaining([['x-own', 'kept']]) })
    expect(JSON.stringify(seen['headers'])).not.toMatch(/x-(fc|scf)-/i)
  })

  test('FC’s hooks answer 200, even when warming fails, and a call prints its markers', async () => {
    const { url, lines } = await start(runtime, FC)

    const warmed = await fetch(`${url}/initialize`, { method: 'POST', headers: { 'x-fc-request-id': 'i' } })
    await fetch(`${url}/see`, { headers: { 'x-fc-request-id': 'r' } })
    const stopped = await fetch(`${url}/pre-stop`, { headers: { 'x-fc-request-id': 'p' } })

    expect([warmed.status, stopped.status]).toEqual([200, 200])
    await until(() => lines.includes('FC PreStop End RequestId: p'))
    expect(lines).toEqual(
      expect.arrayContaining([
        'FC Initialize Start RequestId: i',
        'FC Initialize End RequestId: i',
        'FC Invoke Start RequestId: r',
        'FC Invoke End RequestId: r',
        'probe closed',
      ]),
    )
  })

  test('a client of FC that posts to a hook’s path stays a client', async () => {
    const { url } = await start(runtime, FC)

    const answer = await fetch(`${url}/invoke`, {
      method: 'POST',
      headers: { 'x-fc-control-path': '/http-invoke' },
    })

    expect(answer.status).toBe(404)
    expect(await json(`${url}/state`)).toMatchObject({ events: [] })
  })

  test('a timer of FC arrives as a CloudEvent; a failure says so in FC’s way', async () => {
    const { url } = await start(runtime, FC)
    const timer = { triggerTime: '2026-11-23T07:49:00Z', triggerName: 'every minute', payload: 'sweep' }
    const post = (body: unknown) =>
      fetch(`${url}/invoke`, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'x-fc-request-id': 'e', 'x-fc-control-path': '/invoke' },
      })

    const taken = await post(timer)
    const failed = await post({ ...timer, payload: 'fail' })

    expect([taken.status, failed.status, failed.headers.get('x-fc-status')]).toEqual([200, 404, '404'])
    expect(await json(`${url}/state`)).toMatchObject({
      events: [
        {
          specversion: '1.0',
          id: 'e',
          source: '/fc/timers/every%20minute',
          type: 'timer',
          time: timer.triggerTime,
          data: 'sweep',
        },
      ],
    })
  })

  test('a timer of SCF arrives as a CloudEvent', async () => {
    const { url } = await start(runtime, SCF)
    const timer = { Type: 'Timer', TriggerName: 'minute', Time: '2026-11-23T07:49:00Z', Message: 'sweep' }

    const taken = await fetch(`${url}/event-invoke`, {
      method: 'POST',
      body: JSON.stringify(timer),
      headers: { 'x-scf-request-id': 'e' },
    })

    expect(taken.status).toBe(200)
    expect(await json(`${url}/state`)).toMatchObject({
      events: [
        {
          specversion: '1.0',
          id: 'e',
          source: '/scf/timers/minute',
          type: 'timer',
          time: timer.Time,
          data: 'sweep',
        },
      ],
    })
  })

  test('a call whose deadline passes has its signal ended', async () => {
    const { url } = await start(runtime, FC)

    const answer = await fetch(`${url}/late`, { headers: { 'x-fc-function-timeout': '1' } })

    expect(await answer.text()).toBe('TimeoutError')
  })

  test('where the process freezes after the answer, background work is done before it', async () => {
    const { url, lines } = await start(runtime, FC)

    await fetch(`${url}/background`)

    expect(await json(`${url}/state`)).toMatchObject({ background: 'done' })
    expect(lines.some((line) => line.includes('runtime.background_failed'))).toBe(true)
  })

  test('SIGTERM lets a request in flight finish, closes the app and ends with 0', async () => {
    const { url, process, lines } = await start(runtime, FC)
    const slow = fetch(`${url}/slow?ms=400`, { headers: { 'x-fc-request-id': 'slow' } })
    await until(() => lines.includes('FC Invoke Start RequestId: slow'))

    const stopping = process.stop()

    expect(await (await slow).text()).toBe('done')
    await stopping
    expect(await process.exited).toBe('exit code 0')
    expect(lines).toContain('probe closed')
  }, 20_000)

  test('SIGTERM does not wait for a request that never ends', async () => {
    const { url, process, lines } = await start(runtime, FC)
    const hanging = fetch(`${url}/hang`, { headers: { 'x-fc-request-id': 'h' } }).catch(() => 'cut')
    await until(() => lines.includes('FC Invoke Start RequestId: h'))

    await process.stop()

    expect(await hanging).toBe('cut')
    expect(await process.exited).toBe('exit code 0')
  }, 20_000)
})
