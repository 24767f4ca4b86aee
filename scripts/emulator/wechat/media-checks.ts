import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { fetchMedia, judgeMedia, type Verdict } from './inspect-media.ts'
import type { Pusher } from './pusher.ts'

/** What is to become of the next checks instead of what the file says. */
export interface ScriptedVerdict {
  readonly suggest?: 'pass' | 'review' | 'risky' | undefined
  readonly label?: number | undefined
  /** Other than 0: the file could not be checked. */
  readonly errcode?: number | undefined
  /** Before the verdict is pushed. */
  readonly delayMs?: number | undefined
  /** No verdict is ever pushed. */
  readonly never?: boolean | undefined
  /** How often the same verdict is pushed once more. */
  readonly duplicates?: number | undefined
  /** Checks it applies to; one unless given. */
  readonly times?: number | undefined
}

export interface MediaToCheck {
  readonly mediaUrl: string
  readonly mediaType: number
  readonly openid: string
  readonly scene: number
}

export interface MediaCheck extends MediaToCheck {
  readonly traceId: string
  /** Of the fetched file; undefined until it is there, and where it cannot be had. */
  readonly sizeBytes?: number
  readonly verdict?: Verdict
}

/** Content safety's work on files, which goes on after the call that asked for it. */
export interface MediaChecks {
  /** Begins a check and gives its trace id. */
  start(media: MediaToCheck): string
  script(verdict: ScriptedVerdict): void
  /** Every check so far. */
  list(): readonly MediaCheck[]
  /** Resolves once no check is under way and what was found is pushed. */
  settled(): Promise<void>
  /** Forgets all of them, those under way included. */
  clear(): void
}

export interface MediaChecksOptions {
  readonly appId: string
  readonly pusher: Pusher
  /** Before a verdict is pushed, where nothing else is scripted. */
  readonly delayMs: number
}

export function createMediaChecks({ appId, pusher, delayMs }: MediaChecksOptions): MediaChecks {
  const checks = new Map<string, MediaCheck>()
  const running = new Set<Promise<void>>()
  let scripted: { readonly verdict: ScriptedVerdict; left: number }[] = []
  let ending = new AbortController()

  function start(media: MediaToCheck): string {
    const traceId = randomBytes(12).toString('hex')
    checks.set(traceId, { ...media, traceId })
    const work = carryOut(traceId, media, take(), ending.signal)
      .catch(() => {}) // it was forgotten
      .finally(() => running.delete(work))
    running.add(work)
    return traceId
  }

  function take(): ScriptedVerdict {
    const [first] = scripted
    if (first === undefined) return {}
    first.left -= 1
    if (first.left <= 0) scripted.shift()
    return first.verdict
  }

  async function carryOut(
    traceId: string,
    media: MediaToCheck,
    script: ScriptedVerdict,
    signal: AbortSignal,
  ): Promise<void> {
    const bytes = await fetchMedia(media.mediaUrl, signal)
    const verdict = { ...judgeMedia(bytes), ...scriptedPart(script) }
    const size = bytes === undefined ? {} : { sizeBytes: bytes.byteLength }
    checks.set(traceId, { ...media, traceId, ...size, verdict })
    if (script.never === true) return
    await delay(script.delayMs ?? delayMs, undefined, { signal })
    const message = verdictMessage(appId, traceId, verdict)
    for (let left = 1 + (script.duplicates ?? 0); left > 0; left -= 1) await pusher.push(message)
  }

  return {
    start,
    script: (verdict) => void scripted.push({ verdict, left: verdict.times ?? 1 }),
    list: () => [...checks.values()],
    async settled() {
      while (running.size > 0) await Promise.all(running)
    },
    clear() {
      ending.abort()
      ending = new AbortController()
      checks.clear()
      scripted = []
    },
  }
}

function scriptedPart({ suggest, label, errcode }: ScriptedVerdict): Partial<Verdict> {
  return {
    ...(suggest === undefined ? {} : { suggest, label: suggest === 'pass' ? 100 : 21000, errcode: 0 }),
    ...(label === undefined ? {} : { label }),
    ...(errcode === undefined ? {} : { errcode }),
  }
}

function verdictMessage(appId: string, traceId: string, { suggest, label, errcode }: Verdict) {
  const message = { Event: 'wxa_media_check', appid: appId, trace_id: traceId, version: 2 }
  if (errcode !== 0) return { ...message, errcode, errmsg: 'download failed' }
  return {
    ...message,
    detail: [{ strategy: 'content_model', errcode: 0, suggest, label, prob: 90 }],
    errcode,
    errmsg: 'ok',
    result: { suggest, label },
  }
}
