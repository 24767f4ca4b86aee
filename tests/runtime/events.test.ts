import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { RUNTIMES, type RuntimeName } from './executables.ts'
import { bundleProbe, type Probe, startProbe } from './start-probe.ts'

const FC = (port: number) => ({ FC_FUNCTION_NAME: 'probe', FC_SERVER_PORT: String(port) })
const SCF_WEB = (port: number) => ({ TENCENTCLOUD_RUNENV: 'SCF', PORT: String(port) })
const SCF_EVENT = (port: number) => ({ ...SCF_WEB(port), FUNCTION_TYPE: 'event' })
const KNATIVE = (port: number) => ({ K_SERVICE: 'probe', PORT: String(port) })

let bundle: Awaited<ReturnType<typeof bundleProbe>>
/** Takes requests only. */
let plain: Awaited<ReturnType<typeof bundleProbe>>
let probe: Probe | undefined
beforeAll(async () => {
  bundle = await bundleProbe()
  plain = await bundleProbe('plain')
})
afterEach(() => probe?.process.stop(), 15_000)
afterAll(() => {
  bundle.remove()
  plain.remove()
})

async function start(
  runtime: RuntimeName,
  variables: (port: number) => Record<string, string>,
  { file }: { readonly file: string } = bundle,
): Promise<Probe> {
  probe = await startProbe(file, runtime, variables)
  return probe
}

function post(url: string, event: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { method: 'POST', body: JSON.stringify(event), headers })
}

async function seen(url: string): Promise<unknown> {
  return Object(await (await fetch(`${url}/state`)).json()).events
}

/** What a gateway makes of an integrated answer. */
async function integrated(response: Response) {
  const answer = Object(await response.json())
  const bytes = Buffer.from(String(answer.body), answer.isBase64Encoded === true ? 'base64' : 'utf8')
  return {
    status: answer.statusCode,
    headers: Object(answer.headers),
    bytes,
    isBase64: answer.isBase64Encoded,
  }
}

const OSS = {
  events: ['a/猫.png', 'b.png'].map((key) => ({
    eventName: 'ObjectCreated:PutObject',
    eventSource: 'acs:oss',
    eventTime: '2026-11-23T07:49:00.000Z',
    oss: { bucket: { name: 'films' }, object: { key, size: 3 } },
  })),
}

const COS = {
  Records: [
    {
      cos: { cosObject: { key: '/1250000000/films/a/b.png', size: 3 }, cosBucket: { name: 'films' } },
      event: { eventName: 'cos:ObjectCreated:Put', eventTime: 1_763_884_140 },
    },
  ],
}

describe.each(RUNTIMES)('on %s', (runtime) => {
  test('each object that OSS tells of is an event of its own', async () => {
    const { url } = await start(runtime, FC)

    const answer = await post(`${url}/invoke`, OSS, {
      'x-fc-control-path': '/invoke',
      'x-fc-request-id': 'r',
    })

    expect(answer.status).toBe(200)
    const common = {
      source: '/oss/films',
      type: 'oss.ObjectCreated:PutObject',
      time: OSS.events[0]?.eventTime,
    }
    expect(await seen(url)).toMatchObject([
      { ...common, id: 'r-0', subject: 'a/猫.png', data: OSS.events[0] },
      { ...common, id: 'r-1', subject: 'b.png' },
    ])
  })

  test('an object that COS tells of is an event about its key', async () => {
    const { url } = await start(runtime, SCF_EVENT)

    await post(`${url}/event-invoke`, COS, { 'x-scf-request-id': 'r' })

    const time = '2025-11-23T07:49:00.000Z'
    const event = { id: 'r-0', source: '/cos/films', type: 'cos.ObjectCreated:Put', subject: 'a/b.png', time }
    expect(await seen(url)).toMatchObject([event])
  })

  test('a request by a function URL reaches an event function whole, and its answer the gateway', async () => {
    const { url } = await start(runtime, SCF_EVENT, plain)

    const answer = await post(`${url}/event-invoke`, {
      httpMethod: 'POST',
      path: '/see',
      queryString: 'a=1&a=2&名=%E7%8C%AB',
      headers: { host: 'api.example.cn', 'x-scf-remote-addr': '9.9.9.9', 'content-type': 'text/plain' },
      body: '你好',
    })

    const { status, bytes, isBase64 } = await integrated(answer)
    expect([answer.status, status, isBase64]).toEqual([200, 200, false])
    expect(JSON.parse(bytes.toString())).toEqual({
      method: 'POST',
      url: 'http://api.example.cn/see?a=1&a=2&%E5%90%8D=%E7%8C%AB',
      body: '你好',
      clientIp: '9.9.9.9',
      platformHeaders: [],
    })
  })

  test('bytes that are no text, and each of several cookies, pass an API gateway both ways', async () => {
    const { url } = await start(runtime, SCF_EVENT, plain)
    const body = Buffer.from([0, 255, 254, 10, 13, 128])

    const answer = await post(`${url}/event-invoke`, {
      requestContext: { serviceId: 'service-1', sourceIp: '9.9.9.9', stage: 'release' },
      httpMethod: 'PUT',
      path: '/echo',
      queryString: { a: ['1', '2'] },
      headers: { 'Content-Type': 'application/octet-stream' },
      body: body.toString('base64'),
      isBase64Encoded: true,
    })

    const { bytes, headers, isBase64 } = await integrated(answer)
    expect(isBase64).toBe(true)
    expect(bytes).toEqual(body)
    expect(headers['set-cookie']).toEqual(['a=1', 'b=2'])
  })

  test('Alibaba’s API gateway and FC’s v1 event are requests, too', async () => {
    const { url } = await start(runtime, FC, plain)
    const headers = { 'x-fc-control-path': '/invoke' }
    const gateway = { path: '/see', httpMethod: 'GET', queryParameters: { a: '1' }, isBase64Encoded: 'false' }
    const http = { method: 'GET', path: '/see', sourceIp: '9.9.9.9' }
    const v1 = { version: 'v1', rawPath: '/see', queryParameters: { a: '1' }, requestContext: { http } }

    const answers = [await post(`${url}/invoke`, gateway, headers), await post(`${url}/invoke`, v1, headers)]

    const told = await Promise.all(
      answers.map(async (one) => JSON.parse(String((await integrated(one)).bytes))),
    )
    expect(told).toMatchObject([
      { method: 'GET', url: 'http://localhost/see?a=1' },
      { method: 'GET', url: 'http://localhost/see?a=1', clientIp: '9.9.9.9' },
    ])
  })

  test('an event for a function that takes requests only is a failure, in the platform’s way', async () => {
    const { url } = await start(runtime, FC, plain)

    const answer = await post(`${url}/invoke`, OSS, { 'x-fc-control-path': '/invoke' })

    expect([answer.status, answer.headers.get('x-fc-status')]).toEqual([404, '404'])
  })

  test('a client of a web function cannot pass off a body as a gateway’s event', async () => {
    const { url } = await start(runtime, SCF_WEB, plain)

    const forged = { httpMethod: 'GET', path: '/see', headers: {}, requestContext: { sourceIp: '6.6.6.6' } }
    const answer = await post(`${url}/event-invoke`, forged)

    expect([answer.status, await answer.text()]).toEqual([404, 'no such path'])
  })

  test('Knative’s events arrive in both modes; a failure is a 500, a request stays one', async () => {
    const { url } = await start(runtime, KNATIVE)
    const attributes = {
      specversion: '1.0',
      id: '7',
      source: '/apis/v1/ping',
      type: 'dev.knative.sources.ping',
    }
    const names = Object.entries(attributes).map(([name, value]): [string, string] => [`ce-${name}`, value])

    const binary = await post(url, 'sweep', {
      ...Object.fromEntries(names),
      'ce-subject': 'Euro%20%E2%82%AC',
    })
    const structured = await post(
      url,
      { ...attributes, id: '8', data: { a: 1 } },
      { 'content-type': 'application/cloudevents+json; charset=utf-8' },
    )
    const failed = await post(url, 'fail', Object.fromEntries(names))
    const request = await post(url, 'sweep')

    expect([binary, structured, failed, request].map(({ status }) => status)).toEqual([200, 200, 500, 404])
    expect(await seen(url)).toEqual([
      { ...attributes, subject: 'Euro €', data: 'sweep' },
      { ...attributes, id: '8', data: { a: 1 } },
    ])
  })
})
