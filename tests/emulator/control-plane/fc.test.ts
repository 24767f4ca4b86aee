import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { createRequire } from 'node:module'
import { Readable } from 'node:stream'
import Fc2 from '@alicloud/fc2'
import type FcSdk from '@alicloud/fc20230330'
import { Config } from '@alicloud/openapi-core/dist/utils.js'
import {
  type ControlPlane,
  type ControlPlaneOptions,
  startControlPlane,
} from '#scripts/emulator/control-plane/start-control-plane.ts'
import { CREDENTIALS, sampleImages } from './sample-images.ts'

// Node and Bun differ in what the default export of such a package is to an import; `require` gives both the same.
const fc: typeof FcSdk = createRequire(import.meta.url)('@alicloud/fc20230330')

let images: ReturnType<typeof sampleImages>
let plane: ControlPlane

beforeEach(async () => {
  images = sampleImages()
  plane = await start()
})

afterEach(async () => {
  await plane.stop()
  images.remove()
})

function start(options: Partial<ControlPlaneOptions> = {}): Promise<ControlPlane> {
  return startControlPlane({
    platform: 'fc',
    credentials: CREDENTIALS,
    resolve: images.resolve,
    settleMs: 20,
    folder: images.folder,
    ...options,
  })
}

function clientOf({ endpoint }: ControlPlane, secret = CREDENTIALS.accessKeySecret) {
  const { accessKeyId } = CREDENTIALS
  return new fc.default(new Config({ accessKeyId, accessKeySecret: secret, endpoint, protocol: 'http' }))
}

type Client = ReturnType<typeof clientOf>

const settings = (tag: string, setting = tag) => ({
  runtime: 'custom-container',
  handler: 'index.handler',
  timeout: 10,
  instanceConcurrency: 10,
  customContainerConfig: new fc.CustomContainerConfig({ image: `registry.local/sample:${tag}`, port: 9000 }),
  environmentVariables: { SETTING: setting },
})

function create(client: Client, tag: string) {
  const body = new fc.CreateFunctionInput({ functionName: 'sample', ...settings(tag) })
  return client.createFunction(new fc.CreateFunctionRequest({ body }))
}

function update(client: Client, tag: string) {
  const body = new fc.UpdateFunctionInput(settings(tag))
  return client.updateFunction('sample', new fc.UpdateFunctionRequest({ body }))
}

/** Asks until the change is done, as a deploy tool does. */
async function settled(client: Client) {
  for (;;) {
    const { body } = await client.getFunction('sample', new fc.GetFunctionRequest({}))
    if (body?.state !== 'Pending' && body?.lastUpdateStatus !== 'InProgress') return body
  }
}

async function publish(client: Client): Promise<string> {
  const body = new fc.PublishVersionInput({ description: 'a version' })
  const answer = await client.publishFunctionVersion('sample', new fc.PublishFunctionVersionRequest({ body }))
  return answer.body?.versionId ?? ''
}

async function deployed(client: Client, tag: string): Promise<string> {
  await create(client, tag)
  await settled(client)
  return publish(client)
}

async function urlOf(client: Client, qualifier: string): Promise<string> {
  const triggerConfig = JSON.stringify({ authType: 'anonymous', methods: ['GET', 'POST'] })
  const trigger = { triggerName: `http-${qualifier}`, triggerType: 'http', qualifier, triggerConfig }
  const body = new fc.CreateTriggerInput(trigger)
  const answer = await client.createTrigger('sample', new fc.CreateTriggerRequest({ body }))
  return answer.body?.httpTrigger?.urlInternet ?? ''
}

function pointAlias(client: Client, versionId: string, additionalVersionWeight: Record<string, number> = {}) {
  const body = new fc.UpdateAliasInput({ versionId, additionalVersionWeight })
  return client.updateAlias('sample', 'live', new fc.UpdateAliasRequest({ body }))
}

async function withAlias(client: Client, versionId: string): Promise<string> {
  const body = new fc.CreateAliasInput({ aliasName: 'live', versionId })
  await client.createAlias('sample', new fc.CreateAliasRequest({ body }))
  return urlOf(client, 'live')
}

async function imagesAt(url: string, calls: number): Promise<Record<string, number>> {
  const seen: Record<string, number> = {}
  for (let call = 0; call < calls; call++) {
    const { image } = Object(await (await fetch(url)).json())
    seen[image] = (seen[image] ?? 0) + 1
  }
  return seen
}

test('a function is deployed, called at its URL, canaried by weight, rolled back and removed', async () => {
  let turn = 0
  await plane.stop()
  plane = await start({ random: () => (turn++ % 10) / 10 })
  const client = clientOf(plane)
  const created = await create(client, 'one')
  const active = await settled(client)
  const one = await publish(client)
  const url = await withAlias(client, one)

  const first = await (await fetch(`${url}/some/path?a=1`)).json()
  await update(client, 'two')
  await settled(client)
  const two = await publish(client)
  const during = await imagesAt(url, 3)
  await pointAlias(client, one, { [two]: 0.2 })
  turn = 0
  const canary = await imagesAt(url, 10)
  await pointAlias(client, one)
  const back = await imagesAt(url, 3)
  const listed = await client.listFunctionVersions('sample', new fc.ListFunctionVersionsRequest({}))
  await client.deleteFunction('sample')

  expect([created.body?.state, active?.state, active?.lastUpdateStatus]).toEqual([
    'Pending',
    'Active',
    'Successful',
  ])
  expect(first).toMatchObject({ image: 'one', setting: 'one', version: '1', path: '/some/path?a=1' })
  expect([during, canary, back]).toEqual([{ one: 3 }, { one: 8, two: 2 }, { one: 3 }])
  expect(listed.body?.versions?.map(({ versionId }) => versionId)).toEqual(['2', '1'])
  await expect(fetch(url)).rejects.toThrow()
  await expect(client.getFunction('sample', new fc.GetFunctionRequest({}))).rejects.toMatchObject({
    code: 'FunctionNotFound',
  })
})

test('an invocation brings the event, what the function answered and the end of its log', async () => {
  const client = clientOf(plane)
  await deployed(client, 'one')

  const { body, headers } = await client.invokeFunctionWithOptions(
    'sample',
    new fc.InvokeFunctionRequest({ qualifier: '1', body: Readable.from([Buffer.from('{"a":1}')]) }),
    new fc.InvokeFunctionHeaders({ xFcLogType: 'Tail' }),
    Object(undefined),
  )

  expect(JSON.parse(Buffer.concat(await Readable.from(body ?? []).toArray()).toString())).toMatchObject({
    event: '{"a":1}',
    path: '/invoke',
    version: '1',
  })
  expect(Buffer.from(headers?.['x-fc-log-result'] ?? '', 'base64').toString()).toBe('called with {"a":1}\n')
})

test('the SDK of FC 2.0 invokes a version, and a wrong secret is refused', async () => {
  await deployed(clientOf(plane), 'one')
  const options = {
    accessKeyID: CREDENTIALS.accessKeyId,
    region: 'cn-local',
    endpoint: `http://${plane.endpoint}`,
  }
  const client = new Fc2('1000', { ...options, accessKeySecret: CREDENTIALS.accessKeySecret })
  const stranger = new Fc2('1000', { ...options, accessKeySecret: 'another' })

  const { data } = await client.invokeFunction('service', 'sample', '{"b":2}', {}, '1')

  expect(data).toMatchObject({ event: '{"b":2}', image: 'one', version: '1' })
  await expect(stranger.invokeFunction('service', 'sample', '{}')).rejects.toThrow('signature')
})

test('a wrong secret is refused', async () => {
  const client = clientOf(plane, 'another')

  await expect(create(client, 'one')).rejects.toMatchObject({
    code: 'SignatureDoesNotMatch',
    statusCode: 403,
  })
})

test('a change is refused while the last one is under way', async () => {
  await plane.stop()
  plane = await start({ settleMs: 60_000 })
  const client = clientOf(plane)
  await create(client, 'one')

  await expect(update(client, 'two')).rejects.toMatchObject({
    code: 'ConcurrentUpdateError',
    statusCode: 409,
  })
  await expect(create(client, 'one')).rejects.toMatchObject({
    code: 'FunctionAlreadyExists',
    statusCode: 409,
  })
})

test.each([
  ['refused', 'the image is for another architecture'],
  ['missing', 'the image registry.local/sample:missing does not exist'],
])('an image that is %s makes a function fail with the reason', async (tag, reason) => {
  const client = clientOf(plane)
  await create(client, tag)

  expect(await settled(client)).toMatchObject({ state: 'Failed', stateReason: reason })
})

test('a version that exits at its start is answered 502 and its words are in the log', async () => {
  const client = clientOf(plane)
  const url = await withAlias(client, await deployed(client, 'broken'))

  const { status } = await fetch(url)

  expect(status).toBe(502)
  expect(plane.logs('sample').map(({ text }) => text)).toContain('cannot start')
})

test('what was deployed is there after a restart, URLs included', async () => {
  const client = clientOf(plane)
  const url = await withAlias(client, await deployed(client, 'one'))
  await plane.stop()
  plane = await start()

  const seen = await imagesAt(url, 1)
  const { body } = await clientOf(plane).getAlias('sample', 'live')

  expect(seen).toEqual({ one: 1 })
  expect(body?.versionId).toBe('1')
})

test('calls meet what they are told to meet, and then work', async () => {
  const client = clientOf(plane)
  const get = () => client.listFunctions(new fc.ListFunctionsRequest({}))

  plane.fail({ how: 'throttle' })
  await expect(get()).rejects.toMatchObject({ statusCode: 429 })
  plane.fail({ how: 'fail', action: 'ListFunctions' })
  await expect(get()).rejects.toMatchObject({ statusCode: 500 })
  plane.fail({ how: 'drop-after', action: 'CreateFunction' })
  await expect(create(client, 'one')).rejects.toThrow()

  expect((await get()).body?.functions?.map(({ functionName }) => functionName)).toEqual(['sample'])
})
