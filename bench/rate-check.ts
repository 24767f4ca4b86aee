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
import type { Row } from './table.ts'

const root = dirname(import.meta.dirname)
const RUNTIMES = ['bun', 'node'] as const
const PEERS = ['flexible', 'upstash'] as const
const TARGETS = { perS: 3_000, p99Ms: 15 }

interface Server {
  readonly url: string
  stop(): void
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
    const rows: Row[] = []
    for (const runtime of RUNTIMES) {
      const server = await startFunction(runtime, join(outDir, 'rate-check', 'index.mjs'), env)
      rows.push(...rowsOf(`rate-check over HTTP, signed, ${runtime}`, await load(server, signer), TARGETS))
    }
    for (const peer of PEERS) {
      const server = await startPeer(peer, redis.url)
      rows.push(...rowsOf(`bare server around ${peer}, unsigned, node`, await load(server, [])))
    }
    return rows
  } finally {
    await Promise.all([postgres.stop(), redis?.stop()])
    rmSync(folder, { recursive: true, force: true })
  }
}

async function load(server: Server, signer: readonly string[]): Promise<HttpLoad> {
  try {
    const worker = join(import.meta.dirname, 'http-load-worker.ts')
    return JSON.parse(await outputOf(process.execPath, [worker, server.url, ...signer]))
  } finally {
    server.stop()
  }
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

function rowsOf(
  what: string,
  { perS, p50Ms, p99Ms, statuses }: HttpLoad,
  targets?: typeof TARGETS,
): readonly Row[] {
  if (Object.keys(statuses).join() !== '200')
    throw new TypeError(`${what} answered ${JSON.stringify(statuses)}`)
  const how = 'median of 5 rounds of 2 s, 32 connections, one key, client and Redis on the same 2 cores'
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
