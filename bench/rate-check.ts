import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { runtimeExecutable } from '#scripts/dev/runtime-executable.ts'
import { buildFunctions } from '#scripts/build/build-functions.ts'
import { FUNCTIONS } from '#scripts/functions.ts'
import { generateSecrets } from '#scripts/keys/generate-secrets.ts'
import { migrate } from '#scripts/migrate.ts'
import { freePort } from '#scripts/services/free-port.ts'
import { startPostgres } from '#scripts/services/postgres.ts'
import { startRedis } from '#scripts/services/redis.ts'
import { parsePartnerKeys } from '#shared/signing/partner-keys.ts'
import type { HttpLoad } from './http-load-worker.ts'
import { outputOf } from './output-of.ts'
import { median, type Row } from './table.ts'

const root = dirname(import.meta.dirname)
const RUNTIMES = ['bun', 'node'] as const
const PEERS = ['flexible', 'upstash', 'upstash-fixed', 'upstash-bucket'] as const
const PASSES = 3
const TARGETS = { perS: 3_000, p99Ms: 15 }

interface Server {
  readonly url: string
  stop(): void
}

interface Contender {
  readonly what: string
  readonly server: Server
  /** Key id and key in base64url; empty for one that takes anything. */
  readonly signer: readonly string[]
  readonly targets?: typeof TARGETS
}

/** Signed rate-checks of one key over HTTP, beside bare servers around other libraries, on the same Redis. */
export async function benchRateCheck(): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'xiaohan-rate-check-'))
  const postgres = await startPostgres({ dataDir: join(folder, 'postgres') })
  const redis = await startRedis()
  try {
    if (redis === undefined) throw new TypeError('The rate-check bench needs redis-server')
    await migrate({ url: new URL(postgres.url) })
    const outDir = join(folder, 'dist')
    await buildFunctions({ root, functionsDir: join(root, 'functions'), outDir, functions: FUNCTIONS })
    const secrets = generateSecrets()
    const [partner] = parsePartnerKeys(secrets.PARTNER_KEYS).all
    if (partner === undefined) throw new TypeError('No partner to sign as')
    const signer = [partner.kid, Buffer.from(partner.key).toString('base64url')]
    const env = {
      ...secrets,
      DATABASE_URL: postgres.url,
      REDIS_URL: redis.url,
      WECHAT_APP_ID: 'wx0000000000000000',
      LOG_LEVEL: 'warn',
    }
    const contenders = await Promise.all([
      ...RUNTIMES.map(async (runtime): Promise<Contender> => {
        const server = await startFunction(runtime, join(outDir, 'rate-check', 'index.mjs'), env)
        return { what: `rate-check over HTTP, signed, ${runtime}`, server, signer, targets: TARGETS }
      }),
      ...PEERS.map(async (peer): Promise<Contender> => {
        const server = await startPeer(peer, redis.url)
        return { what: `bare server around ${peer}, unsigned, node`, server, signer: [] }
      }),
    ])
    try {
      return await rowsOfAll(contenders)
    } finally {
      for (const { server } of contenders) server.stop()
    }
  } finally {
    await Promise.all([postgres.stop(), redis?.stop()])
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Pass by pass, all of them in each, so that none has the quieter machine. */
async function rowsOfAll(contenders: readonly Contender[]): Promise<readonly Row[]> {
  const loads = contenders.map((): HttpLoad[] => [])
  for (let pass = 0; pass < PASSES; pass += 1)
    for (const [at, contender] of contenders.entries()) loads[at]?.push(await load(contender))
  return contenders.flatMap((contender, at) => rowsOf(contender, loads[at] ?? []))
}

async function load({ what, server, signer }: Contender): Promise<HttpLoad> {
  const worker = join(import.meta.dirname, 'http-load-worker.ts')
  const measured: HttpLoad = JSON.parse(await outputOf(process.execPath, [worker, server.url, ...signer]))
  if (Object.keys(measured.statuses).join() !== '200')
    throw new TypeError(`${what} answered ${JSON.stringify(measured.statuses)}`)
  return measured
}

async function startFunction(
  runtime: (typeof RUNTIMES)[number],
  file: string,
  env: Readonly<Record<string, string>>,
): Promise<Server> {
  const port = await freePort()
  const child = spawn(runtimeExecutable(runtime, root), [file], {
    env: { ...env, HOST: '127.0.0.1', PORT: String(port) },
    stdio: 'inherit',
  })
  const origin = `http://127.0.0.1:${port}`
  while ((await fetch(`${origin}/health/liveness`).catch(() => undefined))?.status !== 200) {
    if (child.exitCode !== null) throw new TypeError(`rate-check does not start on ${runtime}`)
  }
  return { url: `${origin}/api/v1/rate-check`, stop: () => void child.kill('SIGKILL') }
}

function startPeer(peer: (typeof PEERS)[number], redisUrl: string): Promise<Server> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'peer-limit-server.ts'), peer, redisUrl], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new TypeError(`The server around ${peer} does not start`)))
    child.stdout.once('data', (text) =>
      resolve({
        url: `http://127.0.0.1:${JSON.parse(String(text)).port}/`,
        stop: () => void child.kill('SIGKILL'),
      }),
    )
  })
}

function rowsOf({ what, targets }: Contender, loads: readonly HttpLoad[]): readonly Row[] {
  const [perS, p50Ms, p99Ms] = (['perS', 'p50Ms', 'p99Ms'] as const).map((name) =>
    median(loads.map((one) => one[name])),
  ) as [number, number, number] // One for each of the three names.
  const how = `median of ${PASSES} passes, 16 connections, one key, client and Redis on the same 2 cores`
  return [
    {
      what,
      median: perS,
      unit: '/s',
      how,
      ...(targets === undefined
        ? {}
        : { target: `≥ ${targets.perS.toLocaleString('en')}/s`, met: perS >= targets.perS }),
    },
    {
      what: `${what}: p99 (p50 ${p50Ms.toFixed(1)} ms)`,
      median: p99Ms,
      unit: 'ms',
      how,
      ...(targets === undefined ? {} : { target: `< ${targets.p99Ms} ms`, met: p99Ms < targets.p99Ms }),
    },
  ]
}
