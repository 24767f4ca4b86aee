import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { scf } from 'tencentcloud-sdk-nodejs-scf'
import {
  type ControlPlane,
  type ControlPlaneOptions,
  startControlPlane,
} from '#scripts/emulator/control-plane/start-control-plane.ts'
import { CREDENTIALS, sampleImages } from './sample-images.ts'

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
    platform: 'scf',
    credentials: CREDENTIALS,
    resolve: images.resolve,
    settleMs: 20,
    folder: images.folder,
    ...options,
  })
}

function clientOf({ endpoint }: ControlPlane, secretKey = CREDENTIALS.accessKeySecret) {
  return new scf.v20180416.Client({
    credential: { secretId: CREDENTIALS.accessKeyId, secretKey },
    region: 'ap-local',
    profile: { httpProfile: { endpoint, protocol: 'http://' } },
  })
}

type Client = ReturnType<typeof clientOf>

const FunctionName = 'sample'

function codeOf(tag: string) {
  return { ImageConfig: { ImageType: 'personal', ImageUri: `registry.local/sample:${tag}` } }
}

function create(client: Client, tag: string, type: 'HTTP' | 'Event' = 'HTTP') {
  return client.CreateFunction({
    FunctionName,
    Type: type,
    Code: codeOf(tag),
    Timeout: 10,
    Environment: { Variables: [{ Key: 'SETTING', Value: 'of scf' }] },
  })
}

/** Asks until the change is done, as a deploy tool does. */
async function settled(client: Client) {
  for (;;) {
    const answer = await client.GetFunction({ FunctionName })
    if (answer.Status !== 'Creating' && answer.Status !== 'Updating') return answer
  }
}

async function deployed(client: Client, tag: string, type: 'HTTP' | 'Event' = 'HTTP'): Promise<string> {
  await create(client, tag, type)
  await settled(client)
  return (await client.PublishVersion({ FunctionName })).FunctionVersion ?? ''
}

async function withUrl(client: Client, version: string): Promise<string> {
  await client.CreateAlias({ FunctionName, Name: 'live', FunctionVersion: version })
  const net = { EnableIntranet: true, EnableExtranet: true }
  const { TriggerInfo: trigger } = await client.CreateTrigger({
    FunctionName,
    TriggerName: 'url',
    Type: 'http',
    Qualifier: 'live',
    TriggerDesc: JSON.stringify({ AuthType: 'NONE', NetConfig: net }),
  })
  return Object(JSON.parse(trigger?.TriggerDesc ?? '{}')).NetConfig.ExtranetUrl
}

function pointAlias(client: Client, version: string, weights: { Version: string; Weight: number }[] = []) {
  const RoutingConfig = { AdditionalVersionWeights: weights }
  return client.UpdateAlias({ FunctionName, Name: 'live', FunctionVersion: version, RoutingConfig })
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
  const one = await deployed(client, 'one')
  const url = await withUrl(client, one)

  const first = await (await fetch(`${url}/some/path?a=1`)).json()
  await client.UpdateFunctionCode({ FunctionName, Code: codeOf('two') })
  const updating = await client.GetFunction({ FunctionName })
  await settled(client)
  const { FunctionVersion: two = '' } = await client.PublishVersion({ FunctionName })
  const during = await imagesAt(url, 3)
  await pointAlias(client, one, [{ Version: two, Weight: 0.2 }])
  turn = 0
  const canary = await imagesAt(url, 10)
  await pointAlias(client, one)
  const back = await imagesAt(url, 3)
  const versions = await client.ListVersionByFunction({ FunctionName })
  await client.DeleteFunction({ FunctionName })

  expect(first).toMatchObject({ image: 'one', setting: 'of scf', version: '1', path: '/some/path?a=1' })
  expect(updating.Status).toBe('Updating')
  expect([during, canary, back]).toEqual([{ one: 3 }, { one: 8, two: 2 }, { one: 3 }])
  expect(versions.FunctionVersion).toEqual(['$LATEST', '2', '1'])
  await expect(fetch(url)).rejects.toThrow()
  await expect(client.GetFunction({ FunctionName })).rejects.toMatchObject({
    code: 'ResourceNotFound.Function',
  })
})

test('an event function takes invocations, and its log is there to read', async () => {
  const client = clientOf(plane)
  await deployed(client, 'one', 'Event')

  const { Result: result } = await client.Invoke({
    FunctionName,
    Qualifier: '1',
    ClientContext: '{"a":1}',
    LogType: 'Tail',
  })
  const logs = await client.GetFunctionLogs({ FunctionName })

  expect(JSON.parse(result?.RetMsg ?? '')).toMatchObject({
    event: '{"a":1}',
    path: '/event-invoke',
    version: '1',
  })
  expect([result?.InvokeResult, result?.Log]).toEqual([0, 'called with {"a":1}\n'])
  expect(logs.Data?.map(({ Log }) => Log)).toEqual(['called with {"a":1}'])
})

test('an invocation without a qualifier runs what $DEFAULT points at', async () => {
  const client = clientOf(plane)
  await deployed(client, 'one', 'Event')

  const { Result: result } = await client.InvokeFunction({ FunctionName, Event: '{}' })

  expect(JSON.parse(result?.RetMsg ?? '')).toMatchObject({ image: 'one', version: '$LATEST' })
})

test('a web function takes no invocation', async () => {
  const client = clientOf(plane)
  await deployed(client, 'one')

  await expect(client.Invoke({ FunctionName })).rejects.toMatchObject({ code: 'InvalidParameterValue' })
})

test('an invocation of a version that exits at its start tells so', async () => {
  const client = clientOf(plane)
  await deployed(client, 'broken', 'Event')

  const { Result: result } = await client.Invoke({ FunctionName })

  expect(result?.InvokeResult).toBe(-1)
  expect(result?.ErrMsg).toContain('ContainerStateExited')
})

test('a wrong secret is refused', async () => {
  const client = clientOf(plane, 'another')

  await expect(create(client, 'one')).rejects.toMatchObject({ code: 'AuthFailure.SignatureFailure' })
})

test('a change is refused while the last one is under way, and the next control plane carries that on', async () => {
  await plane.stop()
  plane = await start({ settleMs: 60_000 })
  const client = clientOf(plane)
  await create(client, 'one')

  await expect(client.UpdateFunctionCode({ FunctionName, Code: codeOf('two') })).rejects.toMatchObject({
    code: 'FailedOperation.FunctionStatusError',
  })
  await expect(client.PublishVersion({ FunctionName })).rejects.toMatchObject({
    code: 'FailedOperation.FunctionStatusError',
  })
  await plane.stop()
  plane = await start()

  expect((await settled(clientOf(plane))).Status).toBe('Active')
})

test('an image that cannot be used makes a function fail with the reason', async () => {
  const client = clientOf(plane)
  await create(client, 'refused')

  expect(await settled(client)).toMatchObject({
    Status: 'CreateFailed',
    StatusDesc: 'the image is for another architecture',
  })
})

test('what a version runs stays as it was published', async () => {
  const client = clientOf(plane)
  const url = await withUrl(client, await deployed(client, 'one'))
  const Environment = { Variables: [{ Key: 'SETTING', Value: 'changed' }] }

  await client.UpdateFunctionConfiguration({ FunctionName, Environment })
  await settled(client)

  expect(await (await fetch(url)).json()).toMatchObject({ setting: 'of scf', version: '1' })
})

test('a throttled call is told so by its code', async () => {
  plane.fail({ how: 'throttle', action: 'ListFunctions' })

  await expect(clientOf(plane).ListFunctions({})).rejects.toMatchObject({ code: 'RequestLimitExceeded' })
  expect((await clientOf(plane).ListFunctions({})).TotalCount).toBe(0)
})
