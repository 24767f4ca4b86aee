import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { scf } from 'tencentcloud-sdk-nodejs-scf'
import { addressesOf } from '#scripts/dev/addresses.ts'
import { until } from '#tests/runtime/until.ts'
import { type DevCommand, startDevCommand } from './dev-command.ts'

let cloud: DevCommand

beforeAll(async () => {
  cloud = await startDevCommand({ args: ['--runtime', 'node'] })
  // They follow the start, which does not wait for them.
  await until(() => addressesOf(cloud.folder)?.controlPlanes !== undefined)
}, 120_000)

afterAll(() => cloud.end('SIGTERM'))

const FunctionName = 'xiaohan-rate-check'

function client() {
  const plane = addressesOf(cloud.folder)?.controlPlanes?.scf
  if (plane === undefined) throw new Error('The local cloud notes no control plane')
  return new scf.v20180416.Client({
    credential: { secretId: plane.accessKeyId, secretKey: plane.accessKeySecret },
    region: 'ap-local',
    profile: { httpProfile: { endpoint: plane.endpoint, protocol: 'http://' } },
  })
}

/** What the function needs, as a deploy would give it. */
function environment() {
  const settings = addressesOf(cloud.folder)?.settings ?? {}
  return { Variables: Object.entries(settings).map(([Key, Value]) => ({ Key, Value })) }
}

function codeOf(tag: string) {
  return { ImageConfig: { ImageType: 'personal', ImageUri: `registry.local/xiaohan/rate-check:${tag}` } }
}

async function published(): Promise<string> {
  for (;;) {
    const { Status } = await client().GetFunction({ FunctionName })
    if (Status === 'Active') break
  }
  return (await client().PublishVersion({ FunctionName })).FunctionVersion ?? ''
}

/** Statuses of `/api/v1/rate-check` at a version's own URL. */
async function statusOf(version: string): Promise<number> {
  const TriggerDesc = JSON.stringify({ AuthType: 'NONE', NetConfig: { EnableExtranet: true } })
  const trigger = {
    FunctionName,
    TriggerName: `url-${version}`,
    Type: 'http',
    Qualifier: version,
    TriggerDesc,
  }
  const { TriggerInfo } = await client().CreateTrigger(trigger)
  const { ExtranetUrl: url } = Object(JSON.parse(TriggerInfo?.TriggerDesc ?? '{}')).NetConfig
  const { status } = await fetch(`${url}/api/v1/rate-check`, { method: 'POST' })
  return status
}

test('a function of this repository is deployed to the local cloud, and images go wrong that are made to', async () => {
  await client().CreateFunction({
    FunctionName,
    Type: 'HTTP',
    Timeout: 10,
    Code: codeOf('v1'),
    Environment: environment(),
  })
  const good = await statusOf(await published())
  await client().UpdateFunctionCode({ FunctionName, Code: codeOf('v2-broken') })
  const broken = await statusOf(await published())
  await client().UpdateFunctionCode({ FunctionName, Code: codeOf('v3-failing') })
  const failing = await statusOf(await published())

  expect({ good, broken, failing }).toEqual({ good: 400, broken: 405, failing: 500 })
})
